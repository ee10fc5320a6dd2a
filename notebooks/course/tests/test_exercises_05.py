"""Answers to the exercises of lesson 05 and deeper-05: what is refused, why, and what is right."""

from exercise_testing import answer_test

TABLE = r"""
# softmax_and_log_sum_exp
✔ the solution
✔ by the logarithm, a list
    def softmax_and_log_sum_exp(o):
        m = o.amax(1)
        lse = m + (o.T - m).T.exp().sum(-1).log()
        return [(o - lse.reshape(-1, 1)).exp(), lse]
✔ PyTorch's
    softmax_and_log_sum_exp = lambda o: (o.softmax(dim=1), o.logsumexp(dim=1))
✘ naive: values: y_hat holds nan. Tried with # x # logits near 1000.
    o.max(dim=1, keepdim=True).values => torch.zeros(1, 1)
✘ one maximum for all: values: y_hat holds nan. Tried with rows of logits near 1000, near -1000 and
  near 0.
    o.max(dim=1, keepdim=True).values => o.max().reshape(1, 1)
✘ cut off: values: y_hat is wrong in # of # places, first at [0, 0]: yours is #.
    m = o => o = o.clamp(-80, 80); m = o
✘ maximum not added: values: log_sum_exp is wrong in # of # places, first at [0]: yours is #.
    (m + torch => (torch
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
        classes, predicted = torch.eye(y_hat.shape[1]), y_hat.argmax(dim=1)
        return (predicted == y).float().mean(), classes[y].T @ classes[predicted]
✔ a loop over the classes, a fraction and lists
    from fractions import Fraction

    def accuracy_and_confusion(y_hat, y):
        classes, predicted = range(y_hat.shape[1]), y_hat.max(dim=1).indices
        counts = [[int(((y == i) & (predicted == j)).sum()) for j in classes] for i in classes]
        return [Fraction(sum(counts[i][i] for i in classes), len(y)), counts]
✘ wrong axis: it raises RuntimeError: The size of tensor a (#) must match the size of tensor b (#)
  at non-singleton dimension 0
    dim=1 => dim=0
✘ the wrong way round: values: the confusion matrix has true classes and predictions the wrong
  way round.
    reshape(q, q) => reshape(q, q).T
✘ no minlength: it raises RuntimeError: shape '[#, #]' is invalid for input of size #
    , minlength=q * q =>
✘ only classes that occur: shape: the confusion matrix should have shape (6, 6), got (5, 5).
    y_hat.shape[1] => int(max(y.max(), y_hat.argmax(dim=1).max())) + 1
✘ percent: values: the accuracy should be a share from 0 to 1, yours is #.
    (confusion => (100 * confusion
✘ numbers rounded to halves: values: the accuracy is not right: yours is #.
    y_hat.argmax => y_hat.half().argmax
✘ shares of all: values: the confusion matrix is 0.05 times what it should be, everywhere.
    (), confusion => (), confusion / len(y)
✘ the mean of the classes' accuracies: values: the accuracy is not right: yours is #.
    confusion.trace() / len(y) => (confusion.diag() / confusion.sum(dim=1)).nanmean()
✘ softmax by a bare exp: values: the accuracy is not right: yours is #.
    y_hat.argmax(dim=1) => y_hat.exp().argmax(dim=1)
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
✔ by indices, minus the log of the softmax, tensors, in evaluation mode
    def evaluate(net, X, y, batch_size):
        (n, _), total, mode = X.shape, torch.zeros(2), net.training
        net.eval()
        for rows in torch.arange(n).split(batch_size):
            log_y_hat = torch.log_softmax(net(X[rows]), dim=1)
            total[0] -= log_y_hat[range(len(rows)), y[rows]].sum().detach()
            total[1] += (log_y_hat.argmax(dim=1) == y[rows]).sum()
        net.train(mode)
        return total[0] / n, total[1:] / n
✔ all logits first, of a copy
    @torch.no_grad()
    def evaluate(net, X, y, batch_size):
        net = copy.deepcopy(net).eval()
        o = torch.cat([net(part) for part in X.split(batch_size)])
        return nn.functional.cross_entropy(o, y), np.mean((o.argmax(1) == y).numpy())
✘ softmax twice: values: the loss is what comes out if the softmax is taken twice.
    net(X_now) => net(X_now).softmax(dim=1)
✘ wrong axis: it raises RuntimeError: The size of tensor a (#) must match the size of tensor b (#)
  at non-singleton dimension 0
    dim=1 => dim=0
✘ mean of means: values: the loss is the mean of the minibatches' means, and the last minibatch is
  smaller. Tried with X (10, 5), batch_size 4, the last of 2.
    reduction="sum").item() => reduction="mean").item()
    loss / len(y) => loss / len(y.split(batch_size))
✘ mean of accuracies: values: the accuracy is the mean of the minibatches' means, and the last
  minibatch is smaller. Tried with X (10, 5), batch_size 4, the last of 2.
    y_now).sum() => y_now).float().mean()
    right / len(y) => right / len(y.split(batch_size))
✘ swapped: values: the loss and the accuracy come the wrong way round.
    loss / len(y), right / len(y) => right / len(y), loss / len(y)
✘ percent: values: the accuracy should be a share from 0 to 1, yours is #.
    right / len(y) => 100 * right / len(y)
✘ last batch dropped: values: the loss is not right: yours is #. Tried with X (10, 5), batch_size 4,
  the last of 2.
    - o = net(X_now)
    + o = net(X_now)
    +         if len(y_now) < batch_size: break
✘ a softmax kept above 0: values: the loss is not right: yours is #. Tried with X (11, 4),
  batch_size 3, the last of 2, logits of some hundreds.
    - torch.nn.functional.cross_entropy(o, y_now, reduction="sum")
    + -(torch.softmax(o, dim=1)[torch.arange(len(y_now)), y_now] + 1e-12).log().sum()
✘ all at once: shape: `net` gets 20 rows at once, and batch_size is 4.
    split(batch_size) => split(99)
✘ trains by the way: it changes `net` (weight), which belongs to the caller.
        return =>     net.weight.data -= 0.1; return
✘ leaves evaluation mode on: it changes `net` (its training mode), which belongs to the caller.
        return =>     net.eval(); return
✘ leaves training mode on: it changes `net` (its training mode), which belongs to the caller. Tried
  with X (11, 4), batch_size 3, the last of 2, logits of some hundreds.
        return =>     net.train(); return
✘ leaves a hook: it leaves a hook on `net`, which belongs to the caller.
        return =>     net.register_forward_hook(print); return
✘ leaves gradients: it changes `net` (weight.grad), which belongs to the caller.
    net(X_now)  => net(X_now); o.sum().backward()

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
✘ a border at 1: values: the loss is wrong in # of # places, first at [#]: yours is #.
    = delta, => = 1,
    delta * (r.abs() - delta / 2) => r.abs() - 0.5
✘ only the line of a border at 1: values: the loss jumps at delta, from 1.996 to 1.502.
    delta * (r.abs() - delta / 2) => r.abs() - 0.5
✘ no absolute value: values: the loss jumps at -delta, from 0.499 to -1.501.
    (r.abs() - => (r -
✘ a line of slope 1: values: the loss has a kink at delta: its slope changes abruptly there.
    delta * (r.abs() - delta / 2) => delta**2 / 2 + r.abs() - delta
✘ no 1/2: values: the loss is 2 times what it should be, everywhere.
    torch.where => 2 * torch.where
✘ the mean: shape: the loss should have shape (3,), got ().
    / 2)) => / 2)).mean()
✘ an if: it raises RuntimeError: Boolean value of Tensor with more than one value is ambiguous
    torch.where(r.abs() <= delta, r**2 / 2,  => r**2 / 2 if r.abs() <= delta else (
✘ vectors only: it raises TypeError: bad operand type for abs(): 'list'
    def huber_loss(r, delta):
        return [min(abs(e), delta) * (abs(e) - min(abs(e), delta) / 2) for e in r.tolist()]
✘ nothing at the border: values: the loss is wrong in 2 of 12 places, first at [0, 0, 0]: yours is
  0.
    - return torch.where
    + return (r.abs() != delta) * torch.where

# smoothed_gradient
✔ the solution
✔ einsum, by index, a list
    def smoothed_gradient(X, y, W, b, smoothing):
        o = X @ W + b
        G = (o - o.logsumexp(dim=1, keepdim=True)).exp() - smoothing / b.numel()
        G[range(len(y)), y] -= 1 - smoothing
        grad_W = torch.einsum("nd,nq->dq", X, G).div(len(y))
        return [grad_W.tolist(), G.mean(dim=0, keepdim=True).double()]
✔ small differences in float64
    def smoothed_gradient(X, y, W, b, smoothing):
        def loss(V):
            o = X.double() @ V[:-1] + V[-1]
            return nn.functional.cross_entropy(o, y, label_smoothing=smoothing)

        V = torch.cat([W, b[None]]).double()
        steps = 1e-5 * torch.eye(V.numel(), dtype=V.dtype).reshape(-1, *V.shape)
        G = torch.stack([loss(V + step) - loss(V - step) for step in steps]).reshape(V.shape) / 2e-5
        return G[:-1], G[-1]
✘ no smoothing: values: grad_W is wrong in # of # places, first at [0, #]: yours is #.
    (1 - smoothing) * one_hot + smoothing / q => one_hot
✘ shared among the others: values: grad_W is wrong in # of # places, first at [0, #]: yours is #.
    - (1 - smoothing) * one_hot + smoothing / q
    + torch.where(one_hot == 1, 1 - smoothing, smoothing / (q - 1))
✘ sign: values: grad_W has every sign the wrong way round.
    (y_hat - target) => (target - y_hat)
✘ sum for mean: values: grad_W is 6 times what it should be, everywhere.
     / len(X) =>
✘ transposed: shape: grad_W should have shape (3, 4), got (4, 3).
    X.T @ G => G.T @ X
✘ the mean twice: values: grad_b is 0.167 times what it should be, everywhere.
    G.sum( => G.mean(
✘ over the wrong axis: shape: grad_b should hold 4 numbers, got (6,).
    m=0 => m=1
✘ naive: values: grad_W holds nan. Tried with X (#, 3), W (3, 5), smoothing 0.1, logits near 12,000.
    - torch.softmax(X @ W + b, dim=1)
    + torch.exp(X @ W + b); y_hat = y_hat / y_hat.sum(dim=1, keepdim=True)
✘ one maximum for all: values: grad_W holds nan. Tried with X (#, 3), W (3, 5), smoothing 0.1, rows
  of logits thousands apart.
    - torch.softmax(X @ W + b, dim=1)
    + torch.exp(X @ W + b - (X @ W + b).max()); y_hat = y_hat / y_hat.sum(dim=1, keepdim=True)
✘ classes counted in the labels: values: grad_W is wrong in # of # places, first at [0, #]: yours is
  #. Tried with X (4, 2), W (2, 3), smoothing 0.2, all of the first class.
    num_classes=q => num_classes=-1
✘ by autograd: it uses autograd: write the gradient by hand.
    def smoothed_gradient(X, y, W, b, smoothing):
        W, b = W.clone().requires_grad_(), b.clone().requires_grad_()
        loss = nn.functional.cross_entropy(X @ W + b, y, label_smoothing=smoothing)
        return torch.autograd.grad(loss, (W, b))
✘ by forward mode: it uses autograd: write the gradient by hand.
    def smoothed_gradient(X, y, W, b, smoothing):
        loss = lambda W, b: nn.functional.cross_entropy(X @ W + b, y, label_smoothing=smoothing)
        return torch.func.jacfwd(loss, (0, 1))(W, b)
✘ a step: it changes `W`, which belongs to the caller.
    return => W -= X.T @ G; return
"""  # noqa: E501

test_answers = answer_test("05", TABLE)
