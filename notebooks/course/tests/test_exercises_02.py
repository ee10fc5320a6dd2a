"""Answers to the exercises of lesson 02: what is refused, and why, and what is accepted."""

from exercise_testing import answer_test

TABLE = r"""
# predict_before_running
✔ the solution
✔ tensors, a shape, arithmetic
    mean_loss = torch.tensor([[3.0]])
    same_lr = 0.06 / 2 / 10
    weight_shape = nn.Linear(3, 2).weight.shape
    num_steps = torch.tensor(15)
✔ a list and a float
    (2, 3) => [2, 3]
    15 => 15.0
✘ one left out: ○ Not attempted: give `num_steps` a value and run this cell again.
    15 => ...
✘ mean_loss 1.5: values: `mean_loss` is not 1.5. That is `squared_loss`'s mean.
    mean_loss = 3 => mean_loss = 1.5
✘ same_lr 0.006: values: `same_lr` is not 0.006. `MSELoss` has no 1/2.
    same_lr = 0.003 => same_lr = 0.006
✘ same_lr 1.2: values: `same_lr` is not 1.2. By what factor do the two gradients differ?
    same_lr = 0.003 => same_lr = 1.2
✘ weight_shape (3, 2): values: `weight_shape` is not (3, 2). Which comes first in a weight?
    weight_shape = (2, 3) => weight_shape = (3, 2)
✘ num_steps 20: values: `num_steps` is not 20. Mind `drop_last`.
    num_steps = 15 => num_steps = 20

# net_of_size
✔ the solution
✔ layers in a ModuleList, the width by search, eval
    class Net(nn.Module):
        def __init__(self, a, b, c):
            super().__init__()
            self.layers = nn.ModuleList([nn.Linear(a, b), nn.Linear(b, c)])

        def forward(self, X):
            self.middle = self.layers[0](X)
            return self.layers[1](self.middle)

    def net_of_size(a, c, size):
        for width in range(1, size):
            net = Net(a, width, c)
            if sum(p.numel() for p in net.parameters()) == size:
                for name, p in net.named_parameters():
                    nn.init.zeros_(p) if "bias" in name else nn.init.normal_(p, std=0.01)
                return net.eval()
✔ nn.Identity
    width), nn => width), nn.Identity(), nn
    in net: => in (net[0], net[2]):
✔ one vector for all
    class Net(nn.Module):
        def __init__(self, a, b, c):
            super().__init__()
            self.sizes, self.shapes = (a * b, b, b * c, c), ((a, b), (b,), (b, c), (c,))
            scales = [torch.full((n,), s) for n, s in zip(self.sizes, (0.01, 0, 0.01, 0))]
            self.all = nn.Parameter(torch.cat(scales) * torch.randn(sum(self.sizes)))

        def forward(self, X):
            parts = zip(self.all.split(self.sizes), self.shapes)
            W, u, V, v = (part.reshape(shape) for part, shape in parts)
            return (X @ W + u) @ V + v

    def net_of_size(a, c, size):
        return Net(a, (size - c) // (a + 1 + c), c)
✘ a ReLU: values: with all parameters -0.5 the output is not that of two linear layers alone.
    width), nn => width), nn.ReLU(), nn
    in net: => in (net[0], net[2]):
✘ dropout, off: values: with all parameters -0.5 the output is not that of two linear layers alone.
    width), nn => width), nn.Dropout(), nn
    in net: => in (net[0], net[2]):
    n net => n net.eval()
✘ a parameter that fills up the count: no gradient of the output reaches `more`.
    def net_of_size(a, c, size):
        net = nn.Sequential(nn.Linear(a, c))
        net.more = nn.Parameter(torch.zeros(size - a * c - c))
        return net
✘ detached: no gradient of the output reaches `layers.0.weight`.
    of: layers in a ModuleList, the width by search, eval
    return self.layers[1](self.middle) => return self.layers[1](self.middle.detach())
✘ the biases of the middle forgotten: values: `net.parameters()` holds # numbers, not #.
    num_outputs + 1) => num_outputs)
✘ a plain list: values: `net.parameters()` holds # numbers, not #. It sees no layers in a plain
  list, and no tensors but `nn.Parameter`.
    of: layers in a ModuleList, the width by search, eval
    nn.ModuleList([nn => list([nn
    sum(p => 1 or sum(p
✘ one example's output squeezed: shape: the output for X (1, 4) should have shape (1, 2), got (2,).
    of: layers in a ModuleList, the width by search, eval
    return self.layers[1](self.middle) => return self.layers[1](self.middle).squeeze()
✘ only the first layer's start: values: not all biases start at zero.
    in net: => in net[:1]:
✘ all zero: values: some weights start at zero.
    normal_(0, 0.01) => fill_(0)
✘ nan: values: some parameters start at nan or inf.
    normal_(0, 0.01) => fill_(math.nan)
✘ a seed inside: values: weights repeat, in a net or from call to call. Draw each anew; set no seed.
    width = => torch.manual_seed(1); width =
✘ the same draw in both layers: values: weights repeat, in a net or from call to call. Draw each
  anew; set no seed.
    layer.weight.n => torch.manual_seed(d); layer.weight.n
    width = => d = torch.seed(); width =
✘ variance for deviation: values: `0.weight` is not from N(0, 0.01**2): mean #, standard deviation
  #, largest #.
    0.01 => 0.01**2
✘ uniform weights in the second layer: values: `1.weight` is not from N(0, 0.01**2): mean #,
  standard deviation #, largest #.
    layer.bias.fill_(0) => layer.bias.fill_(0); net[1].weight.uniform_(-0.01732, 0.01732)
✘ one layer for all calls: two calls return the same net, or nets that share parameters.
    -     return net
    +     net[1] = layers.setdefault(num_parameters, net[1])
    +     return net
    +
    + layers = {}
✘ no return: type: expected a net (an instance of `nn.Module`), got None. Is a `return` missing?
    return net =>

# train_with_momentum
✔ the solution
✔ by hand, flat, zeroed by None
    def train_with_momentum(net, data_iter, lr, num_epochs):
        v = [torch.zeros_like(p) for p in net.parameters()]
        net.zero_grad()
        for epoch in range(num_epochs):
            for X, y in data_iter:
                ((net(X).flatten() - y.flatten()) ** 2).mean().backward()
                for i, p in enumerate(net.parameters()):
                    v[i] = 0.9 * v[i] + p.grad
                    p.data -= lr * v[i]
                    p.grad = None
✔ zeroed after the step, labels by the predictions' shape, a closure
    def train_with_momentum(net, data_iter, lr, num_epochs):
        optimizer = torch.optim.SGD(net.parameters(), lr, 0.9)
        net.zero_grad()
        for X, y in (batch for _ in range(num_epochs) for batch in data_iter):
            def closure():
                y_hat = net(X)
                l = nn.functional.mse_loss(y_hat, y.view_as(y_hat))
                l.backward()
                return l
            optimizer.step(closure)
            net.zero_grad()
✘ only the labels: values: training takes the net where gradients that still hold those of earlier
  minibatches take it.
    optimizer.zero_grad() => pass
    - for X, y
    + optimizer = torch.optim.SGD(net.parameters(), lr, momentum=0.9)
    +         net.zero_grad()
    +         for X, y
✘ the shape left: values: training takes the net where labels of shape (n,) beside predictions of
  shape (n, 1) take it.
    y.reshape(-1, 1) => y
✘ the net returned: type: it should return nothing, and it returns a Sequential.
    - step()
    + step()
    +     return net
✘ old gradients used: values: `0.weight` after training is wrong in # of # places, first at [0, #]:
  yours is #.
    optimizer.zero_grad() => pass
    step() => step(); net.zero_grad()
✘ column labels spoilt: values: `0.weight` after training is wrong in # of # places, first at [0,
  #]: yours is #.
    y.reshape(-1, 1) => y[:, None]
✘ once an epoch: values: training takes the net where gradients that still hold those of earlier
  minibatches take it.
    optimizer.zero_grad() => pass
    - for X
    + net.zero_grad()
    +         for X
✘ an optimizer for each epoch: values: training takes the net where velocities that start anew in
  each epoch take it.
    - for X, y
    + optimizer = torch.optim.SGD(net.parameters(), lr, momentum=0.9)
    +         for X, y
✘ no momentum: values: `0.weight` after training is wrong in # of # places, first at [0, #]: yours
  is #.
    , momentum=0.9 =>
✘ a net of its own: values: training leaves `0.weight` as it was.
    loss = => net = copy.deepcopy(net); loss =
✘ one form of net only: it raises TypeError: 'Linear' object is not subscriptable
    loss = => net[0]; loss =
✘ the loader's labels mended for good: it changes `data_iter`, which belongs to the caller.
    loss = => labels = data_iter.dataset.tensors[1]; labels.resize_(len(labels), 1); loss =
✘ the optimizer kept for the net: values: `0.weight` after training is wrong in # of # places, first
  at [0, #]: yours is #.
    optimizer = torch.optim.SGD(net => optimizer = kept.setdefault(net, torch.optim.SGD(net
    momentum=0.9) => momentum=0.9))
    - def train
    + kept = {}
    +
    + def train
✘ the minibatches listed once: it walks through `data_iter` less than once an epoch; the order may
  be new in each.
    loss = => data_iter = list(data_iter); loss =

# momentum_path
✔ the solution
✔ the rate inside the velocity, lists
    def momentum_path(w, grads, lr, momentum, dampening):
        path, v = [w.tolist()], [0.0] * len(w)
        for step, g in enumerate(grads.tolist()):
            share = 1 - dampening if step and momentum else 1
            v = [momentum * old + lr * share * new for old, new in zip(v, g)]
            path.append([a - b for a, b in zip(path[-1], v)])
        return path
✔ by PyTorch's optimizer, a list of tensors
    def momentum_path(w, grads, lr, momentum, dampening):
        p = w.clone().requires_grad_()
        optimizer = torch.optim.SGD([p], lr=lr, momentum=momentum, dampening=dampening)
        path = [w.clone()]
        for g in grads:
            p.grad = g.clone()
            optimizer.step()
            path.append(p.detach().clone())
        return path
✘ the first step dampened: values: the path is wrong in # of # places, first at [#, 0]: yours is #.
    if v is None or => if
    [w], None => [w], 0
✘ dampening at momentum 0: values: the path is wrong in # of # places, first at [#, 0]: yours is #.
     or momentum == 0 =>
✘ zero taken for none: values: the path is wrong in # of # places, first at [#, 0]: yours is #.
    v is None or => v is None or not v.any() or
✘ Nesterov: values: the path is wrong in # of # places, first at [#, 0]: yours is #.
    w - lr * v => w - lr * (g + momentum * v)
✘ a small momentum for none: values: the path is wrong in # of # places, first at [#, 0]: yours is #.
    momentum == 0 => momentum < 0.2
✘ clipped gradients: values: the path is wrong in # of # places, first at [#, 0]: yours is #.
    in grads => in grads.clamp(-10, 10)
✘ the first 50 steps: shape: the path should have shape (61, 2), got (51, 2).
    in grads => in grads[:50]
✘ without the start: shape: the path should have shape (#, #), got (3, 2).
    [w], None => [], None
✘ in place: it changes `w`, which belongs to the caller.
    w = w - lr * v => w -= lr * v
✘ in place, a copy: values: all rows of the path are the same. Are they one tensor?
    w = w - lr * v => w -= lr * v
    path, v => w = w.clone(); path, v
✘ a velocity that is the gradient: it changes `grads`, which belongs to the caller.
    momentum * v + (1 - dampening) * g => v.mul_(momentum).add_((1 - dampening) * g)
✘ a velocity that stays: values: the path is wrong in # of # places, first at [#, 0]: yours is #.
  The first call was right. Does something stay from call to call?
    path, v = [w], None => global v; path = [w]
    - def mom
    + v = None
    +
    + def mom
✘ fails without gradients: it raises IndexError: index 0 is out of bounds for dimension 0 with size
  0
    path, v = => grads[0]; path, v =

# own_optimizer
✔ the solution
✔ velocities in a dictionary
    class OwnOptimizer:
        def __init__(self, params, lr, momentum=0):
            self.params, self.lr, self.mu, self.v = list(params), lr, momentum, {}

        @torch.no_grad()
        def step(self):
            for i, p in enumerate(self.params):
                if p.grad is not None:
                    v = self.v[p] = self.mu * self.v.get(p, 0) + p.grad
                    p -= self.lr * (p.grad + self.mu * v)
✔ .data
    of: velocities in a dictionary
    p -= self.lr => p.data = p.data - self.lr
✔ a descendant of Optimizer
    class OwnOptimizer(torch.optim.Optimizer):
        def __init__(self, params, lr, momentum=0):
            super().__init__(params, dict(lr=lr, momentum=momentum))

        @torch.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                mu = group["momentum"]
                for p in group["params"]:
                    if p.grad is not None:
                        v = mu * self.state[p].get("v", 0) + p.grad
                        self.state[p]["v"] = v
                        p.add_(p.grad + mu * v, alpha=-group["lr"])
✘ walks through the parameters once: values: step 2 leaves `0.weight` as it was.
    of: velocities in a dictionary
    list(params) => params
✘ not Nesterov: values: `0.weight` after step 1 is wrong in # of # places, first at [0, 0]: yours is
  #.
    param.grad + self.momentum * v => v
✘ clipped gradients: values: `0.weight` after step 2 is wrong in # of # places, first at [#, #]:
  yours is #.
    add_(param.grad) => add_(param.grad.clamp(-10, 10))
✘ skips zero gradients: values: step 2 leaves `0.weight` as it was.
    param.grad is not None => param.grad is not None and param.grad.any()
✘ velocities kept for the next optimizer: values: `0.weight` after step 1 is wrong in # of # places,
  first at [0, 0]: yours is #.
    momentum=0): => momentum=0, kept={}):
    - [torch.zeros_like(param) for param in self.params]
    + [kept.setdefault(param, torch.zeros_like(param)) for param in self.params]
✘ velocities by shape: values: `1.weight` after step 1 is wrong in # of # places, first at [0, 0]:
  yours is #.
    of: velocities in a dictionary
    p] = self.mu * self.v.get(p => p.shape] = self.mu * self.v.get(p.shape
✘ params of the class: values: step 2 leaves `0.weight` as it was.
    self.params,  => type(self).params,
✘ new tensors: values: step 1 leaves `0.weight` as it was.
    param -= => param = param -
✘ parameters that learn no more: step 1 turns off `requires_grad` of `0.weight`.
    param -= => param.requires_grad = False; param -=
✘ the velocity is the gradient, changed in place: step # changes the gradient of `0.weight`.
    of: velocities in a dictionary
    mu * self.v.get(p, 0) + => v[p].mul_(self.mu).add_(p.grad) if p in self.v else
✘ the velocity is the gradient, and filled with zeros: values: `0.weight` after step 2 is wrong in #
  of # places, first at [0, 0]: yours is #.
    of: velocities in a dictionary
    v.get(p, 0) + => v[p] + p.grad if p in self.v else
✘ zeroes: step # changes the gradient of `0.weight`.
    * v) => * v); param.grad.zero_()
✘ no gradient: it raises TypeError: add_(): argument 'other' (position 1) must be Tensor, not
  NoneType
    if param.grad is not None => if True
✘ coasts without a gradient: step 3 moves `0.weight`, whose `grad` is None.
    - if param
    + param -= self.lr * self.momentum * v * (param.grad is None)
    +             if param
✘ the velocity fades without a gradient: values: `0.weight` after step 4 is wrong in # of # places,
  first at [0, 0]: yours is #.
    - if param
    + v.mul_(self.momentum if param.grad is None else 1)
    +             if param
✘ stops where none is: values: step 3 leaves `0.bias` as it was.
    - if param
    + if param.grad is None: break
    +             if param
✘ momentum from the start: values: `0.weight` after step 1 is wrong in # of # places, first at [0,
  0]: yours is #.
    tum=0) => tum=0.9)
✘ momentum asked for: checking it raises TypeError: OwnOptimizer.__init__() missing 1 required
  positional argument: 'momentum'
    momentum=0) => momentum)
✘ PyTorch's, inside: PyTorch's SGD does the work here; the step is yours to write.
    class OwnOptimizer:
        def __init__(self, params, lr, momentum=0):
            self.own = [torch.optim.SGD(params, lr, momentum, nesterov=momentum > 0)]

        def step(self):
            self.own[0].step()
✘ PyTorch's function: PyTorch's SGD does the work here; the step is yours to write.
    of: velocities in a dictionary
    - class OwnOptimizer:
    + from torch.optim.sgd import sgd
    + rest = dict(weight_decay=0, momentum=0, dampening=0, nesterov=False, maximize=False)
    + class OwnOptimizer:
    p -= self.lr * (p.grad + self.mu * v) => sgd([p], [p.grad + self.mu * v], [None], lr=self.lr, **rest)
✘ a function: type: expected a class, got a function.
    def OwnOptimizer(params, lr, momentum=0):
        return torch.optim.SGD(params, lr=lr)
"""  # noqa: E501

test_answers = answer_test("02", TABLE)
