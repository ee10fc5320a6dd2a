"""Answers to the exercises of lesson 04 and deeper-04: what is refused, why, and what is right."""

from exercise_testing import answer_test

TABLE = r"""
# predict_before_running
✔ the solution
✔ tensors, an array, a float with noise
    num_parameters = torch.tensor([[321]])
    num_distinct = np.array([2])
    zero_start_mse = torch.tensor([0.0, 2, 4, 6]).var(unbiased=False)
    y_at_ten = 20.999999
✘ 288: values: `num_parameters` is not 288. Those are the weights.
    num_parameters = 321 => num_parameters = 288
✘ 322: values: `num_parameters` is not 322. Count layer by layer.
    num_parameters = 321 => num_parameters = 322
✘ 1: values: `num_distinct` is not 1. One unit was given another start.
    num_distinct = 2 => num_distinct = 1
✘ 6.67: values: `zero_start_mse` is not 6.67. The mean divides by the number of labels.
    zero_start_mse = 5 => zero_start_mse = 6.67

# mlp
✔ the solution
✔ a class, with functions for activations
    class mlp(nn.Module):
        def __init__(self, widths):
            super().__init__()
            pairs = zip(widths, widths[1:])
            self.layers = nn.ModuleList([nn.Linear(a, b) for a, b in pairs])

        def forward(self, X):
            for layer in self.layers[:-1]:
                X = torch.sin(layer(X))
            return self.layers[-1](X)
✔ nested, activations in place and shared, dropout
    def mlp(widths):
        bend = nn.LeakyReLU(inplace=True)
        net = nn.Linear(widths[0], widths[1])
        for a, b in zip(widths[1:], widths[2:]):
            net = nn.Sequential(net, bend, nn.Dropout(0.2), nn.Linear(a, b))
        return net
✔ a seed of its own
    layers = [] => layers = []; torch.manual_seed(1)
✔ lazy layers
    nn.Linear(num_in, num_out) => nn.LazyLinear(num_out)
✔ the same start by hand
    - return nn.Sequential(*layers[:-1])
    + net = nn.Sequential(*layers[:-1])
    +     for p in net.parameters():
    +         nn.init.uniform_(p, -1, 1)
    +     for layer in net[::2]:
    +         for p in layer.parameters():
    +             p.data /= layer.in_features**0.5
    +     return net
✘ the lesson's sizes: checking it raises RuntimeError: mat1 and mat2 shapes cannot be multiplied
  (200x# and 1x8)
    layers = [] => widths = (1, 8, 8, 1); layers = []
✘ no activation: values: after linear layer 1 something bends for 0 of 8 units.
    , nn.ReLU() =>
    layers[:-1] => layers
✘ dropout for good: values: the first 9 examples, once more and alone, get other outputs.
    of: a class, with functions for activations
    torch.sin(layer(X => nn.functional.dropout(layer(X
✘ one unit bends: values: after linear layer 1 something bends for 1 of 8 units.
    of: a class, with functions for activations
    sin(layer(X) => cat([(h := layer(X))[:, 1:], h[:, :1].relu()], dim=1
✘ a connection past a layer: values: what linear layer 3 gets does not come from layer 2 alone.
    of: a class, with functions for activations
    X = torch.sin(layer(X)) => h = torch.sin(layer(X)); X = X + h if X.shape == h.shape else h
✘ the output doubled by a class: values: a linear layer puts out something else than `nn.Linear`
  does.
    def mlp(widths):
        class Doubled(nn.Linear):
            def forward(self, X):
                return 2 * super().forward(X)

        *layers, last = zip(widths, widths[1:])
        pairs = [part for a, b in layers for part in (nn.Linear(a, b), nn.ReLU())]
        return nn.Sequential(*pairs, Doubled(*last))
✘ an activation first: values: the first linear layer does not get X as it is.
    layers = [] => layers = [nn.Tanh()]
✘ an activation at the end: values: the output is not what the last linear layer gives: something
  follows it.
    layers[:-1] => layers
✘ no biases: values: the net has 80 parameters; these layers with biases have #.
    num_out) => num_out, bias=False)
✘ a shared layer: values: the net has # parameters; these layers with biases have #.
    layers = [] => layers, made = [], {}
    nn.Linear(num_in, num_out) => made.setdefault((num_in, num_out), nn.Linear(num_in, num_out))
✘ one layer too many: shape: the `nn.Linear` layers that are called should be [(1, 8), (8, 8),
  (8, 1)], yours: [(1, 8), (8, 8), (8, 1), (1, 1)].
    *layers[:-1] => *layers, nn.Linear(num_out, num_out)
✘ swapped: checking it raises RuntimeError: mat1 and mat2 shapes cannot be multiplied (200x1 and
  8x1)
    num_in, num_out) => num_out, num_in)
✘ a list: type: expected a net, an `nn.Module`, got a list.
    return nn.Sequential(*layers[:-1]) => return layers[:-1]
✘ layers in a plain list: type: `parameters()` finds none: layers in a plain list do not count.
    of: a class, with functions for activations
    nn.ModuleList([nn => list([nn
    torch.sin(layer(X) => layer(X).relu(
✘ zeros: values: all units of a layer start alike, with the same weights.
    - return nn.Sequential(*layers[:-1])
    + net = nn.Sequential(*layers[:-1])
    +     for p in net.parameters():
    +         nn.init.zeros_(p)
    +     return net
✘ normal numbers: values: before any training linear layer # should have `nn.Linear`'s own weight,
  and it has another.
    - return nn.Sequential(*layers[:-1])
    + net = nn.Sequential(*layers[:-1])
    +     for p in net.parameters():
    +         nn.init.normal_(p, std=0.1)
    +     return net
✘ biases zero: values: before any training linear layer # should have `nn.Linear`'s own bias,
  and it has another.
    - return nn.Sequential(*layers[:-1])
    + net = nn.Sequential(*layers[:-1])
    +     for p in net.parameters():
    +         p.dim() == 1 and nn.init.zeros_(p)
    +     return net
✘ frozen: no gradient of the output reaches the net: it cannot learn.
    - return nn.Sequential(*layers[:-1])
    + net = nn.Sequential(*layers[:-1])
    +     for p in net.parameters():
    +         p.requires_grad_(False)
    +     return net
✘ one net for all calls: two calls return the same net, or nets that share parameters. The first
  call was right. Does something stay from call to call?
    - return nn.Sequential(*layers[:-1])
    + made = mlp.__dict__.setdefault('made', {})
    +     return made.setdefault(tuple(widths), nn.Sequential(*layers[:-1]))
✘ pops the list: it changes `widths`, which belongs to the caller.
    def mlp(widths):
        widths = widths if isinstance(widths, list) else list(widths)
        layers = []
        while len(widths) > 1:
            layers += [nn.Linear(widths.pop(0), widths[0]), nn.ReLU()]
        return nn.Sequential(*layers[:-1])
✘ a tuple only: it raises TypeError: can only concatenate list (not "tuple") to list
    layers = [] => layers = []; widths + (1,)

# fit_curve
✔ the solution
✔ a class, Tanh, the loss and the steps by hand, in double
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(1, 16), nn.Linear(16, 1)

        def forward(self, X):
            return self.b(torch.tanh(self.a(X)))

    def fit_curve(X, y, num_steps):
        net, X, y = Net().double(), X.double(), y.double().view(-1)
        params = list(net.parameters())
        moves = [torch.zeros_like(p) for p in params]
        for _ in range(num_steps):
            l = ((net(X).flatten() - y) ** 2).sum() / len(X)
            for p, v, g in zip(params, moves, torch.autograd.grad(l, params)):
                v.mul_(0.9).add_(g)
                p.data -= 0.05 * v
        return net.float().eval()
✔ a sigmoid, a seed
    net = => torch.manual_seed(3); net =
    ReLU => Sigmoid
✔ both flat
    nn.MSELoss()(net(X), y.reshape(-1, 1)) => ((net(X)[:, 0] - y.flatten()) ** 2).mean()
✘ all but the labels: values: with num_steps 1 each output is compared with all labels, not only
  with its own.
    y.reshape(-1, 1) => y
✘ flat both, so columns fail: values: with num_steps 1 each output is compared with all labels, not
  only with its own.
    net(X), y.reshape(-1, 1) => net(X).flatten(), y
✘ all but the activation: values: after linear layer 1 something bends for 0 of 16 units.
    nn.ReLU(),  =>
✘ all but the start: values: all units of a layer start alike, with the same weights.
    - updater = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    + for p in net.parameters():
    +         nn.init.zeros_(p)
    +     updater = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
✘ more units: shape: the `nn.Linear` layers that are called should be [(1, 16), (16, 1)],
  yours: [(1, 64), (64, 1)].
    16 => 64
✘ one start: values: the net starts with the same numbers at each call.
    - updater = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    + for p in net.parameters():
    +         p.data = torch.arange(p.numel()).sin().roll(p.dim()).view_as(p) / 4
    +     updater = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
✘ far too large a rate: values: with num_steps 1 the net moves # times as far as `lr` 0.05 takes it.
    0.05 => 1e6
✘ far too small a rate: values: with num_steps 1 the net moves # times as far as `lr` 0.05 takes it.
    0.05 => 1e-4
✘ no zeroing: values: with num_steps 2 the first step's gradient is still in the second one's: is it
  zeroed?
    updater.zero_grad() => pass
✘ no momentum: values: with num_steps 2 momentum seems to be 0.00.
    , momentum=0.9 =>
✘ Adam: values: with num_steps 1 the net is not where `lr` 0.05, momentum 0.9 and the MSE take it.
    SGD => Adam
    , momentum=0.9 =>
✘ no first step: values: with num_steps 1 it leaves the net as it started.
    range(num_steps) => range(1, num_steps)
✘ two for one: values: with num_steps 1 it takes 2 steps.
    range(num_steps) => range(2 * num_steps)
✘ steps of its own: values: with num_steps 1 it leaves the net as it started.
    range(num_steps) => range(1000)
✘ at most a hundred: values: with num_steps 150 the net is not where `lr` 0.05, momentum 0.9 and
  the MSE take it.
    range(num_steps) => range(min(num_steps, 100))
✘ minibatches: values: with num_steps 1 the net is not where `lr` 0.05, momentum 0.9 and the MSE
  take it.
    net(X), y.reshape(-1, 1)) => net(X[rows]), y.reshape(-1, 1)[rows])
    l = nn => rows = torch.randperm(len(X))[:20]; l = nn
✘ goes on with the last call's parameters: values: with num_steps 2 the net is not where `lr` 0.05, momentum 0.9 and the MSE take it.
    - updater =
    + net.load_state_dict(fit_curve.__dict__.get('last', net.state_dict())); updater =
    return net => fit_curve.last = copy.deepcopy(net.state_dict()); return net
✘ resizes: it changes `y`, which belongs to the caller.
    y.reshape(-1, 1) => y.resize_(len(X), 1)

# stop_early
✔ the solution
✔ lists, while, a list of tensors returned
    def stop_early(net, train, error_of, patience, max_epochs):
        params = list(net.parameters())
        errors, saved = [error_of(net)], [[p.detach().clone() for p in params]]
        while True:
            best = min(range(len(errors)), key=lambda k: (errors[k] != errors[k], errors[k]))
            if len(errors) > max_epochs or len(errors) - 1 - best >= patience:
                break
            train(net)
            errors.append(error_of(net))
            saved.append([p.detach().clone() for p in params])
        with torch.no_grad():
            for p, kept in zip(params, saved[best]):
                p.copy_(kept)
        return [torch.tensor(best), torch.tensor(errors[best])]
✔ a copy of the net, a counter, parameters by .data
    def stop_early(net, train_epoch, held_out_error, patience, max_epochs):
        kept, best_epoch, best, waited = copy.deepcopy(net), 0, held_out_error(net), 0
        for epoch in range(max_epochs):
            train_epoch(net)
            if not held_out_error(net) >= best and not math.isnan(held_out_error(net)):
                kept, best_epoch, waited = copy.deepcopy(net), epoch + 1, 0
                best = held_out_error(net)
            else:
                waited += 1
                if waited == patience:
                    break
        for p, q in zip(net.parameters(), kept.parameters()):
            p.data = q.data
        return best_epoch, np.float64(best)
✘ state_dict without a copy: values: `net` is left as it was after epoch #, not the best one.
    copy.deepcopy(net.state_dict()) => net.state_dict()
✘ nothing put back: values: `net` is left as it was after epoch #, not the best one.
    net.load_state_dict(best) => pass
✘ only a part put back: values: only a part of `net` is put back to the best epoch.
    net.load_state_dict(best) => net[2].weight.data = best['2.weight']
✘ new parameters: `net` holds new parameters: an optimizer would go on training the old ones.
    net.load_state_dict(best) => net.load_state_dict(best, assign=True)
✘ frozen: `net` is left with parameters that do not learn (`requires_grad` is False).
    net.load_state_dict(best) => net.load_state_dict(best); net.requires_grad_(False)
✘ saved before the epoch: values: `net` is left as it was after epoch #, not the best one.
    -         train_epoch(net)
    +         before = copy.deepcopy(net.state_dict()); train_epoch(net)
    -             best = copy
    +             best = before; copy
✘ an epoch more than patience: it goes on after # epochs, when it should have stopped: the
  lowest error was at epoch #.
    < patience => <= patience
✘ bad epochs counted over all: it stops after # epochs, when it should have gone on.
    -     while epoch < max_epochs and epoch - best_epoch
    +     bad = 0
    +     while epoch < max_epochs and bad
    -         if error
    +         bad += not error < best_error
    +         if error
✘ equal counts as lower: it goes on after # epochs, when it should have stopped: the
  lowest error was at epoch #.
    error < best_error => error <= best_error
✘ the start does not count: it goes on after # epochs, when it should have stopped: the
  lowest error was at epoch #.
    0, 0, held_out_error(net) => 0, 0, math.inf
✘ better by a margin: it stops after # epochs, when it should have gone on.
    error < best_error => error < best_error - 1.5e-6
✘ nan taken for lower: it goes on after # epochs, when it should have stopped: the
  lowest error was at epoch #.
    if error < best_error or => if not error >= best_error or
✘ nan at the start for good: it stops after # epochs, when it should have gone on.
     or (best_error != best_error and error == error) =>
✘ inf for nan at the start: values: best_error is not right: yours is inf.
    0, 0, held_out_error(net) => 0, 0, min(math.inf, held_out_error(net))
✘ counted from 0: values: best_epoch is not right: yours is #.
    return best_epoch => return best_epoch - 1
✘ no limit of epochs: it goes on after # epochs, when it should have stopped: the
  lowest error was at epoch #.
    epoch < max_epochs and  =>
"""  # noqa: E501

test_answers = answer_test("04", TABLE)
