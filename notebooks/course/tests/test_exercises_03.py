"""Answers to the exercises of lesson 03 and deeper-03: what is refused, why, and what is right."""

from exercise_testing import answer_test

TABLE = r"""
# predict_before_running
✔ the solution
✔ as PyTorch gives them
    w = torch.tensor(0.5, requires_grad=True)
    start, ws = w.detach(), []
    for _ in range(2):
        ((w * 2.0 - 3.0) ** 2).backward()
        with torch.no_grad():
            w -= 0.1 * w.grad
        ws.append(w.item())
    w_after_one, grad_in_the_end, start_in_the_end = ws[0], w.grad, start
    largest_lr = 1 / torch.tensor([0.5, -5.0, 2.0]).abs().max() ** 2
✔ a list, NumPy, a rate found by trying
    = 1.3 => = [1.3]
    -9.6 => np.array([-9.6])
    1 / 25 => 0.0397
✘ uphill: values: `w_after_one` is not -0.3. A step goes against the slope.
    1.3 => -0.3
✘ only the last slope: values: `grad_in_the_end` is not -1.6. Nothing was zeroed.
    -9.6 => -1.6
✘ detach as a copy: values: `start_in_the_end` is not 0.5. Is `detach` a copy?
    2.26 => 0.5
✘ the bound of half the loss: values: `largest_lr` is not 0.08. That bound is for a loss with the
  factor 1/2.
    1 / 25 => 2 / 25
✘ not within a percent: values: `largest_lr` is not 0.0405. By what does a step on one example
  multiply the distance to the bottom?
    1 / 25 => 0.0405

# growth_gradient
✔ the solution
✔ NumPy
    def growth_gradient(w, x, y):
        w, x, y = w.numpy(), x.numpy(), y.numpy()
        return 2 * x * (np.exp(2 * w * x) - y * np.exp(w * x))
✔ a loop over all places, a list
    def growth_gradient(rate, times, counts):
        result = torch.zeros(times.shape).reshape(-1)
        for k, (x, y) in enumerate(zip(times.flatten().tolist(), counts.flatten())):
            grown = math.exp(rate.item() * x)
            result[k] = 2 * (grown - y) * grown * x
        return result.reshape(times.shape).tolist()
✔ a finite difference in 64 bits
    def growth_gradient(w, x, y, h=1e-5):
        w, x, y = w.double(), x.double(), y.double()
        up, down = ((torch.exp((w + sign * h) * x) - y) ** 2 for sign in (1, -1))
        return (up - down) / (2 * h)
✘ that of the line: values: this is the gradient for the line of the lesson.
    torch.exp(w * x) => w * x
    y_hat * x => x
✘ no inner derivative: values: the gradient leaves out a factor, the one that comes from the
  exponent.
    y_hat * x => y_hat
✘ no derivative of exp: values: the gradient leaves out a factor, the one that comes from the
  exponential.
    y_hat * x => x
✘ no outer derivative: values: the gradient leaves out a factor, the one that comes from what is
  squared.
    (y_hat - y) * =>
✘ w for x: values: this is the slope with respect to x, not to w.
    y_hat * x => y_hat * w
✘ no 2: values: the gradient is 0.5 times what it should be, everywhere.
    return 2 * => return
✘ sign: values: the gradient has every sign the wrong way round.
    y_hat - y => y - y_hat
✘ the mean: values: this is the mean over the examples, and each has a slope of its own.
    return 2 => return (2
    y_hat * x => y_hat * x).mean()
✘ other places: values: the gradient is wrong in # of # places, first at [#]: yours is #.
    torch.exp(w * x) => torch.exp(w * x.abs())
✘ for one axis only: it raises RuntimeError: The size of tensor a (#) must match the size of tensor
  b (#) at non-singleton dimension #
    return 2 => return torch.ones(len(x)) * 2
✘ divides by w: values: the gradient is not right: yours is nan.
    y_hat * x => y_hat * torch.log(y_hat) / w
✘ by autograd switched on: it uses autograd: write the gradient by hand.
    def growth_gradient(w, x, y):
        with torch.enable_grad():
            each = w.expand(x.shape).clone().requires_grad_()
            return torch.autograd.grad(((torch.exp(each * x) - y) ** 2).sum(), each)[0]
✘ in place: it changes `y`, which belongs to the caller.
    torch.exp(w * x) => torch.exp(w * x); y -= y_hat
    (y_hat - y) => -y

# run_sgd
✔ the solution
✔ tensors, zeroed before by None
    l.backward() => w.grad = None; l.backward()
    w.grad.zero_() => pass
    w.item() => w.detach().clone()
    l.item() => l.detach()
✔ by hand, as tensors
    def run_sgd(x, y, lr, picks):
        w, ws, losses = 1.0, torch.zeros(len(picks)), torch.zeros(len(picks), 1)
        for k, i in enumerate(picks):
            error = w * x[i] - y[i]
            losses[k] = error**2
            w = w - lr * 2 * x[i] * error
            ws[k] = w
        return [ws, losses]
✔ a new leaf each step
    w -= lr * w.grad => w = (w - lr * w.grad).requires_grad_()
    -         w.grad.zero_()
    -
    +
    w.item() => w
✔ an optimizer and NumPy
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
✘ aliases: values: `ws` holds 4 times the same number.
    w.item() => w.detach()
✘ a clone in the graph: type: `ws` holds on to the graph: its entries have a `grad_fn`.
    w.item() => w.clone()
✘ loss tensors: type: `losses` holds on to the graph: its entries have a `grad_fn`.
    l.item() => l
✘ no zeroing: values: the first wrong entry of `ws` is that of step 2: #.
    w.grad.zero_() => pass
✘ the weight before the step: values: the first wrong entry of `ws` is that of step 1: 1, the
  weight before it.
    ws.append(w.item()) => pass
    l.back => ws.append(w.item()); l.back
✘ the loss after the step: values: the first wrong entry of `losses` is that of step 1: #.
    l.item() => ((w * x[i] - y[i]) ** 2).item()
✘ no entry where the loss is 0: shape: `ws` should have an entry for each step, 32; it has #.
    - l.backward()
    + if l == 0: continue
    +         l.backward()
✘ uses up the picks: it changes `picks`, which belongs to the caller.
    - for i in picks:
    + while picks:
    +         i = picks.pop(0)
✘ the last weight for a list: type: expected a list `ws`, got a float.
    return ws => return w.item()

# batch_variance
✔ the solution
✔ lists in Python where it can
    from fractions import Fraction
    from itertools import combinations
    from statistics import pvariance

    def batch_variance(slopes, k):
        slopes = [Fraction(v) for v in slopes.tolist()]
        n = len(slopes)
        if n < 20:
            return pvariance([sum(batch) / k for batch in combinations(slopes, k)])
        return pvariance(slopes) * (Fraction(n, k) - 1) / (n - 1)
✔ from the unbiased variance
    def batch_variance(slopes, k):
        n = len(slopes)
        if n == k:
            return torch.zeros(1, 1)
        return (slopes.var() * (1 / k - 1 / n)).reshape(1)
✔ mean of squares minus square of mean
    slopes.var(correction=0) => ((slopes**2).mean() - slopes.mean() ** 2)
✔ by products of pairs, in 32 bits
    def batch_variance(slopes, k):
        n, d = len(slopes), slopes - slopes.mean()
        products = torch.outer(d, d)
        others = (products.sum() - products.trace()) / max(n * (n - 1), 1)
        return ((d**2).mean() + (k - 1) * others) / k
✘ with replacement: values: this is the variance where an example may come twice in a batch.
     * (n - batch_size) / (n - 1) =>
✘ standard deviation: values: this is the standard deviation, the root of the variance.
    return one => return (one
    / (n - 1) => / (n - 1)) ** 0.5
✘ unbiased: values: this comes from an unbiased variance, not the mean squared deviation.
    correction=0 => correction=1
✘ unbiased over the batches: values: this comes from an unbiased variance, not the mean squared
  deviation.
    def batch_variance(slopes, batch_size):
        batches = torch.combinations(torch.arange(len(slopes)), batch_size)
        return slopes[batches].mean(1).var()
✘ n for n - 1: values: even for batches of one this is smaller than it should be.
    / (n - 1) => / n
✘ half a percent more: values: the variance is not right: yours is #.
    return one => return 1.005 * one
✘ cached by size: values: the variance is not right: yours is #.
    - def batch
    + known = {}
    + def batch
    one = => one = known.setdefault(n,
    .item() => .item())
✘ equal slopes once: values: the variance is not right: yours is #.
    one = => slopes = slopes.unique(); n = len(slopes); one =
✘ nan for n = 1: values: the variance is not right: yours is nan.
    n == 1 => n == 0
    .item() =>
✘ endless listing: still running after # s.
    n = len(slopes) => import itertools; n = len(slopes)
    one = => sum(1 for _ in itertools.combinations(slopes, batch_size)); one =
✘ centres the caller's slopes: it changes `slopes`, which belongs to the caller.
    n = len => slopes -= slopes.mean(); n = len
"""  # noqa: E501

test_answers = answer_test("03", TABLE)
