"""Answers to the exercises of lesson 05: what is refused, and why, and what is accepted."""

from answers import but, trials_of

HUBER = """
    def huber_loss(r, delta):
        return torch.where(r.abs() <= delta, r**2 / 2, delta * (r.abs() - delta / 2))
"""
SOFTMAX = """
    def softmax_and_log_sum_exp(o):
        m = o.max(dim=1, keepdim=True).values
        o_exp = torch.exp(o - m)
        total = o_exp.sum(dim=1, keepdim=True)
        return o_exp / total, (m + torch.log(total))[:, 0]
"""
CONFUSION = """
    def accuracy_and_confusion(y_hat, y):
        q = y_hat.shape[1]
        pairs = y * q + y_hat.argmax(dim=1)
        confusion = torch.bincount(pairs, minlength=q * q).reshape(q, q)
        return (confusion.trace() / len(y)).item(), confusion
"""
EVALUATE = """
    def evaluate(net, X, y, batch_size):
        loss, right = 0.0, 0
        for X_now, y_now in zip(X.split(batch_size), y.split(batch_size)):
            o = net(X_now)
            loss += torch.nn.functional.cross_entropy(o, y_now, reduction="sum").item()
            right += (o.argmax(dim=1) == y_now).sum().item()
        return loss / len(y), right / len(y)
"""
GRADIENT = """
    def smoothed_gradient(X, y, W, b, smoothing):
        q = W.shape[1]
        one_hot = torch.nn.functional.one_hot(y, num_classes=q)
        target = (1 - smoothing) * one_hot + smoothing / q
        y_hat = torch.softmax(X @ W + b, dim=1)
        G = (y_hat - target) / len(X)
        return X.T @ G, G.sum(dim=0)
"""

