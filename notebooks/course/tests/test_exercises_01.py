"""Answers to the exercises of lesson 01 and deeper-01: what is refused, why, and what is right."""

from exercise_testing import answer_test

TABLE = r"""
# predict_before_running
✔ the solution
✔ other forms
    -16 => torch.tensor([-16.0])
    (5, 5) => [5, 5]
✔ a torch.Size
    (5, 5) => torch.Size([5, 5])
✘ one: values: `w_grad` is not -8. That is what one `backward()` gives.
    -16 => -8
✘ no broadcasting: values: `difference_shape` is not (5, 1). Line the two shapes up at their right
  ends.
    (5, 5) => (5, 1)
✘ a string for a shape: type: `difference_shape` should be a tuple such as (7, 4).
    (5, 5) => '5 x 5'
✘ the last batch dropped: values: `num_steps` is not 9. Nothing is dropped.
    12 => 9
✘ steps as a string: type: `num_steps` should be a tensor or a number, got a str.
    12 => '12'
✘ one left out: ○ Not attempted: give `num_steps` a value and run this cell again.
    12 => ...

# train_step
✔ the solution
✔ by hand, other shapes, a tensor returned
    def train_step(X, y, w, b, lr):
        error = (X @ w + b).flatten() - y.flatten()
        with torch.no_grad():
            w -= lr * (error @ X).reshape(-1, 1) / len(X)
            b -= lr * error.mean()
        return (error**2).mean() / 2
✔ zeroed before, by None
    loss.backward() => w.grad = b.grad = None; loss.backward()
    param.grad.zero_() => pass
✘ not attempted: ○ Not attempted: the code is as given. Change it and run this cell again.
    .reshape(-1, 1) =>
    -
    -             param.grad.zero_()
    +
✘ shape only: values: `w` after the step is wrong in # of # places, first at [#, #]: yours is #.
    param.grad.zero_() => pass
✘ zeroing only: values: the loss is not right: yours is #.
    y.reshape(-1, 1) => y
✘ rebinding: values: it leaves `w` as it was.
    param -= lr * param.grad => param = param - lr * param.grad
    param.grad.zero_() => w.grad.zero_()
✘ zeroes before the update: values: it leaves `w` as it was.
    param -= lr => param.grad.zero_(); param -= lr
✘ moves w only: values: it leaves `b` as it was.
    (w, b) => (w,)
✘ no return: type: expected the loss, got None. Is a `return` missing?
    return loss.item() =>
✘ the loss after the step: values: the loss is not right: yours is #.
    return loss.item() => return ((X @ w + b - y.reshape(-1, 1)) ** 2 / 2).mean()
✘ uphill: values: `w` after the step is wrong in # of # places, first at [#, #]: yours is #.
    param -= => param +=
✘ no no_grad: it raises RuntimeError: a leaf Variable that requires grad is being used in an
  in-place operation.
    with torch.no_grad(): => if True:

# penalised_gradient
✔ the solution
✔ a loop, a list and a NumPy number
    def penalised_gradient(X, y, w, b, penalty):
        n, d = X.shape
        grad_w, grad_b = penalty * w, 0.0
        for i in range(n):
            error = sum(X[i, j] * w[j, 0] for j in range(d)) + b - y[i, 0]
            grad_w = grad_w + error * X[i].reshape(d, 1) / n
            grad_b += error.item() / n
        return [grad_w.tolist(), np.float64(grad_b)]
✘ no penalty: values: grad_w is wrong in # of # places, first at [#, #]: yours is #.
     + penalty * w =>
✘ penalty twice: values: grad_w is wrong in # of # places, first at [#, #]: yours is #.
    penalty * w => 2 * penalty * w
✘ penalty by n: values: grad_w is wrong in # of # places, first at [#, #]: yours is #.
    penalty * w => penalty * w / len(X)
✘ penalty on the bias: values: grad_b is not right: yours is #.
    error.mean() => error.mean() + penalty * b
✘ sign: values: grad_w has every sign the wrong way round.
    X @ w + b - y => y - X @ w - b
✘ sum for mean: values: grad_w is # times what it should be, everywhere.
     / len(X) =>
✘ hard-coded n: values: grad_w is # times what it should be, everywhere.
     / len(X) =>  / 10
✘ flat: shape: grad_w should have shape (3, 1), got (3,).
    - return X.T @ error / len(X) + penalty * w,
    + return (X.T @ error / len(X) + penalty * w).flatten(),
✘ only grad_w: type: expected a tuple (grad_w, grad_b), got a tensor.
    , error.mean() =>
✘ by autograd: it uses autograd: write the gradient by hand.
    return => (error**2 / 2).mean().backward(); return
✘ the gradients of the arguments: type: grad_w should be a tensor or a number, got None.
    return X.T @ error / len(X) + penalty * w, error.mean() => return w.grad, b.grad
✘ in place: it changes `w`, which belongs to the caller.
    return X.T @ error / len(X) + penalty * w => w *= penalty; return X.T @ error / len(X) + w
✘ forgets to return: type: expected a tuple (grad_w, grad_b), got None. Is a `return` missing?
    return => result =

# every_example_once
✔ the solution
✔ a list, by another road
    import random

    def every_example_once(size, X, y):
        left, batches = random.sample(range(len(X)), len(X)), []
        while left:
            now, left = left[:size], left[size:]
            rows = [torch.stack([X[i] for i in now]), torch.stack([y[i] for i in now])]
            batches.append(rows)
        return batches
✔ a class
    class every_example_once:
        def __init__(self, size, X, y):
            self.size, self.X, self.y = size, X, y

        def __iter__(self):
            for rows in torch.randperm(len(self.X)).split(self.size):
                if len(rows):
                    yield self.X[rows], self.y[rows]
✔ NumPy
    - order = torch.randperm(len(features))  # (n,)
    + order = np.random.permutation(len(features))
    features[rows], labels => features.numpy()[rows], labels
✔ prints
    yield => print('batch', start); yield
✘ drops the last batch: an epoch hands out # of the # examples.
    (0, len(features), batch_size) => (0, len(features) - batch_size, batch_size)
✘ not shuffled: the examples come in the order of the data.
    randperm => arange
✘ with replacement: values: # of # examples never come, others more than once.
    torch.randperm(len(features)) => torch.randint(len(labels), (len(labels),))
✘ shuffled apart: values: X and y of a minibatch do not belong together: labels of other rows.
    labels[rows] => labels[torch.randperm(len(labels))][rows]
✘ reseeds: two epochs bring the examples in the same order.
    - order = torch.randperm(len(features))  # (n,)
    + torch.manual_seed(0); order = torch.randperm(len(features))  # (n,)
✘ two orders in turn: two epochs bring the examples in the same order.
    - order = torch.randperm(len(features))  # (n,)
    + every_example_once.calls = getattr(every_example_once, 'calls', 0) + 1
    +     torch.manual_seed(every_example_once.calls % 2)
    +     order = torch.randperm(len(features))
✘ whole batches shuffled: most examples come right after their neighbour in the data: shuffle them
  singly.
    - order = torch.randperm(len(features))  # (n,)
    + parts = torch.arange(len(features)).split(batch_size)
    +     order = torch.cat([parts[i] for i in torch.randperm(len(parts) - 1)] + [parts[-1]]) if len(parts) > 1 else torch.randperm(len(features))
✘ small data not shuffled: the examples come in the order of the data.
    - order = torch.randperm(len(features))  # (n,)
    + order = torch.randperm(len(features))  # (n,)
    +     if len(order) < 10: order = order.sort().values
✘ the first stays first: the same example comes first in every epoch.
    - order = torch.randperm(len(features))  # (n,)
    + order = torch.cat([torch.zeros(min(1, len(labels)), dtype=torch.int64), 1 + torch.randperm(max(0, len(labels) - 1))])
✘ one batch not shuffled: the examples come in the order of the data.
    - order = torch.randperm(len(features))  # (n,)
    + order = torch.randperm(len(features))  # (n,)
    +     if len(order) < batch_size: order = order.sort().values
✘ the rest never shuffled in: the same examples are in the last, smaller minibatch in every epoch.
    - order = torch.randperm(len(features))  # (n,)
    + full = len(features) // batch_size * batch_size
    +     order = torch.arange(len(features))
    +     order[:full] = torch.randperm(full)
    - batch_size):
    -
    + batch_size):
    +         if full == 0: order = torch.randperm(len(features))
    +
✘ shuffled within fixed batches: the same examples are together in a minibatch in every epoch.
    - order = torch.randperm(len(features))  # (n,)
    + parts = torch.arange(len(features)).split(batch_size)
    +     order = torch.cat([part[torch.randperm(len(part))] for part in parts])
✘ an empty batch of nothing, as the lesson's: it hands out a minibatch where there are no examples.
    def every_example_once(batch_size, features, labels):
        for rows in torch.randperm(len(features)).split(batch_size):
            yield features[rows], labels[rows]
✘ endless on empty input: still running after # s.
    - order = torch.randperm(len(features))  # (n,)
    + order = torch.randperm(len(features))  # (n,)
    +     while len(order) == 0:
    +         pass
✘ endless batches: minibatches go on coming when all # examples have come.
    -     for start in range(0, len(features), batch_size):
    -         rows
    +     import itertools
    +     for start in itertools.count(0, batch_size):
    +         start %= max(1, len(features))
    +         rows
✘ shuffles the caller's rows: it changes `features`, which belongs to the caller.
    - order = torch.randperm(len(features))  # (n,)
    + p = torch.randperm(len(features)); order = torch.arange(len(p))
    +     features.copy_(features[p]); labels.copy_(labels[p])
✘ for the shown size only: it raises IndexError: index # is out of bounds for dimension # with size
  #
    len(features) => 1000
✘ flat labels: shape: y of a minibatch should have shape (10, 1), got (10,).
    labels[rows] => labels[rows].flatten()
✘ columns: shape: X of a minibatch should have shape (10, #), got (#, 10).
    features[rows] => features[rows].T
✘ returns the first: type: one pair came instead of one after the other. Is it `yield`?
    yield => return
✘ one row at a time: shape: minibatch 1 should have 10 rows, got 1.
    - order[start : start + batch_size]  # (batch_size,), the last one maybe fewer
    + order[start : start + 1]
    len(features), batch_size) => len(features))
✘ keyword names: checking it raises TypeError: every_example_once() takes 0 positional arguments but
  3 were given
    (batch_size, => (*, batch_size,

# largest_stable_lr
✔ the solution
✔ half a percent more
    return 2 => return 1.005 * 2
✔ a fraction
    - return 2 / curvatures.max()
    + from fractions import Fraction
    +     return Fraction(2 / curvatures.max().item())
✔ by trying
    def largest_stable_lr(features):
        A = torch.cat([features, torch.ones(len(features), 1)], dim=1)
        low, high = 0.0, 100.0
        for _ in range(30):
            lr, theta = (low + high) / 2, torch.ones(A.shape[1], 1)
            for _ in range(500):
                theta = theta - lr * A.T @ (A @ theta) / len(A)
            arrives = theta.norm() <= A.shape[1] ** 0.5
            low, high = (lr, high) if arrives else (low, lr)
        return low
✘ two percent more: values: # is too large: with 0.99 of it descent still moves away.
    return 2 => return 1.02 * 2
✘ no bias: values: # is too large: with 0.99 of it descent still moves away.
    torch.cat([features, torch.ones(len(features), 1)], dim=1) => features
✘ 1 for 2: values: # is too small: with 1.01 of it descent still arrives.
    return 2 => return 1
✘ not divided by n: values: # is too small: with 1.01 of it descent still arrives.
     / len(A) =>
✘ the flattest direction: values: # is too large: with 0.99 of it descent still moves away.
    .max() => .min()
✘ all curvatures: shape: the learning rate should be one number, got (3,).
    .max() =>
✘ never below 0.01: values: # is too large: with 0.99 of it descent still moves away.
    return 2 / curvatures.max() => return max(0.01, 2 / curvatures.max())
✘ negative: values: # is no learning rate.
    return 2 => return -2
"""  # noqa: E501

test_answers = answer_test("01", TABLE)
