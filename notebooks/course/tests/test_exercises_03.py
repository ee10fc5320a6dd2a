"""Answers to the exercises of lesson 03: what is refused, and why, and what is accepted."""

from answers import but, trials_of

PREDICTIONS = """
    w_after_one = 1.3
    grad_in_the_end = -9.6
    start_in_the_end = 2.26
    largest_lr = 0.04
"""
GRADIENT = """
    def growth_gradient(w, x, y):
        y_hat = torch.exp(w * x)
        return 2 * (y_hat - y) * y_hat * x
"""
DESCENT = """
    def run_sgd(x, y, lr, picks):
        w, ws, losses = torch.tensor(1.0, requires_grad=True), [], []
        for i in picks:
            l = (w * x[i] - y[i]) ** 2
            l.backward()
            with torch.no_grad():
                w -= lr * w.grad
            w.grad.zero_()
            ws.append(w.item())
            losses.append(l.item())
        return ws, losses
"""
VARIANCE = """
    def batch_variance(slopes, batch_size):
        n = len(slopes)
        if n == 1:
            return 0.0
        one = slopes.var(unbiased=False)
        return one / batch_size * (n - batch_size) / (n - 1)
"""
LISTED = """
    def batch_variance(slopes, batch_size):
        batches = torch.combinations(torch.arange(len(slopes)), batch_size)
        return slopes[batches].mean(1).var(unbiased=False)
"""

RIGHT = [
    # Exercise 1
    ("predict_before_running", "the solution", PREDICTIONS),
    (
        "predict_before_running",
        "as PyTorch gives them",
        """
    w = torch.tensor(0.5, requires_grad=True)
    start, ws = w.detach(), []
    for _ in range(2):
        ((w * 2.0 - 3.0) ** 2).backward()
        with torch.no_grad():
            w -= 0.1 * w.grad
        ws.append(w.item())
    w_after_one, grad_in_the_end, start_in_the_end = ws[0], w.grad, start
    largest_lr = 1 / torch.tensor([0.5, -5.0, 2.0]).abs().max() ** 2
    """,
    ),
    (
        "predict_before_running",
        "a list, an array, a rate found by trying",
        """
    import numpy as np

    w_after_one = [1.3]
    grad_in_the_end = np.float32(-9.6)
    start_in_the_end = np.array([2.26])
    largest_lr = 0.0398
    """,
    ),
    # Exercise 2
    ("growth_gradient", "the solution", GRADIENT),
    (
        "growth_gradient",
        "NumPy",
        """
    import numpy as np

    def growth_gradient(w, x, y):
        w, x, y = w.numpy(), x.numpy(), y.numpy()
        return 2 * x * (np.exp(2 * w * x) - y * np.exp(w * x))
    """,
    ),
    (
        "growth_gradient",
        "a loop over all places",
        """
    import math

    def growth_gradient(rate, times, counts):
        result = torch.zeros(times.shape).reshape(-1)
        for k, (x, y) in enumerate(zip(times.flatten().tolist(), counts.flatten().tolist())):
            grown = math.exp(rate.item() * x)
            result[k] = 2 * (grown - y) * grown * x
        return result.reshape(times.shape).tolist()
    """,
    ),
    (
        "growth_gradient",
        "a finite difference",
        """
    def growth_gradient(w, x, y, h=1e-5):
        w, x, y = w.double(), x.double(), y.double()
        up, down = ((torch.exp((w + sign * h) * x) - y) ** 2 for sign in (1, -1))
        return (up - down) / (2 * h)
    """,
    ),
    # Exercise 3
    ("run_sgd", "the solution", DESCENT),
    (
        "run_sgd",
        "tensors, zeroed before by None",
        but(
            DESCENT,
            "l.backward()",
            "w.grad = None; l.backward()",
            "w.grad.zero_()",
            "pass",
            "w.item()",
            "w.detach().clone()",
            "l.item()",
            "l.detach()",
        ),
    ),
    (
        "run_sgd",
        "by hand, as tensors",
        """
    def run_sgd(x, y, lr, picks):
        w, ws, losses = 1.0, torch.zeros(len(picks)), torch.zeros(len(picks), 1)
        for k, i in enumerate(picks):
            error = w * x[i] - y[i]
            losses[k] = error**2
            w = w - lr * 2 * x[i] * error
            ws[k] = w
        return [ws, losses]
    """,
    ),
    (
        "run_sgd",
        "an optimizer and NumPy",
        """
    import numpy as np

    def run_sgd(x, y, lr, picks):
        w = torch.nn.Parameter(torch.ones(1))
        optimizer, ws, losses = torch.optim.SGD([w], lr=lr), [], []
        for i in picks:
            optimizer.zero_grad()
            l = (w * x[i] - y[i]).pow(2).sum()
            l.backward()
            optimizer.step()
            ws.append(w.detach().numpy().copy())
            losses.append(np.float32(l.item()))
        return ws, np.array(losses)
    """,
    ),
    # Exercise 4
    ("batch_variance", "the solution", VARIANCE),
    (
        "batch_variance",
        "lists where it can, which agrees",
        LISTED.replace("def batch_variance", "def listed")
        + VARIANCE
        + "    formula = batch_variance\n"
        + """
    def batch_variance(slopes, k):
        return (listed if len(slopes) < 10 else formula)(slopes, k)
    """,
    ),
    (
        "batch_variance",
        "lists in Python, 64 bits, a float",
        """
    from itertools import combinations
    from statistics import fmean, pvariance

    def batch_variance(slopes, k):
        slopes = slopes.tolist()
        n = len(slopes)
        if n < 10:
            return pvariance([fmean(batch) for batch in combinations(slopes, k)])
        return pvariance(slopes) * (n / k - 1) / (n - 1)
    """,
    ),
    (
        "batch_variance",
        "from the unbiased variance",
        """
    def batch_variance(slopes, k):
        n = len(slopes)
        if n == k:
            return torch.zeros(1, 1)
        return (slopes.var() * (1 / k - 1 / n)).reshape(1)
    """,
    ),
    (
        "batch_variance",
        "mean of squares minus square of mean, NumPy",
        """
    def batch_variance(slopes, k):
        g = slopes.numpy()
        n = len(g)
        return ((g**2).mean() - g.mean() ** 2) / k * (n - k) / max(n - 1, 1)
    """,
    ),
]

