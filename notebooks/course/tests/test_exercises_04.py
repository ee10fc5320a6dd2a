"""Answers to the exercises of lesson 04: what is refused, and why, and what is accepted."""

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
✘ 320: values: `num_parameters` is not 320. Each layer has biases, the last one too.
    num_parameters = 321 => num_parameters = 320
✘ 322: values: `num_parameters` is not 322. Count layer by layer.
    num_parameters = 321 => num_parameters = 322
✘ 1: values: `num_distinct` is not 1. One unit was given another start.
    num_distinct = 2 => num_distinct = 1
✘ 16: values: `num_distinct` is not 16. Equal starts, equal gradients.
    num_distinct = 2 => num_distinct = 16
✘ 3: values: `num_distinct` is not 3. Which units start the same?
    num_distinct = 2 => num_distinct = 3
✘ 6.67: values: `zero_start_mse` is not 6.67. The mean divides by the number of labels.
    zero_start_mse = 5 => zero_start_mse = 6.67
✘ 14: values: `zero_start_mse` is not 14. The net starts there, but its last bias moves.
    zero_start_mse = 5 => zero_start_mse = 14
✘ 0: values: `zero_start_mse` is not 0. How far off is each label in the end?
    zero_start_mse = 5 => zero_start_mse = 0
✘ 30: values: `y_at_ten` is not 30. What kind of curve is it, and where is it at 0?
    y_at_ten = 21 => y_at_ten = 30
✘ two: shape: `y_at_ten` should be one number, got (2,).
    = 21 => = [2, 1]
✘ one left out: ○ Not attempted: give `y_at_ten` a value and run this cell again.
    = 21 => = ...

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
✘ no activation: values: between linear layers 1 and 2 nothing bends.
    , nn.ReLU() =>
    layers[:-1] => layers
✘ dropout for an activation: values: between linear layers 1 and 2 nothing bends.
    nn.ReLU() => nn.Dropout(0.5)
✘ only the first activation: values: between linear layers 2 and 3 nothing bends.
    nn.ReLU() => nn.Identity() if layers else nn.ReLU()
