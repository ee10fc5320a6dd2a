"""Answers to the exercises of lesson 05: what is refused, and why, and what is accepted."""

from exercise_testing import Answers, answer_test

huber = Answers("05", "huber_loss")
softmax = Answers("05", "softmax_and_log_sum_exp")
counts = Answers("05", "accuracy_and_confusion")
measure = Answers("05", "evaluate")
gradient = Answers("05", "smoothed_gradient")


def times(what, factor):
    return f"values: {what} is {factor} times what it should be, everywhere."


def shape(what, wanted, got):
    return f"shape: {what} should have shape {wanted}, got {got}."


def changes(what):
    return f"it changes `{what}`, which belongs to the caller."


LINE = "delta * (r.abs() - delta / 2)"
WRONG_LOSS = "values: the loss is wrong in # of # places, first at [#]: yours is #."
JUMP = "values: the loss jumps at"
KINK = "values: the loss has a kink at delta: its slope changes at once there."

test_huber_loss = answer_test(
    [
        huber.right("the solution"),
        huber.right(
            "cut off",
            """
            def huber_loss(r, delta):
                m = r.abs().clamp(max=delta)
                return m * (r.abs() - m / 2)
            """,
        ),
        huber.right(
            "NumPy, with masks, in place of a copy",
            """
            def huber_loss(errors, border):
                r = np.abs(errors.numpy().astype(float))
                losses = np.array(r**2 / 2)
                losses[r > border] = border * r[r > border] - border**2 / 2
                return losses
            """,
        ),
        huber.right(
            "one after the other, a list",
            """
            def huber_loss(r, delta):
                if r.ndim > 0:
                    return [huber_loss(part, delta) for part in r]
                size = abs(r.item())
                return size**2 / 2 if size < delta else delta * size - delta**2 / 2
            """,
        ),
        huber.right(
            "PyTorch's, by a class",
            """
            class Loss:
                def __call__(self, r, delta):
                    return nn.HuberLoss(reduction="none", delta=delta)(r, 0 * r)

            huber_loss = Loss()
            """,
        ),
        huber.wrong("the lesson's", WRONG_LOSS, "= delta,", "= 1,", LINE, "r.abs() - 0.5"),
        huber.wrong(
            "only the lesson's line", f"{JUMP} delta, from 1.996 to 1.502.", LINE, "r.abs() - 0.5"
        ),
        huber.wrong("no constant", f"{JUMP} delta, from 0.499 to 1.001.", " - delta / 2", ""),
        huber.wrong(
            "no absolute value", f"{JUMP} -delta, from 0.499 to -1.501.", "(r.abs() -", "(r -"
        ),
        huber.wrong("no absolute value in the condition", WRONG_LOSS, "r.abs() <=", "r <="),
        huber.wrong("a line of slope 1", KINK, LINE, "delta**2 / 2 + r.abs() - delta"),
        huber.wrong("no line: steep, but neither a jump nor a kink", WRONG_LOSS, LINE, "r**2 / 2"),
        huber.wrong("no 1/2", times("the loss", 2), "torch.where", "2 * torch.where"),
        huber.wrong(
            "divided by delta", times("the loss", 0.5), "torch.where", "1 / delta * torch.where"
        ),
        huber.wrong("the mean", shape("the loss", "(3,)", "()"), "/ 2))", "/ 2)).mean()"),
        huber.wrong("the slope", WRONG_LOSS, "torch.where", "r.clamp(-delta, delta)  # "),
        huber.wrong(
            "an if",
            "it raises RuntimeError: Boolean value of Tensor with more than one value is ambiguous",
            "torch.where(r.abs() <= delta, r**2 / 2, ",
            "r**2 / 2 if r.abs() <= delta else (",
        ),
        huber.wrong(
            "vectors only",
            "it raises TypeError: bad operand type for abs(): 'list'",
            """
            def huber_loss(r, delta):
                return [min(abs(e), delta) * (abs(e) - min(abs(e), delta) / 2) for e in r.tolist()]
            """,
        ),
    ]
)

