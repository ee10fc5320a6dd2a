"""Answers to the exercises of lesson 01: what is refused, and why, and what is accepted."""

from answers import but, trials_of

MINIBATCHES = """
    def every_example_once(batch_size, features, labels):
        order = torch.randperm(len(features))
        for start in range(0, len(features), batch_size):
            rows = order[start : start + batch_size]
            yield features[rows], labels[rows]
"""
GRADIENT = """
    def penalised_gradient(X, y, w, b, penalty):
        error = X @ w + b - y
        return X.T @ error / len(X) + penalty * w, error.mean()
"""
STEP = """
    def train_step(X, y, w, b, lr):
        loss = ((X @ w + b - y.reshape(-1, 1)) ** 2 / 2).mean()
        loss.backward()
        with torch.no_grad():
            for param in (w, b):
                param -= lr * param.grad
                param.grad.zero_()
        return loss.item()
"""
PREDICTIONS = """
    w_grad = -16
    difference_shape = (5, 5)
    num_steps = 12
"""
LIMIT = """
    def largest_stable_lr(features):
        A = torch.cat([features, torch.ones(len(features), 1)], dim=1)
        return 2 / torch.linalg.eigvalsh(A.T @ A / len(A)).max()
"""

RIGHT = [
    ("every_example_once", "the solution", MINIBATCHES),
    (
        "every_example_once",
        "a list, by another road",
        """
    import random

    def every_example_once(size, X, y):
        left = list(range(len(X)))
        random.shuffle(left)
        batches = []
        while left:
            now, left = left[:size], left[size:]
            batches.append([torch.stack([X[i] for i in now]), torch.stack([y[i] for i in now])])
        return batches
    """,
    ),
    (
        "every_example_once",
        "NumPy",
        """
    import numpy as np

    def every_example_once(batch_size, features, labels):
        order = np.random.permutation(len(features))
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            yield features.numpy()[rows], labels.numpy()[rows]
    """,
    ),
    ("every_example_once", "prints", but(MINIBATCHES, "yield", "print('batch', start); yield")),
    ("penalised_gradient", "the solution", GRADIENT),
    (
        "penalised_gradient",
        "a loop, a list and a NumPy number",
        """
    def penalised_gradient(X, y, w, b, penalty):
        n, d = X.shape
        grad_w, grad_b = penalty * w, 0.0
        for i in range(n):
            error = sum(X[i, j] * w[j, 0] for j in range(d)) + b - y[i, 0]
            grad_w = grad_w + error * X[i].reshape(d, 1) / n
            grad_b += error.item() / n
        return [grad_w.tolist(), grad_b]
    """,
    ),
    (
        "penalised_gradient",
        "with another order of sums",
        but(GRADIENT, "error.mean()", "(error / len(X)).sum(dim=0, keepdim=True).double()"),
    ),
    ("train_step", "the solution", STEP),
    (
        "train_step",
        "by hand, other shapes, a tensor returned",
        """
    def train_step(X, y, w, b, lr):
        error = (X @ w + b).flatten() - y.flatten()
        with torch.no_grad():
            w -= lr * (error @ X).reshape(-1, 1) / len(X)
            b -= lr * error.mean()
        return (error**2).mean() / 2
    """,
    ),
    (
        "train_step",
        "zeroed before, by None",
        but(
            STEP,
            "loss.backward()",
            "w.grad = b.grad = None; loss.backward()",
            "param.grad.zero_()",
            "pass",
        ),
    ),
    ("predict_before_running", "the solution", PREDICTIONS),
    (
        "predict_before_running",
        "a tensor, a torch.Size, a float",
        """
    w_grad = torch.tensor([-16.0])
    difference_shape = torch.Size([5, 5])
    num_steps = 12.0
    """,
    ),
    ("predict_before_running", "a list", but(PREDICTIONS, "(5, 5)", "[5, 5]")),
    ("largest_stable_lr", "the solution", LIMIT),
    (
        "largest_stable_lr",
        "by singular values, a float",
        """
    def largest_stable_lr(features):
        A = torch.hstack([features, torch.ones_like(features[:, :1])]).double()
        return 2 * len(A) / torch.linalg.svdvals(A)[0].item() ** 2
    """,
    ),
    (
        "largest_stable_lr",
        "by power iteration, within 1 percent",
        """
    def largest_stable_lr(features):
        A = torch.cat([features, torch.ones(len(features), 1)], dim=1)
        v = torch.randn(A.shape[1], 1)
        for _ in range(300):
            v = A.T @ (A @ v) / len(A)
            size = v.norm()
            v = v / size
        return 1.005 * 2 / size.reshape(1, 1)
    """,
    ),
]