RIGHT = [
    ("huber_loss", "the solution", HUBER),
    (
        "huber_loss",
        "cut off",
        """
    def huber_loss(r, delta):
        m = r.abs().clamp(max=delta)
        return m * (r.abs() - m / 2)
    """,
    ),
    (
        "huber_loss",
        "NumPy, with masks, in place of a copy",
        """
    import numpy as np

    def huber_loss(errors, border):
        r = np.abs(errors.numpy().astype(float))
        losses = np.array(r**2 / 2)
        losses[r > border] = border * r[r > border] - border**2 / 2
        return losses
    """,
    ),
    (
        "huber_loss",
        "one after the other, a list",
        """
    def huber_loss(r, delta):
        if r.ndim > 0:
            return [huber_loss(part, delta) for part in r]
        size = abs(r.item())
        return size**2 / 2 if size < delta else delta * size - delta**2 / 2
    """,
    ),
    ("softmax_and_log_sum_exp", "the solution", SOFTMAX),
    (
        "softmax_and_log_sum_exp",
        "by the logarithm, a list",
        """
    def softmax_and_log_sum_exp(o):
        m = o.amax(1)
        lse = m + (o.T - m).T.exp().sum(-1).log()
        return [(o - lse.reshape(-1, 1)).exp(), lse]
    """,
    ),
    (
        "softmax_and_log_sum_exp",
        "plain Python, row by row",
        """
    from math import exp, log

    def softmax_and_log_sum_exp(o):
        y_hat, results = [], []
        for row in o.tolist():
            powers = [exp(x - max(row)) for x in row]
            y_hat.append([p / sum(powers) for p in powers])
            results.append(max(row) + log(sum(powers)))
        return y_hat, results
    """,
    ),
    (
        "softmax_and_log_sum_exp",
        "PyTorch's",
        """
    def softmax_and_log_sum_exp(o):
        return torch.softmax(o, dim=1), torch.logsumexp(o, dim=1)
    """,
    ),
    ("accuracy_and_confusion", "the solution", CONFUSION),
    (
        "accuracy_and_confusion",
        "a product of one-hot matrices, tensors",
        """
    def accuracy_and_confusion(y_hat, y):
        kinds, answers = torch.eye(y_hat.shape[1]), y_hat.argmax(dim=1)
        return (answers == y).float().mean(), kinds[y].T @ kinds[answers]
    """,
    ),
    (
        "accuracy_and_confusion",
        "NumPy",
        """
    import numpy as np

    def accuracy_and_confusion(y_hat, y):
        answers, truth = y_hat.numpy().argmax(axis=1), y.numpy()
        counts = np.zeros((y_hat.shape[1],) * 2, dtype=int)
        np.add.at(counts, (truth, answers), 1)
        return np.mean(answers == truth), counts
    """,
    ),
    (
        "accuracy_and_confusion",
        "a loop over the kinds, lists",
        """
    def accuracy_and_confusion(y_hat, y):
        kinds, answers = range(y_hat.shape[1]), y_hat.max(dim=1).indices
        counts = [[int(((y == i) & (answers == j)).sum()) for j in kinds] for i in kinds]
        return [sum(counts[i][i] for i in kinds) / len(y), counts]
    """,
    ),
    ("evaluate", "the solution", EVALUATE),
    (
        "evaluate",
        "the given lists, weighted",
        """
    def evaluate(net, X, y, batch_size):
        losses, accuracies, sizes = [], [], []
        for X_now, y_now in zip(X.split(batch_size), y.split(batch_size)):
            o = net(X_now)
            losses.append(torch.nn.functional.cross_entropy(o, y_now).item() * len(y_now))
            accuracies.append((o.argmax(dim=-1) == y_now).float().mean().item() * len(y_now))
            sizes.append(len(y_now))
        return sum(losses) / sum(sizes), sum(accuracies) / sum(sizes)
    """,
    ),
    (
        "evaluate",
        "by slices, minus the log of the softmax, tensors",
        """
    def evaluate(net, X, y, batch_size):
        total = torch.zeros(2)
        for start in range(0, len(X), batch_size):
            y_now = y[start : start + batch_size]
            y_hat = torch.softmax(net(X[start : start + batch_size]), dim=1)
            total[0] -= y_hat[torch.arange(len(y_now)), y_now].log().sum().detach()
            total[1] += (y_hat.argmax(dim=1) == y_now).sum()
        return total[0] / len(X), total[1:] / len(X)
    """,
    ),
    ("smoothed_gradient", "the solution", GRADIENT),
    (
        "smoothed_gradient",
        "a loop over the examples",
        """
    def smoothed_gradient(X, y, W, b, smoothing):
        (n, d), q = X.shape, len(b)
        grad_W, grad_b = torch.zeros(d, q), torch.zeros(1, q)
        for i in range(n):
            o = (X[i] @ W + b).tolist()
            powers = [2.718281828459045 ** (value - max(o)) for value in o]
            for j in range(q):
                target = smoothing / q + (1 - smoothing) * (j == y[i].item())
                pull = (powers[j] / sum(powers) - target) / n
                grad_W[:, j] += pull * X[i]
                grad_b[0, j] += pull
        return grad_W, grad_b
    """,
    ),
    (
        "smoothed_gradient",
        "einsum, by index, a list",
        """
    def smoothed_gradient(X, y, W, b, smoothing):
        o = X @ W + b
        G = (o - o.logsumexp(dim=1, keepdim=True)).exp() - smoothing / b.numel()
        G[range(len(y)), y] -= 1 - smoothing
        return [torch.einsum("nd,nq->dq", X, G).div(len(y)).tolist(), G.mean(dim=0).double()]
    """,
    ),
]