MAX = "o.max(dim=1, keepdim=True).values"
EXP = "torch.exp(o - m)"
WRONG_Y_HAT = "values: y_hat is wrong in # of # places, first at [0, 0]: yours is #."
WRONG_LSE = "values: log_sum_exp is wrong in # of # places, first at [0]: yours is #."
TINY = "values: y_hat is tiny, but not 0, for a logit of -inf."
NAN = "values: y_hat holds nan. Tried with"
ROWS = f"{NAN} rows of logits near 1000, near -1000 and near 0."

test_softmax_and_log_sum_exp = answer_test(
    [
        softmax.right("the solution"),
        softmax.right(
            "by the logarithm, a list",
            """
            def softmax_and_log_sum_exp(o):
                m = o.amax(1)
                lse = m + (o.T - m).T.exp().sum(-1).log()
                return [(o - lse.reshape(-1, 1)).exp(), lse]
            """,
        ),
        softmax.right(
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
        softmax.right(
            "PyTorch's",
            "softmax_and_log_sum_exp = lambda o: (o.softmax(dim=1), o.logsumexp(dim=1))",
        ),
        softmax.wrong("naive", f"{NAN} # x # logits near 1000.", MAX, "torch.zeros(1, 1)"),
        softmax.wrong("one maximum for all", ROWS, MAX, "o.max().reshape(1, 1)"),
        softmax.wrong("cut off", WRONG_Y_HAT, "m = o", "o = o.clamp(-80, 80); m = o"),
        softmax.wrong(
            "nan made zero",
            "values: y_hat is zero everywhere.",
            MAX,
            "torch.zeros(1, 1)",
            "o_exp / total",
            "(o_exp / total).nan_to_num()",
        ),
        softmax.wrong("maximum not added", WRONG_LSE, "(m + torch", "(torch"),
        softmax.wrong("the maximum alone", WRONG_LSE, "m + torch.log(total)", "m"),
        softmax.wrong(
            "the smallest taken out",
            f"{NAN} logits near 1000, -1000 and 0 in each row.",
            "o.max(",
            "o.min(",
        ),
        softmax.wrong("wrong axis", WRONG_Y_HAT, "dim=1", "dim=0", "[:, 0]", "[0]"),
        softmax.wrong("a column", shape("log_sum_exp", "(#,)", "(#, 1)"), "[:, 0]", ""),
        softmax.wrong("squeezed", shape("log_sum_exp", "(1,)", "()"), "[:, 0]", ".squeeze()"),
        softmax.wrong(
            "only the softmax",
            "type: expected a tuple (y_hat, log_sum_exp), got a tensor.",
            ", (m + torch.log(total))[:, 0]",
            "",
        ),
        softmax.wrong(
            "-inf times 0",
            f"{NAN} a logit of -inf in two of three rows.",
            "m = o",
            "o = o + 0 * o; m = o",
        ),
        softmax.wrong("not 0 for -inf", TINY, EXP, "torch.exp((o - m).clamp(min=-40))"),
        softmax.wrong("in place", changes("o"), EXP, "o.sub_(m).exp_()"),
    ]
)

ANSWERS = "y_hat.argmax(dim=1)"
MATRIX = "the confusion matrix"
WRONG_COUNT = f"values: {MATRIX} is wrong in # of 9 places, first at [#, #]: yours is #."
TURNED = f"values: {MATRIX} has true kinds and answers the wrong way round."
ACCURACY = "values: the accuracy is not right: yours is #."
PERCENT = "values: the accuracy should be a share from 0 to 1, yours is #."
SIZES = "it raises RuntimeError: The size of tensor a (#) must match the size of tensor b (#) at "

test_accuracy_and_confusion = answer_test(
    [
        counts.right("the solution"),
        counts.right(
            "a product of one-hot matrices, tensors",
            """
            def accuracy_and_confusion(y_hat, y):
                kinds, answers = torch.eye(y_hat.shape[1]), y_hat.argmax(dim=1)
                return (answers == y).float().mean(), kinds[y].T @ kinds[answers]
            """,
        ),
        counts.right(
            "NumPy",
            """
            def accuracy_and_confusion(y_hat, y):
                answers, truth = y_hat.numpy().argmax(axis=1), y.numpy()
                counts = np.zeros((y_hat.shape[1],) * 2, dtype=int)
                np.add.at(counts, (truth, answers), 1)
                return np.mean(answers == truth), counts
            """,
        ),
        counts.right(
            "a loop over the kinds, a fraction and lists",
            """
            from fractions import Fraction

            def accuracy_and_confusion(y_hat, y):
                kinds, answers = range(y_hat.shape[1]), y_hat.max(dim=1).indices
                counts = [[int(((y == i) & (answers == j)).sum()) for j in kinds] for i in kinds]
                return [Fraction(sum(counts[i][i] for i in kinds), len(y)), counts]
            """,
        ),
        counts.wrong("wrong axis", f"{SIZES}non-singleton dimension 0", "dim=1", "dim=0"),
        counts.wrong("the wrong way round", TURNED, "reshape(q, q)", "reshape(q, q).T"),
        counts.wrong(
            "no minlength",
            "it raises RuntimeError: shape '[#, #]' is invalid for input of size #",
            ", minlength=q * q",
            "",
        ),
        counts.wrong(
            "only kinds that occur",
            shape(MATRIX, "(6, 6)", "(5, 5)"),
            "y_hat.shape[1]",
            f"int(max(y.max(), {ANSWERS}.max())) + 1",
        ),
        counts.wrong("ten kinds", shape(MATRIX, "(3, 3)", "(10, 10)"), "y_hat.shape[1]", "10"),
        counts.wrong("percent", PERCENT, "(confusion", "(100 * confusion"),
        counts.wrong(
            "shares of all", times(MATRIX, 0.05), "(), confusion", "(), confusion / len(y)"
        ),
        counts.wrong(
            "the mean of the kinds' accuracies",
            ACCURACY,
            "confusion.trace() / len(y)",
            "(confusion.diag() / confusion.sum(dim=1)).nanmean()",
        ),
        counts.wrong("the error rate", ACCURACY, "(confusion.trace", "(1 - confusion.trace"),
        counts.wrong("the largest in size", ACCURACY, ANSWERS, "y_hat.abs().argmax(dim=1)"),
        counts.wrong("softmax by a bare exp", ACCURACY, ANSWERS, "y_hat.exp().argmax(dim=1)"),
        counts.wrong(
            "totals that go on from call to call",
            f"{times(MATRIX, 2)} The first call was right. Does something stay from call to call?",
            "(y_hat, y)",
            "(y_hat, y, totals={})",
            "    return (confusion.trace() / len(y)",
            "    totals[q] = confusion = totals.get(q, 0) + confusion\n"
            "    return (confusion.trace() / confusion.sum()",
        ),
        counts.wrong(
            "more in a million",
            WRONG_COUNT,
            "    return",
            "    confusion[0] += len(y) > 99; return",
        ),
        counts.wrong("each pair once", WRONG_COUNT, "(), confusion", "(), confusion.clamp(max=1)"),
        counts.wrong(
            "a loop, endless for so many",
            "still running after # s.",
            """
            def accuracy_and_confusion(y_hat, y):
                confusion = torch.zeros(y_hat.shape[1], y_hat.shape[1])
                for i in range(len(y)):
                    confusion[y[i], y_hat[i].argmax()] += 1
                return confusion.diag().sum() / len(y), confusion
            """,
        ),
        counts.wrong("in place", changes("y"), "y * q", "y.mul_(q)"),
    ]
)

MEANS = """
    def evaluate(net, X, y, batch_size):
        loss, accuracies, sizes = 0, [], []
        for X_now, y_now in zip(X.split(batch_size), y.split(batch_size)):
            o, n = net(X_now), len(y_now)
            loss += torch.nn.functional.cross_entropy(o, y_now).item() * n
            accuracies.append((o.argmax(dim=-1) == y_now).float().mean().item(){times})
            sizes.append(n)
        return loss / sum(sizes), sum(accuracies) / {total}
"""
LOSS = 'torch.nn.functional.cross_entropy(o, y_now, reduction="sum")'
GIVEN = "torch.softmax(o, dim=1)[torch.arange(len(y_now)), y_now]"
WRONG_MEAN = "values: the loss is not right: yours is #."
INFINITE = "values: the loss is not right: yours is inf."
LAST = " Tried with X (10, 5), batch_size 4, the last of 2."
LARGE = " Tried with X (11, 4), batch_size 3, the last of 2, logits of some hundreds."
AT_ONCE = "rows at once, and batch_size is 4."
MODE = "it changes `net` (its training mode), which belongs to the caller."

test_evaluate = answer_test(
    [
        measure.right("the solution"),
        measure.right("weighted", MEANS.format(times=" * n", total="sum(sizes)")),
        measure.right(
            "by slices, minus the log of the softmax, tensors, in evaluation mode",
            """
            def evaluate(net, X, y, batch_size):
                total, mode = torch.zeros(2), net.training
                net.eval()
                for start in range(0, len(X), batch_size):
                    y_now = y[start : start + batch_size]
                    log_y_hat = torch.log_softmax(net(X[start : start + batch_size]), dim=1)
                    total[0] -= log_y_hat[torch.arange(len(y_now)), y_now].sum().detach()
                    total[1] += (log_y_hat.argmax(dim=1) == y_now).sum()
                net.train(mode)
                return total[0] / len(X), total[1:] / len(X)
            """,
        ),
        measure.right(
            "all logits first, of a copy",
            """
            @torch.no_grad()
            def evaluate(net, X, y, batch_size):
                net = copy.deepcopy(net).eval()
                o = torch.cat([net(part) for part in X.split(batch_size)])
                return nn.functional.cross_entropy(o, y), np.mean((o.argmax(1) == y).numpy())
            """,
        ),
        measure.wrong("softmax twice", WRONG_MEAN, "net(X_now)", "net(X_now).softmax(dim=1)"),
        measure.wrong("wrong axis", f"{SIZES}non-singleton dimension 0", "dim=1", "dim=0"),
        measure.wrong(
            "mean of means",
            f"{WRONG_MEAN}{LAST}",
            f"{LOSS}.item()",
            f"{LOSS}.item() / len(y_now)",
            "loss / len(y)",
            "loss / len(y.split(batch_size))",
        ),
        measure.wrong(
            "only the loss weighted", ACCURACY + LAST, MEANS.format(times="", total="len(sizes)")
        ),
        measure.wrong(
            "last batch dropped",
            WRONG_MEAN + LAST,
            "o = net(X_now)",
            "o = net(X_now)\n        if len(y_now) < batch_size: break",
        ),
        measure.wrong("the sum of the losses", WRONG_MEAN, "loss / len(y)", "loss"),
        measure.wrong("the number of right answers", ACCURACY, "right / len(y)", "right"),
        measure.wrong("returns in the loop", WRONG_MEAN, "    return", "        return"),
        measure.wrong(
            "the log of a softmax that underflows", INFINITE + LARGE, LOSS, f"-{GIVEN}.log().sum()"
        ),
        measure.wrong(
            "a softmax kept above 0", WRONG_MEAN + LARGE, LOSS, f"-({GIVEN} + 1e-12).log().sum()"
        ),
        measure.wrong(
            "clamped logits", WRONG_MEAN + LARGE, "net(X_now)", "net(X_now).clamp(-100, 100)"
        ),
        measure.wrong(
            "all at once", f"shape: `net` gets 20 {AT_ONCE}", "split(batch_size)", "split(99)"
        ),
        measure.wrong("batch_size batches", f"shape: `net` gets 5 {AT_ONCE}", ".split(", ".chunk("),
        measure.wrong(
            "trains by the way",
            "it changes `net` (weight), which belongs to the caller.",
            "    return",
            "    nn.functional.cross_entropy(net(X_now), y_now).backward()\n"
            "    torch.optim.SGD(net.parameters(), lr=0.1).step()\n    return",
        ),
        measure.wrong("leaves evaluation mode on", MODE, "    return", "    net.eval(); return"),
        measure.wrong(
            "leaves training mode on", MODE + LARGE, "    return", "    net.train(); return"
        ),
    ]
)

WRONG_W = "values: grad_W is wrong in # of # places, first at [0, #]: yours is #."
SIGN = "values: grad_W has every sign the wrong way round."
HAND = "it uses autograd: write the gradient by hand."
NAN_W = "values: grad_W holds nan. Tried with X (#, 3), W (3, 5), smoothing 0.1,"
NEAR = " Tried with X (7, 3), W (3, 5), smoothing 0.1, logits near 12,000."
FIRST = " Tried with X (4, 2), W (2, 3), smoothing 0.2, all of the first kind."
TARGET = "(1 - smoothing) * one_hot + smoothing / q"
SOFTMAX = "torch.softmax(X @ W + b, dim=1)"
NAIVE = "torch.exp(X @ W + b); y_hat = y_hat / y_hat.sum(dim=1, keepdim=True)"
AUTOGRAD = """
def smoothed_gradient(X, y, W, b, smoothing):
    W, b = W.clone().requires_grad_(), b.clone().requires_grad_()
    loss = nn.functional.cross_entropy(X @ W + b, y, label_smoothing=smoothing)
    return torch.autograd.grad(loss, (W, b))
"""

test_smoothed_gradient = answer_test(
    [
        gradient.right("the solution"),
        gradient.right(
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
        gradient.right(
            "einsum, by index, a list",
            """
            def smoothed_gradient(X, y, W, b, smoothing):
                o = X @ W + b
                G = (o - o.logsumexp(dim=1, keepdim=True)).exp() - smoothing / b.numel()
                G[range(len(y)), y] -= 1 - smoothing
                grad_W = torch.einsum("nd,nq->dq", X, G).div(len(y))
                return [grad_W.tolist(), G.mean(dim=0).double()]
            """,
        ),
        gradient.right(
            "NumPy",
            """
            def smoothed_gradient(X, y, W, b, smoothing):
                o = X.numpy() @ W.numpy() + b.numpy()
                y_hat = np.exp(o - o.max(axis=1, keepdims=True))
                y_hat /= y_hat.sum(axis=1, keepdims=True)
                G = y_hat - (1 - smoothing) * np.eye(len(b))[y] - smoothing / len(b)
                return X.numpy().T @ G / len(X), G.mean(axis=0)
            """,
        ),
        gradient.wrong("no smoothing", WRONG_W, TARGET, "one_hot"),
        gradient.wrong("not divided by q", WRONG_W, "smoothing / q", "smoothing"),
        gradient.wrong(
            "shared among the others",
            WRONG_W,
            TARGET,
            "torch.where(one_hot == 1, 1 - smoothing, smoothing / (q - 1))",
        ),
        gradient.wrong("sign", SIGN, "(y_hat - target)", "(target - y_hat)"),
        gradient.wrong("sum for mean", times("grad_W", 6), " / len(X)", ""),
        gradient.wrong(
            "divided by the number of numbers", times("grad_W", 0.25), "/ len(X)", "/ y_hat.numel()"
        ),
        gradient.wrong("transposed", shape("grad_W", "(3, 4)", "(4, 3)"), "X.T @ G", "G.T @ X"),
        gradient.wrong("the mean twice", times("grad_b", 0.167), "G.sum(", "G.mean("),
        gradient.wrong(
            "over the wrong axis", "shape: grad_b should hold 4 numbers, got (6,).", "m=0", "m=1"
        ),
        gradient.wrong("softmax over the wrong axis", WRONG_W, "dim=1", "dim=0"),
        gradient.wrong("naive", f"{NAN_W} logits near 12,000.", SOFTMAX, NAIVE),
        gradient.wrong("clamped", WRONG_W + NEAR, "X @ W + b", "(X @ W + b).clamp(-80, 80)"),
        gradient.wrong(
            "one maximum for all",
            f"{NAN_W} rows of logits thousands apart.",
            SOFTMAX,
            NAIVE.replace("+ b", "+ b - (X @ W + b).max()"),
        ),
        gradient.wrong(
            "kinds counted in the labels", WRONG_W + FIRST, "num_classes=q", "num_classes=-1"
        ),
        gradient.wrong(
            "by autograd",
            "it uses autograd: write the gradient by hand.",
            AUTOGRAD,
        ),
        gradient.wrong("by autograd, switched on", HAND, f"@torch.enable_grad(){AUTOGRAD}"),
        gradient.wrong("a step", changes("W"), "return", "W -= X.T @ G; return"),
    ]
)
