"""Answers to the exercises of lesson 03: what is refused, and why, and what is accepted."""

from exercise_testing import Answers, answer_test

predictions = Answers("03", "predict_before_running")
gradient = Answers("03", "growth_gradient")
descent = Answers("03", "run_sgd")
variance = Answers("03", "batch_variance")

test_predictions = answer_test(
    [
        predictions.right("the solution"),
        predictions.right(
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
        predictions.right(
            "a list, NumPy, a rate found by trying",
            *("= 1.3", "= [1.3]", "-9.6", "np.float32(-9.6)"),
            *("2.26", "np.array([2.26])", "1 / 25", "0.0397"),
        ),
        predictions.wrong(
            "uphill",
            "values: `w_after_one` is not -0.3. A step goes against the slope.",
            *("1.3", "-0.3"),
        ),
        predictions.wrong(
            "half the loss",
            "values: `w_after_one` is not 0.9. A factor 2 is missing from the slope: "
            "one from the square, one from x.",
            *("1.3", "0.9"),
        ),
        predictions.wrong(
            "only the last slope",
            "values: `grad_in_the_end` is not -1.6. Nothing was zeroed.",
            *("-9.6", "-1.6"),
        ),
        predictions.wrong(
            "twice the first slope",
            "values: `grad_in_the_end` is not -16. The second slope is taken where `w` is by then.",
            *("-9.6", "-16"),
        ),
        predictions.wrong(
            "nan",
            "values: `grad_in_the_end` is not nan. Work out the slope at each of the two weights, "
            "and what `backward` does with them.",
            *("-9.6", "float('nan')"),
        ),
        predictions.wrong(
            "detach as a copy",
            "values: `start_in_the_end` is not 0.5. Is `detach` a copy?",
            *("2.26", "0.5"),
        ),
        predictions.wrong(
            "the second step as if zeroed",
            "values: `start_in_the_end` is not 1.46. The second step uses what is in `w.grad`.",
            *("2.26", "1.46"),
        ),
        predictions.wrong(
            "the flattest example",
            "values: `largest_lr` is not 4. The example -5 may be picked each time.",
            *("1 / 25", "1 / 0.5**2"),
        ),
        predictions.wrong(
            "the bound of half the loss",
            "values: `largest_lr` is not 0.08. That bound is for a loss with the factor 1/2.",
            *("1 / 25", "2 / 25"),
        ),
        predictions.wrong(
            "right to the bottom",
            "values: `largest_lr` is not 0.02. There a step on -5 lands on the bottom; "
            "how far past it may a step go?",
            *("1 / 25", "1 / 50"),
        ),
        predictions.wrong(
            "1/x", "values: `largest_lr` is not 0.2. The slope holds x twice.", "1 / 25", "1 / 5"
        ),
        predictions.wrong(
            "not within a percent",
            "values: `largest_lr` is not 0.0405. By what does a step on one example multiply the "
            "distance to the bottom?",
            *("1 / 25", "0.0405"),
        ),
        predictions.wrong(
            "both weights",
            "shape: `w_after_one` should be one number, got (2,).",
            *("1.3", "[1.3, 2.26]"),
        ),
    ]
)

WRONG_PLACES = "values: the gradient is wrong in # of # places, first at [#]: yours is #."

test_growth_gradient = answer_test(
    [
        gradient.right("the solution"),
        gradient.right(
            "NumPy",
            """
            def growth_gradient(w, x, y):
                w, x, y = w.numpy(), x.numpy(), y.numpy()
                return 2 * x * (np.exp(2 * w * x) - y * np.exp(w * x))
            """,
        ),
        gradient.right(
            "a loop over all places, a list",
            """
            def growth_gradient(rate, times, counts):
                result = torch.zeros(times.shape).reshape(-1)
                for k, (x, y) in enumerate(zip(times.flatten().tolist(), counts.flatten())):
                    grown = math.exp(rate.item() * x)
                    result[k] = 2 * (grown - y) * grown * x
                return result.reshape(times.shape).tolist()
            """,
        ),
        gradient.right(
            "a finite difference in 64 bits",
            """
            def growth_gradient(w, x, y, h=1e-5):
                w, x, y = w.double(), x.double(), y.double()
                up, down = ((torch.exp((w + sign * h) * x) - y) ** 2 for sign in (1, -1))
                return (up - down) / (2 * h)
            """,
        ),
        gradient.wrong("that of the line", WRONG_PLACES, "torch.exp(w * x)", "w * x"),
        gradient.wrong("no inner derivative", WRONG_PLACES, "y_hat * x", "y_hat"),
        gradient.wrong("no outer derivative", WRONG_PLACES, " * y_hat * x", " * x"),
        gradient.wrong("w for x", WRONG_PLACES, "y_hat * x", "y_hat * w"),
        gradient.wrong(
            "no 2",
            "values: the gradient is 0.5 times what it should be, everywhere.",
            *("return 2 *", "return"),
        ),
        gradient.wrong(
            "sign",
            "values: the gradient has every sign the wrong way round.",
            *("y_hat - y", "y - y_hat"),
        ),
        gradient.wrong(
            "the mean",
            "shape: the gradient should have shape (3,), got ().",
            *("return 2", "return (2", "y_hat * x", "y_hat * x).mean()"),
        ),
        gradient.wrong(
            "for one axis only",
            "it raises RuntimeError: The size of tensor a (#) must match the size of tensor b (#) "
            "at non-singleton dimension #",
            *("return 2", "return torch.ones(len(x)) * 2"),
        ),
        gradient.wrong(
            "not for a single example",
            "it raises TypeError: len() of a 0-d tensor",
            *("y_hat =", "len(x); y_hat ="),
        ),
        gradient.wrong(
            "divides by w",
            "values: the gradient is not right: yours is nan.",
            *("y_hat * x", "y_hat * torch.log(y_hat) / w"),
        ),
        gradient.wrong(
            "by autograd",
            "it uses autograd: write the gradient by hand.",
            """
            def growth_gradient(w, x, y):
                w = w.clone().requires_grad_(True)
                ((torch.exp(w * x) - y) ** 2).sum().backward()
                return w.grad
            """,
        ),
        gradient.wrong(
            "by autograd switched on",
            "it uses autograd: write the gradient by hand.",
            """
            def growth_gradient(w, x, y):
                with torch.enable_grad():
                    each = w.expand(x.shape).clone().requires_grad_()
                    return torch.autograd.grad(((torch.exp(each * x) - y) ** 2).sum(), each)[0]
            """,
        ),
        gradient.wrong(
            "in place",
            "it changes `y`, which belongs to the caller.",
            *("torch.exp(w * x)", "torch.exp(w * x); y -= y_hat", "(y_hat - y)", "-y"),
        ),
    ]
)

ALIASES = "values: `ws` holds 4 times the same number, #."

test_run_sgd = answer_test(
    [
        descent.right("the solution"),
        descent.right(
            "tensors, zeroed before by None",
            *("l.backward()", "w.grad = None; l.backward()", "w.grad.zero_()", "pass"),
            *("w.item()", "w.detach().clone()", "l.item()", "l.detach()"),
        ),
        descent.right(
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
        descent.right(
            "a new leaf each step",
            *("w -= lr * w.grad", "w = (w - lr * w.grad).requires_grad_()"),
            *("        w.grad.zero_()\n", "", "w.item()", "w"),
        ),
        descent.right(
            "an optimizer and NumPy",
            """
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
        descent.wrong(
            "as given",
            "○ Not attempted: the code is as given. Change it and run this cell again.",
            *("        w.grad.zero_()\n", "", "w.item()", "w.detach()", "l.item()", "l"),
        ),
        descent.wrong("aliases", ALIASES, "w.item()", "w.detach()"),
        descent.wrong("one NumPy number", ALIASES, "w.item()", "w.detach().numpy()"),
        descent.wrong("w, many times", ALIASES, "w.item()", "w", "w.grad.zero_()", "pass"),
        descent.wrong(
            "zeroes after backward",
            "values: `ws` holds 4 times the same number, 1.",
            *("l.backward()", "l.backward(); w.grad.zero_()"),
        ),
        descent.wrong(
            "a clone in the graph",
            "type: `ws` holds on to the graph: its entries have a `grad_fn`.",
            *("w.item()", "w.clone()"),
        ),
        descent.wrong(
            "loss tensors",
            "type: `losses` holds on to the graph: its entries have a `grad_fn`.",
            *("l.item()", "l"),
        ),
        descent.wrong(
            "no zeroing",
            "values: the weight after step 2 is not right: yours is #. In `ws` all before it is "
            "right.",
            *("w.grad.zero_()", "pass"),
        ),
        descent.wrong(
            "uphill",
            "values: the weight after step 1 is not right: yours is #.",
            *("w -=", "w +="),
        ),
        descent.wrong(
            "the weight before the step",
            "values: the weight after step 1 is not right: yours is 1, the weight before it.",
            *("ws.append(w.item())", "pass", "l.back", "ws.append(w.item()); l.back"),
        ),
        descent.wrong(
            "the start too",
            "shape: `ws` should have an entry for each step, 4; it has 5.",
            *("requires_grad=True), []", "requires_grad=True), [1.0]"),
        ),
        descent.wrong(
            "the loss after the step",
            "values: the loss before step 1 is not right: yours is #.",
            *("l.item()", "((w * x[i] - y[i]) ** 2).item()"),
        ),
        descent.wrong(
            "picks not used",
            "values: the weight after step 1 is not right: yours is #.",
            *("in picks", "in range(len(picks))", "x[i]", "x[i % 3]", "y[i]", "y[i % 3]"),
        ),
        descent.wrong(
            "no entry where the loss is 0",
            "shape: `ws` should have an entry for each step, 32; it has #.",
            *("l.backward()", "if l == 0: continue\n        l.backward()"),
        ),
        descent.wrong(
            "stops at 10 steps",
            "shape: `ws` should have an entry for each step, 30; it has 10.",
            *("in picks", "in picks[:10]"),
        ),
        descent.wrong(
            "goes on from the last call",
            "values: the weight after step 1 is not right: yours is #.",
            *("w, ws", "ws", "torch.tensor(1.0, requires_grad=True), ", ""),
            *("def run_sgd(x, y, lr, picks):", "def run_sgd(x, y, lr, picks, w=W):"),
            *("def run", "W = torch.tensor(1.0, requires_grad=True)\ndef run"),
        ),
        descent.wrong(
            "uses up the picks",
            "it changes `picks`, which belongs to the caller.",
            *("for i in picks:", "while picks:\n        i = picks.pop(0)"),
        ),
        descent.wrong(
            "no picks",
            "it raises RuntimeError: stack expects a non-empty TensorList",
            *("return ws", "return torch.stack([torch.tensor(v) for v in ws])"),
        ),
        descent.wrong(
            "pairs for weights",
            "shape: an entry of `ws` should be one number, got (2,).",
            *("ws.append(w.item())", "ws.append((i, w.item()))"),
        ),
        descent.wrong(
            "the last weight for a list",
            "type: expected a list `ws`, got a float.",
            *("return ws", "return w.item()"),
        ),
        descent.wrong(
            "only the weights",
            "type: expected a tuple (ws, losses), got a tensor.",
            *("return ws, losses", "return torch.tensor(ws)"),
        ),
    ]
)

NOT_RIGHT = "values: the variance is not right: yours is #."
UNBIASED = "values: # is what an unbiased variance gives, not the mean squared deviation."
LISTED = """
    def listed(slopes, batch_size):
        batches = torch.combinations(torch.arange(len(slopes)), batch_size)
        return slopes[batches].mean(1).var(unbiased=False)
"""

test_batch_variance = answer_test(
    [
        variance.right("the solution"),
        variance.right(
            "lists in Python where it can",
            """
            from fractions import Fraction
            from itertools import combinations
            from statistics import pvariance

            def batch_variance(slopes, k):
                slopes = [Fraction(v) for v in slopes.tolist()]
                n = len(slopes)
                if n < 20:
                    return pvariance([sum(batch) / k for batch in combinations(slopes, k)])
                return pvariance(slopes) * (Fraction(n, k) - 1) / (n - 1)
            """,
        ),
        variance.right(
            "from the unbiased variance",
            """
            def batch_variance(slopes, k):
                n = len(slopes)
                if n == k:
                    return torch.zeros(1, 1)
                return (slopes.var() * (1 / k - 1 / n)).reshape(1)
            """,
        ),
        variance.right(
            "mean of squares minus square of mean, NumPy",
            """
            def batch_variance(slopes, k):
                g = slopes.numpy()
                n = len(g)
                return ((g**2).mean() - g.mean() ** 2) / k * (n - k) / max(n - 1, 1)
            """,
        ),
        variance.right(
            "by products of pairs, in 32 bits",
            """
            def batch_variance(slopes, k):
                n, d = len(slopes), slopes - slopes.mean()
                products = torch.outer(d, d)
                others = (products.sum() - products.trace()) / max(n * (n - 1), 1)
                return ((d**2).mean() + (k - 1) * others) / k
            """,
        ),
        variance.wrong(
            "with replacement",
            "values: # is the variance where an example may come twice in a batch.",
            *(" * (n - batch_size) / (n - 1)", ""),
        ),
        variance.wrong(
            "of one",
            "values: # is the variance of a single example's slope.",
            *("one / batch_size * (n - batch_size) / (n - 1)", "one"),
        ),
        variance.wrong(
            "standard deviation",
            "values: # is the standard deviation, the root of the variance.",
            *("return one", "return (one", "/ (n - 1)", "/ (n - 1)) ** 0.5"),
        ),
        variance.wrong("unbiased", UNBIASED, "correction=0", "correction=1"),
        variance.wrong(
            "unbiased over the batches",
            UNBIASED,
            LISTED.replace("listed", "batch_variance").replace("unbiased=False", ""),
        ),
        variance.wrong("n for n - 1", NOT_RIGHT, "/ (n - 1)", "/ n"),
        variance.wrong("right for three slopes", NOT_RIGHT, "one /", "one / 4 #"),
        variance.wrong(
            "1/k² for 3, 2", NOT_RIGHT, "_size * (n - batch_size) / (n - 1)", "_size**2"
        ),
        variance.wrong("half a percent more", NOT_RIGHT, "return one", "return 1.005 * one"),
        variance.wrong("rounded", NOT_RIGHT, "return one", "return round(one", "- 1)", "- 1), 3)"),
        variance.wrong(
            "cached by size",
            NOT_RIGHT,
            *("def batch", "known = {}\ndef batch", "one =", "one = known.setdefault(n,"),
            *(".item()", ".item())"),
        ),
        variance.wrong(
            "equal slopes once",
            NOT_RIGHT,
            *("one =", "slopes = slopes.unique(); n = len(slopes); one ="),
        ),
        variance.wrong(
            "by random draws",
            NOT_RIGHT,
            """
            def batch_variance(slopes, k):
                draws = [slopes[torch.randperm(len(slopes))[:k]].mean() for _ in range(300)]
                return torch.stack(draws).var(unbiased=False)
            """,
        ),
        variance.wrong(
            "no care for n = 1",
            "it raises ZeroDivisionError: float division by zero",
            *("n == 1", "n == 0"),
        ),
        variance.wrong(
            "nan for n = 1",
            "values: with one slope there is one batch, so nothing varies; yours is nan.",
            *("n == 1", "n == 0", ".item()", ""),
        ),
        variance.wrong(
            "endless listing",
            "still running after # s.",
            """
            from itertools import combinations

            def batch_variance(slopes, k):
                means = [sum(batch) / k for batch in combinations(slopes.tolist(), k)]
                return torch.tensor(means).var(unbiased=False)
            """,
        ),
        variance.wrong(
            "all the variances",
            "shape: the variance should be one number, got (1287,).",
            LISTED.replace("listed", "batch_variance").replace(".mean(1).var(", ".var(1, "),
        ),
        variance.wrong(
            "centres the caller's slopes",
            "it changes `slopes`, which belongs to the caller.",
            *("n = len", "slopes -= slopes.mean(); n = len"),
        ),
        variance.wrong(
            "forgets to return",
            "type: expected the variance, got None. Is a `return` missing?",
            *("return one", "result = one"),
        ),
    ]
)