WRONG = [
    # Exercise 1
    (
        "huber_loss",
        "the lesson's",
        but(HUBER, "= delta,", "= 1,", "delta *", "1 *", "delta / 2", "0.5"),
        "values: the loss is wrong in",
    ),
    (
        "huber_loss",
        "only the lesson's line",
        but(HUBER, "delta * (r.abs() - delta / 2)", "r.abs() - 0.5"),
        "values: the loss jumps at delta, from ",
    ),
    (
        "huber_loss",
        "no constant",
        but(HUBER, " - delta / 2", ""),
        "values: the loss jumps at delta",
    ),
    (
        "huber_loss",
        "no absolute value",
        but(HUBER, "(r.abs() -", "(r -"),
        "values: the loss jumps at -delta",
    ),
    (
        "huber_loss",
        "no absolute value in the condition",
        but(HUBER, "r.abs() <=", "r <="),
        "values: the loss is wrong in",
    ),
    (
        "huber_loss",
        "a line of slope 1",
        but(HUBER, "delta * (r.abs() - delta / 2)", "delta**2 / 2 + r.abs() - delta"),
        "values: the loss has a kink at delta",
    ),
    (
        "huber_loss",
        "no 1/2",
        but(HUBER, "r**2 / 2", "r**2", "delta / 2)", "delta / 2) * 2"),
        "values: the loss is 2 times what it should be, everywhere.",
    ),
    (
        "huber_loss",
        "divided by delta",
        but(HUBER, "torch.where", "1 / delta * torch.where"),
        "times what it should be, everywhere.",
    ),
    (
        "huber_loss",
        "the mean",
        but(HUBER, "delta / 2))", "delta / 2)).mean()"),
        "shape: the loss is to have shape (6,), got ().",
    ),
    (
        "huber_loss",
        "an if",
        """
    def huber_loss(r, delta):
        if abs(r) <= delta:
            return r**2 / 2
        return delta * (abs(r) - delta / 2)
    """,
        "it raises RuntimeError: Boolean value of Tensor with more than one value is ambiguous",
    ),
    (
        "huber_loss",
        "vectors only",
        """
    def huber_loss(r, delta):
        return [min(abs(e), delta) * (abs(e) - min(abs(e), delta) / 2) for e in r.tolist()]
    """,
        "it raises TypeError: ",
    ),
    (
        "huber_loss",
        "in place",
        but(HUBER, "return torch", "r.abs_(); return torch"),
        "it changes `r`, which belongs to the caller.",
    ),
    ("huber_loss", "no return", but(HUBER, "return", "loss ="), "(is a `return` missing?)."),
    (
        "huber_loss",
        "endless",
        but(HUBER, "return", "while True: pass\n        return"),
        "still running after 0.5 s.",
    ),
    (
        "huber_loss",
        "the gradient",
        but(HUBER, "torch.where", "r.clamp(-delta, delta) #"),
        "values: the loss",
    ),
    # Exercise 2
    (
        "softmax_and_log_sum_exp",
        "naive",
        but(SOFTMAX, "m = o", "m = 0 * o"),
        "values: y_hat holds nan.\n  Tried with",
    ),
    (
        "softmax_and_log_sum_exp",
        "one maximum for all",
        but(
            SOFTMAX, "o.max(dim=1, keepdim=True).values", "o.max().reshape(1, 1).expand(len(o), 1)"
        ),
        "values: y_hat holds nan.\n  Tried with rows of logits near 1000, near -1000 and near 0.",
    ),
    (
        "softmax_and_log_sum_exp",
        "cut off",
        but(SOFTMAX, "m = o", "o = o.clamp(-80, 80); m = o"),
        "logits near 1000.",
    ),
    (
        "softmax_and_log_sum_exp",
        "nan made zero",
        but(
            SOFTMAX,
            "m = o",
            "m = 0 * o",
            "return o_exp / total",
            "return (o_exp / total).nan_to_num()",
        ),
        "values: y_hat is zero everywhere.\n  Tried with",
    ),
    (
        "softmax_and_log_sum_exp",
        "maximum not added",
        but(SOFTMAX, "m + torch.log", "0 * m + torch.log"),
        "values: log_sum_exp",
    ),
    (
        "softmax_and_log_sum_exp",
        "log-sum-exp from the probabilities",
        but(
            SOFTMAX, "(m + torch.log(total))", "torch.log((o_exp / total).sum(dim=1, keepdim=True))"
        ),
        "values: log_sum_exp",
    ),
    (
        "softmax_and_log_sum_exp",
        "the smallest taken out",
        but(SOFTMAX, "o.max(", "o.min("),
        "logits near 1000, -1000 and 0 in each row.",
    ),
    (
        "softmax_and_log_sum_exp",
        "wrong axis",
        but(SOFTMAX, "dim=1", "dim=0", "[:, 0]", "[0]"),
        "values: y_hat is wrong in",
    ),
    (
        "softmax_and_log_sum_exp",
        "a column",
        but(SOFTMAX, "[:, 0]", ""),
        "shape: log_sum_exp is to have shape (",
    ),
    (
        "softmax_and_log_sum_exp",
        "only the softmax",
        but(SOFTMAX, ", (m + torch.log(total))[:, 0]", ""),
        "type: expected a tuple (y_hat, log_sum_exp), got a tensor.",
    ),
    (
        "softmax_and_log_sum_exp",
        "in place",
        but(SOFTMAX, "torch.exp(o - m)", "o.sub_(m).exp_()"),
        "it changes `o`, which belongs to the caller.",
    ),
    (
        "softmax_and_log_sum_exp",
        "-inf times 0",
        but(SOFTMAX, "m = o", "o = o + 0 * o; m = o"),
        "values: y_hat holds nan.\n  Tried with a logit of -inf in two of three rows.",
    ),
    (
        "softmax_and_log_sum_exp",
        "for 7 logits only",
        but(SOFTMAX, "o_exp = torch", "m[:, [0] * 7] - o; o_exp = torch"),
        "it raises RuntimeError",
    ),
    # Exercise 3
    (
        "accuracy_and_confusion",
        "wrong axis",
        but(CONFUSION, "argmax(dim=1)", "argmax(dim=0)"),
        "it raises RuntimeError: The size of tensor a (8) must match the size of tensor b (3)",
    ),
    (
        "accuracy_and_confusion",
        "the wrong way round",
        but(CONFUSION, "reshape(q, q)", "reshape(q, q).T"),
        "values: the confusion matrix has true kinds and answers the wrong way round.",
    ),
    (
        "accuracy_and_confusion",
        "no minlength",
        but(CONFUSION, ", minlength=q * q", ""),
        "it raises RuntimeError: shape '[",
    ),
    (
        "accuracy_and_confusion",
        "only kinds that occur",
        but(
            CONFUSION, "q = y_hat.shape[1]", "q = int(max(y.max(), y_hat.argmax(dim=1).max())) + 1"
        ),
        "shape: the confusion matrix is to have shape (",
    ),
    (
        "accuracy_and_confusion",
        "ten kinds",
        but(CONFUSION, "q = y_hat.shape[1]", "q = 10"),
        "shape: the confusion matrix is to have shape (3, 3), got (10, 10).",
    ),
    (
        "accuracy_and_confusion",
        "percent",
        but(CONFUSION, "(confusion", "(100 * confusion"),
        "values: the accuracy is to be a share from 0 to 1; yours is ",
    ),
    (
        "accuracy_and_confusion",
        "shares of each kind",
        but(
            CONFUSION,
            "(), confusion",
            "(), confusion / confusion.sum(dim=1, keepdim=True).clamp(min=1)",
        ),
        "values: the confusion matrix",
    ),
    (
        "accuracy_and_confusion",
        "the mean of the kinds' accuracies",
        but(
            CONFUSION,
            "confusion.trace() / len(y)",
            "(confusion.diag() / confusion.sum(dim=1)).nanmean()",
        ),
        "values: the accuracy is not right; yours is ",
    ),
    (
        "accuracy_and_confusion",
        "the error rate",
        but(CONFUSION, "(confusion.trace", "(1 - confusion.trace"),
        "values: the accuracy is not right; yours is ",
    ),
    (
        "accuracy_and_confusion",
        "each pair once",
        """
    def accuracy_and_confusion(y_hat, y):
        answers = y_hat.argmax(dim=1)
        confusion = torch.zeros(y_hat.shape[1], y_hat.shape[1])
        confusion[y, answers] += 1
        return (answers == y).float().mean(), confusion
    """,
        "values: the confusion matrix is ",
    ),
    (
        "accuracy_and_confusion",
        "a loop, endless for so many",
        """
    def accuracy_and_confusion(y_hat, y):
        confusion = torch.zeros(y_hat.shape[1], y_hat.shape[1])
        for i in range(len(y)):
            confusion[y[i], y_hat[i].argmax()] += 1
        return confusion.diag().sum() / len(y), confusion
    """,
        "still running after 0.5 s.",
    ),
    (
        "accuracy_and_confusion",
        "only the matrix",
        but(CONFUSION, "(confusion.trace() / len(y)).item(), ", ""),
        "type: expected a tuple (accuracy, confusion), got a tensor.",
    ),
    (
        "accuracy_and_confusion",
        "in place",
        but(CONFUSION, "y * q +", "y.mul_(q) +"),
        "it changes `y`, which belongs to the caller.",
    ),
    # Exercise 4
    (
        "evaluate",
        "softmax twice",
        but(EVALUATE, "o = net(X_now)", "o = torch.softmax(net(X_now), dim=1)"),
        "values: the loss is not right; yours is ",
    ),
    (
        "evaluate",
        "wrong axis",
        but(EVALUATE, "dim=1", "dim=0"),
        "it raises RuntimeError: The size of tensor a (3) must match the size of tensor b (4)",
    ),
    (
        "evaluate",
        "mean of means",
        """
    def evaluate(net, X, y, batch_size):
        losses, accuracies = [], []
        for X_now, y_now in zip(X.split(batch_size), y.split(batch_size)):
            o = net(X_now)
            losses.append(torch.nn.functional.cross_entropy(o, y_now).item())
            accuracies.append((o.argmax(dim=1) == y_now).float().mean().item())
        return sum(losses) / len(losses), sum(accuracies) / len(accuracies)
    """,
        "the loss is not right",
    ),
    (
        "evaluate",
        "only the loss weighted",
        """
    def evaluate(net, X, y, batch_size):
        loss, accuracies = 0, []
        for X_now, y_now in zip(X.split(batch_size), y.split(batch_size)):
            o = net(X_now)
            loss += torch.nn.functional.cross_entropy(o, y_now).item() * len(y_now)
            accuracies.append((o.argmax(dim=1) == y_now).float().mean().item())
        return loss / len(y), sum(accuracies) / len(accuracies)
    """,
        "values: the accuracy is not right; yours is ",
    ),
    (
        "evaluate",
        "last batch dropped",
        but(
            EVALUATE,
            "o = net(X_now)",
            "o = net(X_now)\n            if len(y_now) < batch_size: break",
        ),
        "the last of 2.",
    ),
    (
        "evaluate",
        "the sum of the losses",
        but(EVALUATE, "loss / len(y)", "loss"),
        "values: the loss is not right",
    ),
    (
        "evaluate",
        "the number of right answers",
        but(EVALUATE, "right / len(y)", "right"),
        "values: the accuracy is not right",
    ),
    (
        "evaluate",
        "returns in the loop",
        but(EVALUATE, "        return", "            return"),
        "the loss is not right",
    ),
    (
        "evaluate",
        "swapped",
        but(EVALUATE, "loss / len(y), right / len(y)", "right / len(y), loss / len(y)"),
        "values: the loss is not right",
    ),
    (
        "evaluate",
        "no return",
        but(EVALUATE, "return", "result ="),
        "type: expected a tuple (loss, accuracy), got None (is a `return` missing?).",
    ),
    (
        "evaluate",
        "in place",
        but(EVALUATE, "o = net(X_now)", "o = net(X_now); X_now.zero_()"),
        "it changes `X`, which belongs to the caller.",
    ),
    # Exercise 5
    (
        "smoothed_gradient",
        "no smoothing",
        but(GRADIENT, "(1 - smoothing) * one_hot + smoothing / q", "one_hot"),
        "smoothing 0.1.",
    ),
    (
        "smoothed_gradient",
        "not divided by q",
        but(GRADIENT, "smoothing / q", "smoothing"),
        "values: grad_W is wrong in",
    ),
    (
        "smoothed_gradient",
        "shared among the others",
        but(
            GRADIENT,
            "(1 - smoothing) * one_hot + smoothing / q",
            "torch.where(one_hot == 1, 1 - smoothing, smoothing / (q - 1))",
        ),
        "values: grad_W is wrong in",
    ),
    (
        "smoothed_gradient",
        "sign",
        but(GRADIENT, "(y_hat - target)", "(target - y_hat)"),
        "values: grad_W has every sign the wrong way round.",
    ),
    (
        "smoothed_gradient",
        "sum for mean",
        but(GRADIENT, " / len(X)", ""),
        "values: grad_W is 6 times what it should be, everywhere.",
    ),
    (
        "smoothed_gradient",
        "divided by the number of numbers",
        but(GRADIENT, " / len(X)", " / y_hat.numel()"),
        "values: grad_W is 0.25 times what it should be, everywhere.",
    ),
    (
        "smoothed_gradient",
        "transposed",
        but(GRADIENT, "X.T @ G", "G.T @ X"),
        "shape: grad_W is to have shape (3, 4), got (4, 3).",
    ),
    (
        "smoothed_gradient",
        "the mean twice",
        but(GRADIENT, "G.sum(dim=0)", "G.mean(dim=0)"),
        "values: grad_b is 0.167 times what it should be, everywhere.",
    ),
    (
        "smoothed_gradient",
        "over the wrong axis",
        but(GRADIENT, "G.sum(dim=0)", "G.sum(dim=1)"),
        "shape: grad_b is to hold 4 numbers, got (6,).",
    ),
    (
        "smoothed_gradient",
        "softmax over the wrong axis",
        but(GRADIENT, "+ b, dim=1", "+ b, dim=0"),
        "values: grad_W is wrong in",
    ),
    (
        "smoothed_gradient",
        "naive softmax",
        but(
            GRADIENT,
            "torch.softmax(X @ W + b, dim=1)",
            "torch.exp(X @ W + b); y_hat = y_hat / y_hat.sum(dim=1, keepdim=True)",
        ),
        "values: grad_W holds nan.\n  Tried with X (7, 3), W (3, 5), smoothing 0.1, logits near",
    ),
    (
        "smoothed_gradient",
        "kinds counted in the labels",
        but(GRADIENT, "num_classes=q", "num_classes=-1"),
        "smoothing 0.2, all of the first kind.",
    ),
    (
        "smoothed_gradient",
        "by autograd",
        """
    def smoothed_gradient(X, y, W, b, smoothing):
        o = X @ W + b
        torch.nn.functional.cross_entropy(o, y, label_smoothing=smoothing).backward()
        return W.grad, b.grad
    """,
        "it raises RuntimeError: element 0 of tensors does not require grad",
    ),
    (
        "smoothed_gradient",
        "a step",
        but(GRADIENT, "return", "W -= X.T @ G; return"),
        "it changes `W`, which belongs to the caller.",
    ),
    (
        "smoothed_gradient",
        "only grad_W",
        but(GRADIENT, ", G.sum(dim=0)", ""),
        "type: expected a tuple (grad_W, grad_b), got a tensor.",
    ),
]


(
    test_right_answers_are_accepted,
    test_wrong_answers_are_refused_for_the_right_reason,
) = trials_of("05", RIGHT, WRONG)