WRONG = [
    # Exercise 1
    (
        "predict_before_running",
        "uphill",
        but(PREDICTIONS, "1.3", "-0.3"),
        "values: w_after_one is not -0.3. A step goes against the slope.",
    ),
    (
        "predict_before_running",
        "half the loss",
        but(PREDICTIONS, "1.3", "0.9"),
        "values: w_after_one is not 0.9. The loss has no factor 1/2 here.",
    ),
    (
        "predict_before_running",
        "only the last slope",
        but(PREDICTIONS, "-9.6", "-1.6"),
        "values: grad_in_the_end is not -1.6. Nothing was zeroed.",
    ),
    (
        "predict_before_running",
        "twice the first slope",
        but(PREDICTIONS, "-9.6", "-16"),
        "values: grad_in_the_end is not -16. The second slope",
    ),
    (
        "predict_before_running",
        "detach as a copy",
        but(PREDICTIONS, "2.26", "0.5"),
        "values: start_in_the_end is not 0.5. Is `detach` a copy?",
    ),
    (
        "predict_before_running",
        "the zeroed second step",
        but(PREDICTIONS, "2.26", "1.46"),
        "values: start_in_the_end is not 1.46. The second step uses",
    ),
    (
        "predict_before_running",
        "the flattest example",
        but(PREDICTIONS, "0.04", "1 / 0.5**2"),
        "values: largest_lr is not 4. The example -5",
    ),
    (
        "predict_before_running",
        "the bound of half the loss",
        but(PREDICTIONS, "0.04", "2 / 25"),
        "values: largest_lr is not 0.08. That bound is for a loss with the factor 1/2.",
    ),
    (
        "predict_before_running",
        "1/x",
        but(PREDICTIONS, "0.04", "1 / 5"),
        "values: largest_lr is not 0.2. The slope holds x twice.",
    ),
    (
        "predict_before_running",
        "not within a percent",
        but(PREDICTIONS, "0.04", "0.041"),
        "values: largest_lr is not 0.041. By what",
    ),
    (
        "predict_before_running",
        "nan",
        but(PREDICTIONS, "-9.6", "float('nan')"),
        "values: grad_in_the_end is not nan.",
    ),
    (
        "predict_before_running",
        "a string",
        but(PREDICTIONS, "2.26", "'2.26'"),
        "type: start_in_the_end is to be a tensor or a number, got a str.",
    ),
    (
        "predict_before_running",
        "both weights",
        but(PREDICTIONS, "1.3", "[1.3, 2.26]"),
        "shape: w_after_one is to be one number, got (2,).",
    ),
    (
        "predict_before_running",
        "one left out",
        but(PREDICTIONS, "0.04", "..."),
        "○ Not attempted",
    ),
    # Exercise 2
    (
        "growth_gradient",
        "that of the line",
        "def growth_gradient(w, x, y):\n    return 2 * x * (w * x - y)",
        "values: the gradient is wrong in",
    ),
    (
        "growth_gradient",
        "no inner derivative x",
        but(GRADIENT, " * y_hat * x", " * y_hat"),
        "values: the gradient is wrong in",
    ),
    (
        "growth_gradient",
        "no derivative of the exponential",
        but(GRADIENT, " * y_hat * x", " * x"),
        "values: the gradient is wrong in",
    ),
    (
        "growth_gradient",
        "w for x",
        but(GRADIENT, " * y_hat * x", " * y_hat * w"),
        "values: the gradient is wrong in",
    ),
    (
        "growth_gradient",
        "no 2",
        but(GRADIENT, "2 * ", ""),
        "values: the gradient is 0.5 times what it should be, everywhere.",
    ),
    (
        "growth_gradient",
        "sign",
        but(GRADIENT, "y_hat - y", "y - y_hat"),
        "values: the gradient has every sign the wrong way round.",
    ),
    (
        "growth_gradient",
        "the mean",
        but(GRADIENT, "return 2 * (y_hat - y) * y_hat * x", "return (2 * (y_hat - y) * x).mean()"),
        "shape: the gradient is to have shape (3,), got ().",
    ),
    (
        "growth_gradient",
        "for numbers only",
        but(GRADIENT, "torch.exp", "__import__('math').exp"),
        "in line 2 of your cell (growth_gradient)",
    ),
    (
        "growth_gradient",
        "for one axis only",
        but(GRADIENT, "2 * (y_hat", "torch.ones(len(x)) * 2 * (y_hat"),
        "Tried with x and y of shape (2, 4)",
    ),
    (
        "growth_gradient",
        "not for a single example",
        but(GRADIENT, "y_hat =", "len(x); y_hat ="),
        "Tried with x and y of shape (), a single example",
    ),
    (
        "growth_gradient",
        "hard-coded example",
        "def growth_gradient(w, x, y):\n    return torch.tensor([-2.0, -8.0, -18.0])",
        "values: the gradient is wrong in 3 of 3 places",
    ),
    (
        "growth_gradient",
        "by autograd",
        """
    def growth_gradient(w, x, y):
        w.requires_grad_(True)
        ((torch.exp(w * x) - y) ** 2).sum().backward()
        return w.grad
    """,
        "it raises RuntimeError: element 0 of tensors does not require grad",
    ),
    (
        "growth_gradient",
        "in place",
        but(GRADIENT, "torch.exp(w * x)", "torch.exp(w * x); y -= y_hat", "(y_hat - y)", "-y"),
        "it changes `y`, which belongs to the caller.",
    ),
    (
        "growth_gradient",
        "prints and forgets to return",
        but(GRADIENT, "return", "print(y_hat); slope ="),
        "got None (is a `return` missing?).",
    ),
    (
        "growth_gradient",
        "keyword names",
        but(GRADIENT, "(w, x, y)", "(*, w, x, y)"),
        "checking it raises TypeError: growth_gradient() takes 0 positional arguments",
    ),
    # Exercise 3
    (
        "run_sgd",
        "aliases",
        but(DESCENT, "w.item()", "w.detach()"),
        "values: the weights are 4 times the same number",
    ),
    (
        "run_sgd",
        "w itself",
        but(DESCENT, "w.item()", "w"),
        "values: the weights are 4 times the same number",
    ),
    (
        "run_sgd",
        "the data of w",
        but(DESCENT, "w.item()", "w.data"),
        "values: the weights are 4 times the same number",
    ),
    (
        "run_sgd",
        "one NumPy number",
        but(DESCENT, "w.item()", "w.detach().numpy()"),
        "values: the weights are 4 times the same number",
    ),
    (
        "run_sgd",
        "aliases and no zeroing",
        but(DESCENT, "w.item()", "w.detach()", "w.grad.zero_()", "pass"),
        "values: the weights are 4 times the same number",
    ),
    (
        "run_sgd",
        "a clone in the graph",
        but(DESCENT, "w.item()", "w.clone()"),
        "type: the weights hold on to the graph: their `requires_grad` is True.",
    ),
    (
        "run_sgd",
        "loss tensors",
        but(DESCENT, "l.item()", "l"),
        "type: the losses hold on to the graph: their `requires_grad` is True.",
    ),
    (
        "run_sgd",
        "cloned loss tensors",
        but(DESCENT, "l.item()", "l.clone()"),
        "type: the losses hold on to the graph: their `requires_grad` is True.",
    ),
    (
        "run_sgd",
        "no zeroing",
        but(DESCENT, "w.grad.zero_()", "pass"),
        "values: the weight of step 2 is not right; yours is",
    ),
    (
        "run_sgd",
        "zeroes after backward",
        but(DESCENT, "l.backward()", "l.backward(); w.grad.zero_()"),
        "values: the weights are 4 times the same number, 1.",
    ),
    (
        "run_sgd",
        "uphill",
        but(DESCENT, "w -=", "w +="),
        "values: the weight of step 1 is not right",
    ),
    (
        "run_sgd",
        "the weight before the step",
        but(DESCENT, "ws.append(w.item())", "pass", "l.back", "ws.append(w.item()); l.back"),
        "values: the weight of step 1 is not right; yours is 1.",
    ),
    (
        "run_sgd",
        "the start too",
        but(DESCENT, "requires_grad=True), []", "requires_grad=True), [1.0]"),
        "shape: the weights are to be 4, one for each step, got 5.",
    ),
    (
        "run_sgd",
        "the loss after the step",
        but(DESCENT, "l.item()", "((w * x[i] - y[i]) ** 2).item()"),
        "values: the loss of step 1 is not right",
    ),
    (
        "run_sgd",
        "picks left out",
        but(DESCENT, "in picks", "in range(len(picks))", "x[i]", "x[i % 3]", "y[i]", "y[i % 3]"),
        "values: the",
    ),
    (
        "run_sgd",
        "stops at 10 steps",
        but(DESCENT, "in picks", "in picks[:10]"),
        "shape: the weights are to be 30, one for each step, got 10.",
    ),
    (
        "run_sgd",
        "no picks",
        but(DESCENT, "return ws", "return torch.stack([torch.tensor(v) for v in ws])"),
        "Tried with 2 examples, lr 0.1, picks [].",
    ),
    (
        "run_sgd",
        "goes on from the last call",
        "    w = torch.tensor(1.0, requires_grad=True)\n"
        + but(
            DESCENT,
            "w, ws, losses = torch.tensor(1.0, requires_grad=True), [], []",
            "ws, losses = [], []",
        ).replace(
            "def run_sgd(x, y, lr, picks):", "def run_sgd(x, y, lr, picks):\n        global w"
        ),
        "values: the weight of step 1 is not right",
    ),
    (
        "run_sgd",
        "uses up the picks",
        but(DESCENT, "for i in picks:", "while picks:\n            i = picks.pop(0)"),
        "it changes `picks`, which belongs to the caller.",
    ),
    (
        "run_sgd",
        "endless on no picks",
        but(
            DESCENT,
            "for i in picks:",
            "while not picks:\n            pass\n        for i in picks:",
        ),
        "still running after 0.5 s.\n  in line ",
    ),
    (
        "run_sgd",
        "only the weights",
        but(DESCENT, "return ws, losses", "return torch.tensor(ws)"),
        "type: expected a tuple (ws, losses), got a tensor.",
    ),
    (
        "run_sgd",
        "no no_grad",
        but(DESCENT, "with torch.no_grad():", "if True:"),
        "it raises RuntimeError: a leaf Variable that requires grad is being used in an in-place",
    ),
    # Exercise 4
    (
        "batch_variance",
        "with replacement",
        but(VARIANCE, " * (n - batch_size) / (n - 1)", ""),
        "is the variance where an example may come twice in a batch.",
    ),
    (
        "batch_variance",
        "of one",
        but(VARIANCE, "one / batch_size * (n - batch_size) / (n - 1)", "one"),
        "is the variance of a single example's slope.",
    ),
    (
        "batch_variance",
        "standard deviation",
        but(VARIANCE, "return one", "return (one", "/ (n - 1)", "/ (n - 1)) ** 0.5"),
        "is the standard deviation, the root of the variance.",
    ),
    (
        "batch_variance",
        "n for n - 1",
        but(VARIANCE, "/ (n - 1)", "/ n"),
        "values: the variance is not right; yours is",
    ),
    (
        "batch_variance",
        "unbiased",
        but(VARIANCE, "unbiased=False", "unbiased=True"),
        "values: the variance is not right; yours is",
    ),
    (
        "batch_variance",
        "the lesson's number",
        "def batch_variance(slopes, batch_size):\n    return 10.8889",
        "values: the variance is not right; yours is 10.89.\n  Tried with 3 slopes, batch_size 2.",
    ),
    (
        "batch_variance",
        "a quarter for two, as for three slopes",
        but(VARIANCE, "/ batch_size * (n - batch_size) / (n - 1)", "/ batch_size**2"),
        "batch_size 3.",
    ),
    (
        "batch_variance",
        "by random draws",
        """
    def batch_variance(slopes, k):
        draws = [slopes[torch.randperm(len(slopes))[:k]].mean() for _ in range(300)]
        return torch.stack(draws).var(unbiased=False)
    """,
        "values: the variance is not right; yours is",
    ),
    (
        "batch_variance",
        "no care for n = 1",
        but(VARIANCE, "n == 1", "n == 0", "unbiased=False)", "unbiased=False).item()"),
        "it raises ZeroDivisionError",
    ),
    (
        "batch_variance",
        "nan for n = 1",
        but(VARIANCE, "n == 1", "n == 0"),
        "values: the variance is not right; yours is nan.\n  Tried with 1 slopes, batch_size 1.",
    ),
    ("batch_variance", "only lists, in PyTorch", LISTED, "Tried with 1000 slopes, batch_size 500."),
    (
        "batch_variance",
        "endless listing",
        """
    from itertools import combinations

    def batch_variance(slopes, k):
        means = [sum(batch) / k for batch in combinations(slopes.tolist(), k)]
        return torch.tensor(means).var(unbiased=False)
    """,
        "still running after 0.5 s.\n  in line ",
    ),
    (
        "batch_variance",
        "all the variances",
        but(LISTED, ".mean(1).var(unbiased=False)", ".var(1, unbiased=False)"),
        "shape: the variance is to be one number, got (3,).",
    ),
    (
        "batch_variance",
        "centres the caller's slopes",
        but(VARIANCE, "n = len", "slopes -= slopes.mean(); n = len"),
        "it changes `slopes`, which belongs to the caller.",
    ),
    (
        "batch_variance",
        "prints and forgets to return",
        but(VARIANCE, "return one", "result = one"),
        "got None (is a `return` missing?).",
    ),
]


(
    test_right_answers_are_accepted,
    test_wrong_answers_are_refused_for_the_right_reason,
) = trials_of("03", RIGHT, WRONG)