✘ dropout for good: values: the first 9 examples, once more and alone, get other outputs.
    of: a class, with functions for activations
    torch.sin(layer(X => nn.functional.dropout(layer(X
✘ one unit bends: values: only 1 of the 8 units of linear layer 1 pass something that bends.
    of: a class, with functions for activations
    sin(layer(X) => cat([(h := layer(X))[:, 1:], h[:, :1].relu()], dim=1
✘ an activation first: values: the first linear layer does not get X as it is.
    layers = [] => layers = [nn.Tanh()]
✘ an activation at the end: values: the output is not what the last linear layer gives: something
  follows it.
    layers[:-1] => layers
✘ no biases: values: the net has 80 parameters; layers 1 to 8, 8 to 8, 8 to 1 with biases have #.
    num_out) => num_out, bias=False)
✘ parameters that bend: values: the net has 99 parameters; layers 1 to 8, 8 to 8, 8 to 1 with biases have #.
    ReLU => PReLU
✘ a shared layer: values: the net has # parameters; layers 2 to 6, 6 to 6, 6 to 6, 6 to 3 with biases have #.
    layers = [] => layers, made = [], {}
    nn.Linear(num_in, num_out) => made.setdefault((num_in, num_out), nn.Linear(num_in, num_out))
✘ one layer too many: shape: the `nn.Linear` layers that are called should be 1 to 8, 8 to 8,
  8 to 1, yours: 1 to 8, 8 to 8,
  8 to 1, 1 to 1.
    *layers[:-1] => *layers, nn.Linear(num_out, num_out)
✘ swapped: checking it raises RuntimeError: mat1 and mat2 shapes cannot be multiplied (200x1 and
  8x1)
    num_in, num_out) => num_out, num_in)
✘ a list: type: expected a net, an `nn.Module`, got a list.
    return nn.Sequential(*layers[:-1]) => return layers[:-1]
✘ no return: type: expected a net, an `nn.Module`, got None. Is a `return` missing?
    return nn => net = nn
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
✘ Xavier's weights: values: before any training linear layer # should have `nn.Linear`'s own weight,
  and it has another.
    - return nn.Sequential(*layers[:-1])
    + net = nn.Sequential(*layers[:-1])
    +     for p in net.parameters():
    +         p.dim() == 2 and nn.init.xavier_uniform_(p)
    +     return net
✘ biases zero: values: before any training linear layer # should have `nn.Linear`'s own bias,
  and it has another.
    - return nn.Sequential(*layers[:-1])
    + net = nn.Sequential(*layers[:-1])
    +     for p in net.parameters():
    +         p.dim() == 1 and nn.init.zeros_(p)
    +     return net
✘ a smaller start: values: before any training linear layer # should have `nn.Linear`'s own weight,
  and it has another.
    - return nn.Sequential(*layers[:-1])
    + net = nn.Sequential(*layers[:-1])
    +     for p in net.parameters():
    +         p.data *= 0.9
    +     return net
✘ frozen: no gradient of the output reaches `0.weight`: it cannot learn.
    - return nn.Sequential(*layers[:-1])
    + net = nn.Sequential(*layers[:-1])
    +     for p in net.parameters():
    +         p.requires_grad_(False)
    +     return net
✘ detached: no gradient of the output reaches `layers.0.weight`: it cannot learn.
    of: a class, with functions for activations
    torch.sin(layer(X) => layer(X).relu().detach(
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
✘ no net for two widths: it raises ValueError: not enough values to unpack (expected at least 3, got
  2)
    layers = [] => first, second, third, *others = widths; layers = []

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
✘ activation only: values: after training, all hidden units are alike, as if there were one.
    y.reshape(-1, 1) => y
    - updater = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    + for p in net.parameters():
    +         nn.init.zeros_(p)
    +     updater = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
✘ start only: values: the trained net is a straight line.
    y.reshape(-1, 1) => y
    nn.ReLU(),  =>
✘ labels only: values: after training, all hidden units are alike, as if there were one.
    nn.ReLU(),  =>
    - updater = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    + for p in net.parameters():
    +         nn.init.zeros_(p)
    +     updater = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
✘ all but the labels: values: the trained net says nearly the same number for every x.
    y.reshape(-1, 1) => y
✘ flat both, so columns fail: values: the trained net says nearly the same number for every x.
    net(X), y.reshape(-1, 1) => net(X).flatten(), y
✘ all but the activation: values: the trained net is a straight line.
    nn.ReLU(),  =>
✘ all but the start: values: after training, all hidden units are alike, as if there were one.
    - updater = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    + for p in net.parameters():
    +         nn.init.zeros_(p)
    +     updater = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
✘ another equal start: values: after training, all hidden units are alike, as if there were one.
    - updater = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    + for p in net.parameters():
    +         nn.init.constant_(p, 0.1)
    +     updater = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
✘ an activation at the end: values: the output is not what the last linear layer gives: something
  follows it.
    16, 1) => 16, 1), nn.Hardtanh(-3, 3)
✘ more units: shape: the `nn.Linear` layers that are called should be 1 to 16, 16 to 1,
  yours: 1 to 64, 64 to 1.
    16 => 64
✘ one layer more: shape: the `nn.Linear` layers that are called should be 1 to 16, 16 to 1,
  yours: 1 to 16, 16 to 16,
  16 to 1.
    nn.ReLU(),  => nn.ReLU(), nn.Linear(16, 16), nn.Tanh(),
✘ normal numbers: values: before any training linear layer # should have `nn.Linear`'s own weight,
  and it has another.
    - updater = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    + for p in net.parameters():
    +         nn.init.normal_(p, std=0.3)
    +     updater = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
✘ a zero bias: values: before any training linear layer 2 should have `nn.Linear`'s own bias,
  and it has another.
    - updater = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    + for p in net.parameters():
    +         p.numel() == 1 and nn.init.zeros_(p)
    +     updater = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
✘ one start: values: the net starts with the same numbers at each call.
    - updater = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    + for p in net.parameters():
    +         p.data = torch.arange(p.numel()).sin().roll(p.dim()).view_as(p) / 4
    +     updater = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
✘ twice the rate: values: with num_steps 1 the net moves # times as far as `lr` 0.05 takes it.
    0.05 => 0.1
✘ far too large a rate: values: after training, the net's output is nan or inf.
    0.05 => 1e6
✘ no momentum: values: with num_steps 2 the net is not where `lr` 0.05 and momentum 0.9 take it;
  with num_steps 1 it is.
    , momentum=0.9 =>
✘ more momentum: values: with num_steps 2 the net is not where `lr` 0.05 and momentum 0.9 take it;
  with num_steps 1 it is.
    0.9 => 0.95
✘ Nesterov's: values: with num_steps 1 the net moves # times as far as `lr` 0.05 takes it.
    0.9 => 0.9, nesterov=True
✘ Adam: values: with num_steps 1 the net is not where `lr` 0.05 takes it on the MSE of all points.
    SGD => Adam
    , momentum=0.9 =>
✘ absolute errors: values: with num_steps 1 the net is not where `lr` 0.05 takes it on the MSE of
  all points.
    MSELoss => L1Loss
✘ half the error: values: with num_steps 1 the net moves # times as far as `lr` 0.05 takes it.
    l.backward() => (l / 2).backward()
✘ a rate that falls: values: with num_steps # the net is not where `lr` 0.05 and momentum 0.9 take
  it; with num_steps 1 it is.
    updater.step() => updater.step(); updater.param_groups[0]['lr'] *= 0.99
✘ no first step: values: with num_steps 1 it leaves the net as it started.
    range(num_steps) => range(1, num_steps)
✘ two for one: values: with num_steps 1 it takes 2 steps.
    range(num_steps) => range(2 * num_steps)
✘ at most a hundred: values: with num_steps 150 the net is not where `lr` 0.05 and momentum 0.9 take
  it; with num_steps 1 it is.
    range(num_steps) => range(min(num_steps, 100))
✘ no steps: values: 150 steps leave the net as it started: nothing trains.
    range(num_steps) => range(0)
✘ minibatches: values: with num_steps 1 the net is not where `lr` 0.05 takes it on the MSE of all
  points.
    net(X), y.reshape(-1, 1)) => net(X[rows]), y.reshape(-1, 1)[rows])
    l = nn => rows = torch.randperm(len(X))[:20]; l = nn