WRONG = [
    # Exercise 1
    (
        "every_example_once",
        "drops the last batch",
        but(MINIBATCHES, "len(features), batch_size)", "len(features) - batch_size, batch_size)"),
        "of the",
    ),
    (
        "every_example_once",
        "not shuffled",
        but(MINIBATCHES, "torch.randperm(", "torch.arange("),
        "the examples come in the order of the data.",
    ),
    (
        "every_example_once",
        "with replacement",
        but(
            MINIBATCHES,
            "torch.randperm(len(features))",
            "torch.randint(len(labels), (len(labels),))",
        ),
        "examples never come, others twice",
    ),
    (
        "every_example_once",
        "shuffled apart",
        but(MINIBATCHES, "labels[rows]", "labels[torch.randperm(len(labels))][rows]"),
        "values: X and y of a minibatch do not belong together",
    ),
    (
        "every_example_once",
        "reseeds",
        but(MINIBATCHES, "order =", "torch.manual_seed(0); order ="),
        "two epochs bring the examples in the same order.",
    ),
    (
        "every_example_once",
        "an empty batch of nothing, as the lesson's",
        """
    def every_example_once(batch_size, features, labels):
        for rows in torch.randperm(len(features)).split(batch_size):
            yield features[rows], labels[rows]
    """,
        "hands out a minibatch where there are no examples.\n  Tried with no examples.",
    ),
    (
        "every_example_once",
        "endless on empty input",
        """
    def every_example_once(batch_size, features, labels):
        order = torch.randperm(len(features))
        while len(order) == 0:
            pass
        for start in range(0, len(features), batch_size):
            rows = order[start : start + batch_size]
            yield features[rows], labels[rows]
    """,
        "still running after 0.5 s.\n  in line ",
    ),
    (
        "every_example_once",
        "endless batches",
        but(
            MINIBATCHES,
            "for start",
            "while True:\n          for start",
            "\n            ",
            "\n" + 16 * " ",
        ),
        "it never stops: more than",
    ),
    (
        "every_example_once",
        "shuffles the caller's rows",
        but(
            MINIBATCHES,
            "order = torch.randperm(len(features))",
            "order = torch.arange(len(features)); p = torch.randperm(len(features));"
            " features.copy_(features[p]); labels.copy_(labels[p])",
        ),
        "it changes `features`, which belongs to the caller.",
    ),
    (
        "every_example_once",
        "for the shown size only",
        but(MINIBATCHES, "len(features)", "1000"),
        "raises IndexError",
    ),
    (
        "every_example_once",
        "flat labels",
        but(MINIBATCHES, "labels[rows]", "labels[rows].flatten()"),
        "shape: y of a minibatch is to have shape (10, 1), got (10,).",
    ),
    (
        "every_example_once",
        "only the first batch",
        but(MINIBATCHES, "yield", "return"),
        "type: expected a tuple (X, y), got a tensor.",
    ),
    (
        "every_example_once",
        "one row at a time",
        but(
            MINIBATCHES, "0, len(features), batch_size)", "len(features))", "+ batch_size]", "+ 1]"
        ),
        "all but the last are to be full",
    ),
    (
        "every_example_once",
        "keyword names",
        but(MINIBATCHES, "(batch_size,", "(*, batch_size,"),
        "checking it raises TypeError: every_example_once() takes 0 positional arguments",
    ),
    # Exercise 2
    (
        "penalised_gradient",
        "no penalty",
        but(GRADIENT, " + penalty * w", ""),
        "values: grad_w is wrong in",
    ),
    (
        "penalised_gradient",
        "penalty twice",
        but(GRADIENT, "penalty * w", "2 * penalty * w"),
        "values: grad_w is wrong in",
    ),
    (
        "penalised_gradient",
        "penalty divided by n too",
        but(GRADIENT, "len(X) + penalty * w", "len(X) + penalty * w / len(X)"),
        "values: grad_w is wrong in",
    ),
    (
        "penalised_gradient",
        "penalty on the bias",
        but(GRADIENT, "error.mean()", "error.mean() + penalty * b"),
        "values: grad_b is not right",
    ),
    (
        "penalised_gradient",
        "sign",
        but(GRADIENT, "X @ w + b - y", "y - X @ w - b"),
        "values: grad_w has every sign the wrong way round.",
    ),
    (
        "penalised_gradient",
        "sum for mean",
        but(GRADIENT, " / len(X)", ""),
        "times what it should be, everywhere.",
    ),
    (
        "penalised_gradient",
        "hard-coded n",
        but(GRADIENT, " / len(X)", " / 10"),
        "times what it should be, everywhere.",
    ),
    (
        "penalised_gradient",
        "flat",
        but(GRADIENT, "penalty * w,", "penalty * w).flatten(),", "return X", "return (X"),
        "shape: grad_w is to have shape (3, 1), got (3,).",
    ),
    (
        "penalised_gradient",
        "only grad_w",
        but(GRADIENT, ", error.mean()", ""),
        "type: expected a tuple (grad_w, grad_b), got a tensor.",
    ),
    (
        "penalised_gradient",
        "by autograd",
        """
    def penalised_gradient(X, y, w, b, penalty):
        loss = ((X @ w + b - y) ** 2 / 2).mean() + penalty / 2 * (w**2).sum()
        loss.backward()
        return w.grad, b.grad
    """,
        "it raises RuntimeError: element 0 of tensors does not require grad",
    ),
    (
        "penalised_gradient",
        "in place",
        but(GRADIENT, "return", "w *= penalty; return", "+ penalty * w", "+ w"),
        "it changes `w`, which belongs to the caller.",
    ),
    (
        "penalised_gradient",
        "prints and forgets to return",
        but(GRADIENT, "return", "print(1, 2, 3, sep='\\n'); print('four\\nfive'); result ="),
        "got None (is a `return` missing?).\n  Tried with",
    ),
    # Exercise 3
    (
        "train_step",
        "shape only",
        but(STEP, "param.grad.zero_()", "pass"),
        "second step on the same batch.",
    ),
    (
        "train_step",
        "zeroing only",
        but(STEP, "y.reshape(-1, 1)", "y"),
        "values: the loss is not right; yours is",
    ),
    (
        "train_step",
        "rebinding",
        but(STEP, "param -= lr * param.grad", "param = param - lr * param.grad").replace(
            "param.grad.zero_()", "w.grad.zero_(); b.grad.zero_()"
        ),
        "values: `w` is where it was before the step.",
    ),
    (
        "train_step",
        "rebinding, zeroed first",
        but(
            STEP,
            "loss.backward()",
            "w.grad = b.grad = None; loss.backward()",
            "param -= lr * param.grad",
            "param = param - lr * param.grad",
            "param.grad.zero_()",
            "pass",
        ),
        "values: `w` is where it was before the step.",
    ),
    (
        "train_step",
        "zeroes before the update",
        but(STEP, "param -= lr", "param.grad.zero_(); param -= lr"),
        "values: `w` is where it was before the step.",
    ),
    (
        "train_step",
        "no return",
        but(STEP, "return loss.item()", ""),
        "type: the loss is to be a tensor or a number, got None (is a `return` missing?).",
    ),
    (
        "train_step",
        "the loss after the step",
        but(STEP, "return loss.item()", "return train_step and loss.item() * 0.9"),
        "values: the loss is not right",
    ),
    (
        "train_step",
        "uphill",
        but(STEP, "param -=", "param +="),
        "values: after it `w`",
    ),
    (
        "train_step",
        "no no_grad",
        but(STEP, "with torch.no_grad():", "if True:"),
        "it raises RuntimeError: a leaf Variable that requires grad is being used in an in-place",
    ),
    (
        "train_step",
        "column labels only",
        but(STEP, "y.reshape(-1, 1)", "y[:, :1]"),
        "it raises IndexError",
    ),
    # Exercise 4
    (
        "predict_before_running",
        "one backward",
        but(PREDICTIONS, "-16", "-8"),
        "values: w_grad is not -8.",
    ),
    (
        "predict_before_running",
        "no broadcasting",
        but(PREDICTIONS, "(5, 5)", "(5, 1)"),
        "values: difference_shape is not (5, 1).",
    ),
    (
        "predict_before_running",
        "a string for a shape",
        but(PREDICTIONS, "(5, 5)", "'5 x 5'"),
        "type: difference_shape is to be a tuple such as (3, 2).",
    ),
    (
        "predict_before_running",
        "words in a shape",
        but(PREDICTIONS, "(5, 5)", "('five', 'five')"),
        "type: difference_shape is to be a tuple such as (3, 2).",
    ),
    (
        "predict_before_running",
        "the last batch dropped",
        but(PREDICTIONS, "12", "9"),
        "values: num_steps is not 9.",
    ),
    (
        "predict_before_running",
        "steps as a string",
        but(PREDICTIONS, "12", "'12'"),
        "type: num_steps is to be a tensor or a number, got a str.",
    ),
    (
        "predict_before_running",
        "one left out",
        but(PREDICTIONS, "12", "..."),
        "○ Not attempted",
    ),
    # Exercise 5
    (
        "largest_stable_lr",
        "no bias",
        but(LIMIT, "torch.cat([features, torch.ones(len(features), 1)], dim=1)", "features"),
        "is too large: with 0.98 of it",
    ),
    (
        "largest_stable_lr",
        "1 for 2",
        but(LIMIT, "2 /", "1 /"),
        "is too small: with 1.02 of it",
    ),
    (
        "largest_stable_lr",
        "not divided by n",
        but(LIMIT, " / len(A)", ""),
        "is too small",
    ),
    (
        "largest_stable_lr",
        "the flattest direction",
        but(LIMIT, ".max()", ".min()"),
        "is too large",
    ),
    (
        "largest_stable_lr",
        "the lesson's number",
        "def largest_stable_lr(features):\n    return 1.775",
        "values: 1.775 is too",
    ),
    (
        "largest_stable_lr",
        "all curvatures",
        but(LIMIT, ".max()", ""),
        "shape: the learning rate is to be one number, got (3,).",
    ),
    (
        "largest_stable_lr",
        "negative",
        but(LIMIT, "2 /", "-2 /"),
        "is no learning rate.",
    ),
    (
        "largest_stable_lr",
        "centres the caller's data",
        but(LIMIT, "return", "features -= features.mean(dim=0); return"),
        "it changes `features`, which belongs to the caller.",
    ),
]


(
    test_right_answers_are_accepted,
    test_wrong_answers_are_refused_for_the_right_reason,
) = trials_of("01", RIGHT, WRONG)
