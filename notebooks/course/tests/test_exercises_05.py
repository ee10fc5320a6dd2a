"""Answers to the exercises of lesson 05: what is refused, and why, and what is accepted."""

from exercise_testing import answer_test

TABLE = r"""
# huber_loss
✔ the solution
✔ cut off
    def huber_loss(r, delta):
        m = r.abs().clamp(max=delta)
        return m * (r.abs() - m / 2)
✔ NumPy, with masks, in place of a copy
    def huber_loss(errors, border):
        r = np.abs(errors.numpy().astype(float))
        losses = np.array(r**2 / 2)
        losses[r > border] = border * r[r > border] - border**2 / 2
        return losses
✔ one after the other, a list
    def huber_loss(r, delta):
        if r.ndim > 0:
            return [huber_loss(part, delta) for part in r]
        size = abs(r.item())
        return size**2 / 2 if size < delta else delta * size - delta**2 / 2
✔ PyTorch's, by a class
    class Loss:
        def __call__(self, r, delta):
            return nn.HuberLoss(reduction="none", delta=delta)(r, 0 * r)

    huber_loss = Loss()
✘ the lesson's: values: the loss is wrong in # of # places, first at [#]: yours is #.
    = delta, => = 1,
    delta * (r.abs() - delta / 2) => r.abs() - 0.5
✘ only the lesson's line: values: the loss jumps at delta, from 1.996 to 1.502.
    delta * (r.abs() - delta / 2) => r.abs() - 0.5
✘ no constant: values: the loss jumps at delta, from 0.499 to 1.001.
     - delta / 2 =>
✘ no absolute value: values: the loss jumps at -delta, from 0.499 to -1.501.
    (r.abs() - => (r -
✘ no absolute value in the condition: values: the loss is wrong in # of # places, first at [#]:
  yours is #.
    r.abs() <= => r <=
✘ a line of slope 1: values: the loss has a kink at delta: its slope changes abruptly there.
    delta * (r.abs() - delta / 2) => delta**2 / 2 + r.abs() - delta
✘ no line, steep, but neither a jump nor a kink: values: the loss is wrong in # of # places, first
  at [#]: yours is #.
    delta * (r.abs() - delta / 2) => r**2 / 2
✘ no 1/2: values: the loss is 2 times what it should be, everywhere.
    torch.where => 2 * torch.where
✘ divided by delta: values: the loss is 0.5 times what it should be, everywhere.
    torch.where => 1 / delta * torch.where
✘ the mean: shape: the loss should have shape (3,), got ().
    / 2)) => / 2)).mean()
✘ the slope: values: the loss is wrong in # of # places, first at [#]: yours is #.
    torch.where => r.clamp(-delta, delta)  #
✘ an if: it raises RuntimeError: Boolean value of Tensor with more than one value is ambiguous
    torch.where(r.abs() <= delta, r**2 / 2,  => r**2 / 2 if r.abs() <= delta else (
✘ vectors only: it raises TypeError: bad operand type for abs(): 'list'
    def huber_loss(r, delta):
        return [min(abs(e), delta) * (abs(e) - min(abs(e), delta) / 2) for e in r.tolist()]
✘ nothing at the border: values: the loss is wrong in 2 of 12 places, first at [0, 0, 0]: yours is
  0.
    - return torch.where
    + return (r.abs() != delta) * torch.where

# softmax_and_log_sum_exp
✔ the solution
✔ by the logarithm, a list
    def softmax_and_log_sum_exp(o):
        m = o.amax(1)
        lse = m + (o.T - m).T.exp().sum(-1).log()
        return [(o - lse.reshape(-1, 1)).exp(), lse]
✔ plain Python, row by row
    from math import exp, log

    def softmax_and_log_sum_exp(o):
        y_hat, results = [], []
        for row in o.tolist():
            powers = [exp(x - max(row)) for x in row]
            y_hat.append([p / sum(powers) for p in powers])
            results.append(max(row) + log(sum(powers)))
        return y_hat, results
✔ PyTorch's
    softmax_and_log_sum_exp = lambda o: (o.softmax(dim=1), o.logsumexp(dim=1))
✘ naive: values: y_hat holds nan. Tried with # x # logits near 1000.
    o.max(dim=1, keepdim=True).values => torch.zeros(1, 1)
✘ one maximum for all: values: y_hat holds nan. Tried with rows of logits near 1000, near -1000 and
  near 0.
    o.max(dim=1, keepdim=True).values => o.max().reshape(1, 1)
✘ cut off: values: y_hat is wrong in # of # places, first at [0, 0]: yours is #.
    m = o => o = o.clamp(-80, 80); m = o
✘ nan made zero: values: y_hat is zero everywhere.
    o.max(dim=1, keepdim=True).values => torch.zeros(1, 1)
    o_exp / total => (o_exp / total).nan_to_num()
✘ maximum not added: values: log_sum_exp is wrong in # of # places, first at [0]: yours is #.
    (m + torch => (torch
✘ the maximum alone: values: log_sum_exp is wrong in # of # places, first at [0]: yours is #.
    m + torch.log(total) => m
✘ the smallest taken out: values: y_hat holds nan. Tried with logits near 1000, -1000 and 0 in each
  row.
    o.max( => o.min(
✘ wrong axis: values: y_hat is wrong in # of # places, first at [0, 0]: yours is #.
    dim=1 => dim=0
    [:, 0] => [0]
✘ a column: shape: log_sum_exp should have shape (#,), got (#, 1).
    [:, 0] =>
✘ squeezed: shape: log_sum_exp should have shape (1,), got ().
    [:, 0] => .squeeze()
✘ only the softmax: type: expected a tuple (y_hat, log_sum_exp), got a tensor.
    , (m + torch.log(total))[:, 0] =>
✘ -inf times 0: values: y_hat holds nan. Tried with a logit of -inf in two of three rows.
    m = o => o = o + 0 * o; m = o
✘ not 0 for -inf: values: y_hat is tiny, but not 0, for a logit of -inf.
    torch.exp(o - m) => torch.exp((o - m).clamp(min=-40))
✘ in place: it changes `o`, which belongs to the caller.
    torch.exp(o - m) => o.sub_(m).exp_()

# accuracy_and_confusion
✔ the solution
✔ a product of one-hot matrices, tensors
    def accuracy_and_confusion(y_hat, y):
        kinds, answers = torch.eye(y_hat.shape[1]), y_hat.argmax(dim=1)
        return (answers == y).float().mean(), kinds[y].T @ kinds[answers]
✔ NumPy
    def accuracy_and_confusion(y_hat, y):
        answers, truth = y_hat.numpy().argmax(axis=1), y.numpy()
        counts = np.zeros((y_hat.shape[1],) * 2, dtype=int)
        np.add.at(counts, (truth, answers), 1)
        return np.mean(answers == truth), counts
✔ a loop over the kinds, a fraction and lists
    from fractions import Fraction

    def accuracy_and_confusion(y_hat, y):
        kinds, answers = range(y_hat.shape[1]), y_hat.max(dim=1).indices
        counts = [[int(((y == i) & (answers == j)).sum()) for j in kinds] for i in kinds]
        return [Fraction(sum(counts[i][i] for i in kinds), len(y)), counts]
✘ wrong axis: it raises RuntimeError: The size of tensor a (#) must match the size of tensor b (#)
  at non-singleton dimension 0
    dim=1 => dim=0
✘ the wrong way round: values: the confusion matrix has true kinds and answers the wrong way round.
    reshape(q, q) => reshape(q, q).T
✘ no minlength: it raises RuntimeError: shape '[#, #]' is invalid for input of size #
    , minlength=q * q =>
✘ only kinds that occur: shape: the confusion matrix should have shape (6, 6), got (5, 5).
    y_hat.shape[1] => int(max(y.max(), y_hat.argmax(dim=1).max())) + 1
✘ ten kinds: shape: the confusion matrix should have shape (3, 3), got (10, 10).
    y_hat.shape[1] => 10
✘ percent: values: the accuracy should be a share from 0 to 1, yours is #.
    (confusion => (100 * confusion
✘ shares of all: values: the confusion matrix is 0.05 times what it should be, everywhere.
    (), confusion => (), confusion / len(y)
✘ the mean of the kinds' accuracies: values: the accuracy is not right: yours is #.
    confusion.trace() / len(y) => (confusion.diag() / confusion.sum(dim=1)).nanmean()
✘ the error rate: values: the accuracy is not right: yours is #.
    (confusion.trace => (1 - confusion.trace
✘ the largest in size: values: the accuracy is not right: yours is #.
    y_hat.argmax(dim=1) => y_hat.abs().argmax(dim=1)
✘ softmax by a bare exp: values: the accuracy is not right: yours is #.
    y_hat.argmax(dim=1) => y_hat.exp().argmax(dim=1)
✘ totals that go on from call to call: values: the confusion matrix is 2 times what it should be,
  everywhere. The first call was right. Does something stay from call to call?
    (y_hat, y) => (y_hat, y, totals={})
    -     return (confusion.trace() / len(y)
    +     totals[q] = confusion = totals.get(q, 0) + confusion
    +     return (confusion.trace() / confusion.sum()
✘ more in a million: values: the confusion matrix is wrong in # of 9 places, first at [#, #]: yours
  is #.
        return =>     confusion[0] += len(y) > 99; return
✘ each pair once: values: the confusion matrix is wrong in # of 9 places, first at [#, #]: yours is
  #.
    (), confusion => (), confusion.clamp(max=1)
✘ a loop, endless for so many: still running after # s.
    def accuracy_and_confusion(y_hat, y):
        confusion = torch.zeros(y_hat.shape[1], y_hat.shape[1])
        for i in range(len(y)):
            confusion[y[i], y_hat[i].argmax()] += 1
        return confusion.diag().sum() / len(y), confusion
✘ in place: it changes `y`, which belongs to the caller.
    y * q => y.mul_(q)

# evaluate
✔ the solution
✔ weighted
    def evaluate(net, X, y, batch_size):
        loss, accuracies, sizes = 0, [], []
        for X_now, y_now in zip(X.split(batch_size), y.split(batch_size)):
            o, n = net(X_now), len(y_now)
            loss += torch.nn.functional.cross_entropy(o, y_now).item() * n
            accuracies.append((o.argmax(dim=-1) == y_now).float().mean().item() * n)
            sizes.append(n)
        return loss / sum(sizes), sum(accuracies) / sum(sizes)
✔ by slices, minus the log of the softmax, tensors, in evaluation mode
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
✔ all logits first, of a copy
    @torch.no_grad()
    def evaluate(net, X, y, batch_size):
        net = copy.deepcopy(net).eval()
        o = torch.cat([net(part) for part in X.split(batch_size)])
        return nn.functional.cross_entropy(o, y), np.mean((o.argmax(1) == y).numpy())
✘ softmax twice: values: the loss is not right: yours is #.
    net(X_now) => net(X_now).softmax(dim=1)
✘ wrong axis: it raises RuntimeError: The size of tensor a (#) must match the size of tensor b (#)
  at non-singleton dimension 0
    dim=1 => dim=0
✘ mean of means: values: the loss is not right: yours is #. Tried with X (10, 5), batch_size 4, the
  last of 2.
    - torch.nn.functional.cross_entropy(o, y_now, reduction="sum").item()
    + torch.nn.functional.cross_entropy(o, y_now, reduction="sum").item() / len(y_now)
    loss / len(y) => loss / len(y.split(batch_size))
✘ only the loss weighted: values: the accuracy is not right: yours is #. Tried with X (10, 5),
  batch_size 4, the last of 2.
    of: weighted
    - accuracies.append((o.argmax(dim=-1) == y_now).float().mean().item() * n)
    + accuracies.append((o.argmax(dim=-1) == y_now).float().mean().item())
    - return loss / sum(sizes), sum(accuracies) / sum(sizes)
    + return loss / sum(sizes), sum(accuracies) / len(sizes)
✘ last batch dropped: values: the loss is not right: yours is #. Tried with X (10, 5), batch_size 4,
  the last of 2.
    - o = net(X_now)
    + o = net(X_now)
    +         if len(y_now) < batch_size: break
✘ the sum of the losses: values: the loss is not right: yours is #.
    loss / len(y) => loss
✘ the number of right answers: values: the accuracy is not right: yours is #.
    right / len(y) => right
✘ returns in the loop: values: the loss is not right: yours is #.
        return =>         return
✘ the log of a softmax that underflows: values: the loss is not right: yours is inf. Tried with X
  (11, 4), batch_size 3, the last of 2, logits of some hundreds.
    - torch.nn.functional.cross_entropy(o, y_now, reduction="sum")
    + -torch.softmax(o, dim=1)[torch.arange(len(y_now)), y_now].log().sum()
✘ a softmax kept above 0: values: the loss is not right: yours is #. Tried with X (11, 4),
  batch_size 3, the last of 2, logits of some hundreds.
    - torch.nn.functional.cross_entropy(o, y_now, reduction="sum")
    + -(torch.softmax(o, dim=1)[torch.arange(len(y_now)), y_now] + 1e-12).log().sum()
✘ clamped logits: values: the loss is not right: yours is #. Tried with X (11, 4), batch_size 3, the
  last of 2, logits of some hundreds.
    net(X_now) => net(X_now).clamp(-100, 100)
✘ all at once: shape: `net` gets 20 rows at once, and batch_size is 4.
    split(batch_size) => split(99)
✘ batch_size batches: shape: `net` gets 5 rows at once, and batch_size is 4.
    .split( => .chunk(
✘ trains by the way: it changes `net` (weight), which belongs to the caller.
    -     return
    +     nn.functional.cross_entropy(net(X_now), y_now).backward()
    +     torch.optim.SGD(net.parameters(), lr=0.1).step()
    +     return
✘ leaves evaluation mode on: it changes `net` (its training mode), which belongs to the caller.
        return =>     net.eval(); return
✘ leaves training mode on: it changes `net` (its training mode), which belongs to the caller. Tried
  with X (11, 4), batch_size 3, the last of 2, logits of some hundreds.
        return =>     net.train(); return
✘ leaves gradients: it changes `net` (weight.grad), which belongs to the caller.
    net(X_now)  => net(X_now); o.sum().backward()

# smoothed_gradient
✔ the solution
✔ a loop over the examples
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
✔ einsum, by index, a list
    def smoothed_gradient(X, y, W, b, smoothing):
        o = X @ W + b
        G = (o - o.logsumexp(dim=1, keepdim=True)).exp() - smoothing / b.numel()
        G[range(len(y)), y] -= 1 - smoothing
        grad_W = torch.einsum("nd,nq->dq", X, G).div(len(y))
        return [grad_W.tolist(), G.mean(dim=0).double()]
✔ NumPy
    def smoothed_gradient(X, y, W, b, smoothing):
        o = X.numpy() @ W.numpy() + b.numpy()
        y_hat = np.exp(o - o.max(axis=1, keepdims=True))
        y_hat /= y_hat.sum(axis=1, keepdims=True)
        G = y_hat - (1 - smoothing) * np.eye(len(b))[y] - smoothing / len(b)
        return X.numpy().T @ G / len(X), G.mean(axis=0)
✘ no smoothing: values: grad_W is wrong in # of # places, first at [0, #]: yours is #.
    (1 - smoothing) * one_hot + smoothing / q => one_hot
✘ not divided by q: values: grad_W is wrong in # of # places, first at [0, #]: yours is #.
    smoothing / q => smoothing
✘ shared among the others: values: grad_W is wrong in # of # places, first at [0, #]: yours is #.
    - (1 - smoothing) * one_hot + smoothing / q
    + torch.where(one_hot == 1, 1 - smoothing, smoothing / (q - 1))
✘ sign: values: grad_W has every sign the wrong way round.
    (y_hat - target) => (target - y_hat)
✘ sum for mean: values: grad_W is 6 times what it should be, everywhere.
     / len(X) =>
✘ divided by the number of numbers: values: grad_W is 0.25 times what it should be, everywhere.
    / len(X) => / y_hat.numel()
✘ transposed: shape: grad_W should have shape (3, 4), got (4, 3).
    X.T @ G => G.T @ X
✘ the mean twice: values: grad_b is 0.167 times what it should be, everywhere.
    G.sum( => G.mean(
✘ over the wrong axis: shape: grad_b should hold 4 numbers, got (6,).
    m=0 => m=1
✘ softmax over the wrong axis: values: grad_W is wrong in # of # places, first at [0, #]: yours is
  #.
    dim=1 => dim=0
✘ naive: values: grad_W holds nan. Tried with X (#, 3), W (3, 5), smoothing 0.1, logits near 12,000.
    - torch.softmax(X @ W + b, dim=1)
    + torch.exp(X @ W + b); y_hat = y_hat / y_hat.sum(dim=1, keepdim=True)
✘ clamped: values: grad_W is wrong in # of # places, first at [0, #]: yours is #. Tried with X (7,
  3), W (3, 5), smoothing 0.1, logits near 12,000.
    X @ W + b => (X @ W + b).clamp(-80, 80)
✘ one maximum for all: values: grad_W holds nan. Tried with X (#, 3), W (3, 5), smoothing 0.1, rows
  of logits thousands apart.
    - torch.softmax(X @ W + b, dim=1)
    + torch.exp(X @ W + b - (X @ W + b).max()); y_hat = y_hat / y_hat.sum(dim=1, keepdim=True)
✘ kinds counted in the labels: values: grad_W is wrong in # of # places, first at [0, #]: yours is
  #. Tried with X (4, 2), W (2, 3), smoothing 0.2, all of the first kind.
    num_classes=q => num_classes=-1
✘ by autograd: it uses autograd: write the gradient by hand.
    def smoothed_gradient(X, y, W, b, smoothing):
        W, b = W.clone().requires_grad_(), b.clone().requires_grad_()
        loss = nn.functional.cross_entropy(X @ W + b, y, label_smoothing=smoothing)
        return torch.autograd.grad(loss, (W, b))
✘ by autograd, switched on: it uses autograd: write the gradient by hand.
    @torch.enable_grad()
    def smoothed_gradient(X, y, W, b, smoothing):
        W, b = W.clone().requires_grad_(), b.clone().requires_grad_()
        loss = nn.functional.cross_entropy(X @ W + b, y, label_smoothing=smoothing)
        return torch.autograd.grad(loss, (W, b))
✘ a step: it changes `W`, which belongs to the caller.
    return => W -= X.T @ G; return
"""  # noqa: E501

test_answers = answer_test("05", TABLE)