✘ least squares: values: 150 steps leave the net as it started: nothing trains.
    - updater = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    + A = torch.cat([net[:2](X), torch.ones(len(X), 1)], 1).detach()
    +     w = torch.linalg.lstsq(A, y.reshape(-1, 1), driver='gelsd').solution
    +     net[2].weight.data, net[2].bias.data = w[:-1].T.contiguous(), w[-1]
    +     return net
✘ goes on with the last call's net: two calls return the same net, or nets that share parameters.
    -     updater =
    +     net = fit_curve.__dict__.setdefault('net', net)
    +     updater =
✘ goes on with the last call's parameters: values: the net starts with the same numbers at each call.
    - updater =
    + net.load_state_dict(fit_curve.__dict__.get('last', net.state_dict())); updater =
    return net => fit_curve.last = copy.deepcopy(net.state_dict()); return net
✘ no return: type: expected a net, an `nn.Module`, got None. Is a `return` missing?
    return net =>
✘ the outputs for the net: type: expected a net, an `nn.Module`, got a tensor.
    return net => return net(X)
✘ resizes: it changes `y`, which belongs to the caller.
    y.reshape(-1, 1) => y.resize_(len(X), 1)
✘ not for a single point: it raises IndexError: Dimension out of range (expected to be in range of
  [-1, 0], but got 1)
    y.reshape(-1, 1) => y.squeeze().unsqueeze(1)

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
    param.clone() => param
✘ nothing put back: values: `net` is left as it was after epoch #, not the best one.
    net.load_state_dict(best) => pass
✘ put back only where it stopped early: values: `net` is left as it was after epoch #, not the best
  one.
    net.load_state_dict(best) => epoch < max_epochs and net.load_state_dict(best)
✘ the name rebound to a copy: values: `net` is left as it was after epoch #, not the best one.
    net.load_state_dict(best) => net = copy.deepcopy(net).load_state_dict(best)
✘ the start put back: values: `net` is left as it was after epoch 0, not the best one.
                best.update( =>             dict(
✘ only a part put back: values: only a part of `net` is put back to the best epoch.
    net.load_state_dict(best) => net[2].weight.data = best['2.weight']
✘ saved before the epoch: values: `net` is left as it was after epoch #, not the best one.
    -         train_epoch(net)
    +         before = copy.deepcopy(net.state_dict()); train_epoch(net)
                best.update( =>             best = before; dict(
✘ an epoch more than patience: it goes on after # epochs, when it should have stopped: the
  lowest error was at epoch #.
    < patience => <= patience
✘ stops at the first rise: it stops after # epochs, when it should have gone on.
    - while
    + error = best_error
    +     while not error > best_error and
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
✘ better by a margin: it stops after # epochs, when it should have gone on.
    error < best_error => error < best_error - 1.5e-6
✘ nan taken for lower: it goes on after # epochs, when it should have stopped: the
  lowest error was at epoch #.
    if error < best_error or => if not error >= best_error or
✘ nan at the start for good: it stops after # epochs, when it should have gone on.
     or (math.isnan(best_error) and not math.isnan(error)) =>
✘ inf for nan at the start: values: best_error is not right: yours is inf.
    held_out_error(net), {} => min(math.inf, held_out_error(net)), {}
✘ the start does not count: it goes on after # epochs, when it should have stopped: the
  lowest error was at epoch #.
    held_out_error(net), {} => math.inf, {}
✘ counted from 0: values: best_epoch is not right: yours is #.
    return best_epoch => return best_epoch - 1
✘ another error: values: best_error is not right: yours is #.
    - best_epoch, best_error
    -
    + best_epoch, 0.9 * best_error
    +
✘ no limit of epochs: it goes on after # epochs, when it should have stopped: the
  lowest error was at epoch #.
    epoch < max_epochs and  =>
✘ max_epochs one too few: it stops after 11 epochs, when it should have gone on.
    < max_epochs => < max_epochs - 1
✘ one number: type: expected a tuple (best_epoch, best_error), got a float.
    return best_epoch, best_error => return best_error
✘ without the net: it raises TypeError: _Run.train_epoch() missing 1 required positional argument:
  'net'
    - train_epoch(net)
    -
    + train_epoch()
    +
✘ parameters for the net: type: expected a net, an `nn.Module`, got a generator.
    - train_epoch(net)
    -
    + train_epoch(net.parameters())
    +
✘ endless without training: still running after 0.5 s.
    - train_epoch(net)
    -
    + while max_epochs: pass
    +
"""  # noqa: E501

test_answers = answer_test("04", TABLE)
