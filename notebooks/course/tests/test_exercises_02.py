"""Answers to the exercises of lesson 02: what is refused, and why, and what is accepted."""

from answers import but, trials_of

PREDICTIONS = """
    mean_loss = 3
    same_lr = 0.003
    weight_shape = (2, 3)
    num_steps = 15
"""
NET = """
    from torch import nn

    def net_of_size(num_inputs, num_outputs, num_parameters):
        width = (num_parameters - num_outputs) // (num_inputs + num_outputs + 1)
        net = nn.Sequential(nn.Linear(num_inputs, width), nn.Linear(width, num_outputs))
        with torch.no_grad():
            for layer in net:
                layer.weight.normal_(0, 0.01)
                layer.bias.fill_(0)
        return net
"""
OWN_NET = """
    from torch import nn

    class TwoLayers(nn.Module):
        def __init__(self, a, b, c):
            super().__init__()
            self.one, self.two = nn.Linear(a, b), nn.Linear(b, c)
            for name, p in self.named_parameters():
                nn.init.zeros_(p) if "bias" in name else nn.init.normal_(p, std=0.01)

        def forward(self, X):
            return self.two(self.one(X))

    def net_of_size(num_inputs, num_outputs, num_parameters):
        for width in range(1, num_parameters):
            net = TwoLayers(num_inputs, width, num_outputs)
            if sum(p.numel() for p in net.parameters()) == num_parameters:
                return net
"""
TRAIN = """
    from torch import nn

    def train_with_momentum(net, data_iter, lr, num_epochs):
        loss = nn.MSELoss()
        optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
        for _ in range(num_epochs):
            for X, y in data_iter:
                optimizer.zero_grad()
                l = loss(net(X), y.reshape(-1, 1))
                l.backward()
                optimizer.step()
"""
PATH = """
    def momentum_path(w, grads, lr, momentum, dampening):
        path, v = [w], None
        for g in grads:
            v = g if v is None or momentum == 0 else momentum * v + (1 - dampening) * g
            w = w - lr * v
            path.append(w)
        return torch.stack(path)
"""
OPTIMIZER = """
    class OwnOptimizer:
        def __init__(self, params, lr, momentum=0):
            self.params, self.lr, self.momentum = list(params), lr, momentum
            self.velocities = [torch.zeros_like(param) for param in self.params]

        @torch.no_grad()
        def step(self):
            for param, v in zip(self.params, self.velocities):
                if param.grad is not None:
                    v.mul_(self.momentum).add_(param.grad)
                    param -= self.lr * (param.grad + self.momentum * v)
"""

RIGHT = [
    ("predict_before_running", "the solution", PREDICTIONS),
    (
        "predict_before_running",
        "tensors, a list, arithmetic",
        """
    mean_loss = torch.tensor([[3.0]])
    same_lr = 0.06 / 2 / 10
    weight_shape = torch.nn.Linear(3, 2).weight.shape
    num_steps = torch.tensor(15)
    """,
    ),
    (
        "predict_before_running",
        "a list and a float",
        but(PREDICTIONS, "(2, 3)", "[2, 3]", "15", "15.0"),
    ),
    ("net_of_size", "the solution", NET),
    ("net_of_size", "a class, the width by search", OWN_NET),
    (
        "net_of_size",
        "parameters of its own, prints",
        """
    class Net(torch.nn.Module):
        def __init__(self, a, b, c):
            super().__init__()
            self.W1 = torch.nn.Parameter(torch.normal(0, 0.01, (a, b)))
            self.b1 = torch.nn.Parameter(torch.zeros(1, b))
            self.W2 = torch.nn.Parameter(0.01 * torch.randn(b, c))
            self.b2 = torch.nn.Parameter(torch.zeros(1, c))
            print("width", b)

        def forward(self, X):
            return (X @ self.W1 + self.b1) @ self.W2 + self.b2

    def net_of_size(a, c, size):
        torch.manual_seed(1)
        return Net(a, int((size - c) / (a + 1 + c)), c)
    """,
    ),
    ("train_with_momentum", "the solution", TRAIN),
    (
        "train_with_momentum",
        "by hand, flat, zeroed by None",
        """
    def train_with_momentum(net, data_iter, lr, num_epochs):
        v = [torch.zeros_like(p) for p in net.parameters()]
        for epoch in range(num_epochs):
            for X, y in data_iter:
                ((net(X).flatten() - y.flatten()) ** 2).mean().backward()
                for i, p in enumerate(net.parameters()):
                    v[i] = 0.9 * v[i] + p.grad
                    p.data -= lr * v[i]
                    p.grad = None
        return net
    """,
    ),
    (
        "train_with_momentum",
        "zeroed after the step, labels by the predictions' shape, a closure",
        """
    def train_with_momentum(net, data_iter, lr, num_epochs):
        optimizer = torch.optim.SGD(net.parameters(), lr, 0.9)
        for X, y in (batch for _ in range(num_epochs) for batch in data_iter):
            def closure():
                y_hat = net(X)
                l = torch.nn.functional.mse_loss(y_hat, y.view_as(y_hat))
                l.backward()
                return l
            optimizer.step(closure)
            net.zero_grad()
    """,
    ),
    ("momentum_path", "the solution", PATH),
    (
        "momentum_path",
        "the rate inside the velocity, lists",
        """
    def momentum_path(w, grads, lr, momentum, dampening):
        path, v = [w.tolist()], [0.0] * len(w)
        for step, g in enumerate(grads.tolist()):
            share = 1 - dampening if step and momentum else 1
            v = [momentum * old + lr * share * new for old, new in zip(v, g)]
            path.append([a - b for a, b in zip(path[-1], v)])
        return path
    """,
    ),
    (
        "momentum_path",
        "NumPy, double",
        """
    import numpy as np

    def momentum_path(w, grads, lr, momentum, dampening):
        path = np.zeros((len(grads) + 1, len(w)))
        path[0] = w.numpy()
        v = 0
        for t, g in enumerate(grads.numpy().astype(np.float64)):
            v = momentum * v + (g if t == 0 or momentum == 0 else g - dampening * g)
            path[t + 1] = path[t] - lr * v
        return path
    """,
    ),
    (
        "momentum_path",
        "by PyTorch's optimizer, a list of tensors",
        """
    def momentum_path(w, grads, lr, momentum, dampening):
        p = w.clone().requires_grad_()
        optimizer = torch.optim.SGD([p], lr=lr, momentum=momentum, dampening=dampening)
        path = [w.clone()]
        for g in grads:
            p.grad = g.clone()
            optimizer.step()
            path.append(p.detach().clone())
        return path
    """,
    ),
    ("own_optimizer", "the solution", OPTIMIZER),
    (
        "own_optimizer",
        "a dictionary, .data, a velocity made at the first gradient",
        """
    class OwnOptimizer:
        def __init__(self, params, lr, momentum=0.0):
            self.params = [p for p in params]
            self.lr, self.mu, self.v = lr, momentum, {}

        def step(self):
            for p in self.params:
                if p.grad is None:
                    continue
                old = self.v.get(p, 0)
                self.v[p] = self.mu * old + p.grad
                p.data = p.data - self.lr * (p.grad + self.mu * self.v[p])
    """,
    ),
    (
        "own_optimizer",
        "a descendant of Optimizer",
        """
    class OwnOptimizer(torch.optim.Optimizer):
        def __init__(self, params, lr, momentum=0):
            super().__init__(params, dict(lr=lr, momentum=momentum))

        @torch.no_grad()
        def step(self, closure=None):
            for group in self.param_groups:
                mu = group["momentum"]
                for p in group["params"]:
                    if p.grad is not None:
                        v = self.state[p].get("v")
                        v = self.state[p]["v"] = p.grad.clone() if v is None else mu * v + p.grad
                        p.add_(p.grad + mu * v, alpha=-group["lr"])
    """,
    ),
]

WRONG = [
    # Exercise 1
    (
        "predict_before_running",
        "the half forgotten",
        but(PREDICTIONS, "mean_loss = 3", "mean_loss = 1.5"),
        "values: mean_loss is not 1.5. That is the mean of `squared_loss`.",
    ),
    (
        "predict_before_running",
        "the sum",
        but(PREDICTIONS, "mean_loss = 3", "mean_loss = 24.0"),
        "values: mean_loss is not 24. That is the sum.",
    ),
    (
        "predict_before_running",
        "the rate for the mean",
        but(PREDICTIONS, "0.003", "0.03"),
        "values: same_lr is not 0.03. That would do for the mean.",
    ),
    (
        "predict_before_running",
        "the rate without the half",
        but(PREDICTIONS, "0.003", "0.006"),
        "values: same_lr is not 0.006. `MSELoss` has no 1/2.",
    ),
    (
        "predict_before_running",
        "(in, out)",
        but(PREDICTIONS, "(2, 3)", "(3, 2)"),
        "values: weight_shape is not (3, 2). Which comes first in a weight?",
    ),
    (
        "predict_before_running",
        "a string for a shape",
        but(PREDICTIONS, "(2, 3)", "'2 x 3'"),
        "type: weight_shape is to be a tuple such as (7, 4).",
    ),
    (
        "predict_before_running",
        "a number for a shape",
        but(PREDICTIONS, "(2, 3)", "6"),
        "type: weight_shape is to be a tuple such as (7, 4).",
    ),
    (
        "predict_before_running",
        "the last batch kept",
        but(PREDICTIONS, "15", "20"),
        "values: num_steps is not 20. Mind `drop_last`.",
    ),
    (
        "predict_before_running",
        "nan",
        but(PREDICTIONS, "15", "float('nan')"),
        "values: num_steps is not nan.",
    ),
    ("predict_before_running", "one left out", but(PREDICTIONS, "15", "..."), "○ Not attempted"),
    # Exercise 2
    (
        "net_of_size",
        "one layer",
        """
    def net_of_size(num_inputs, num_outputs, num_parameters):
        return torch.nn.Sequential(torch.nn.Linear(num_inputs, num_outputs))
    """,
        "values: `net.parameters()` holds 10 numbers.\n  Tried with 4 inputs, 2 outputs, 23",
    ),
    (
        "net_of_size",
        "the biases of the middle forgotten",
        but(NET, "num_outputs + 1)", "num_outputs)"),
        "values: `net.parameters()` holds",
    ),
    (
        "net_of_size",
        "hard-coded width",
        but(NET, "width =", "width = 3; unused ="),
        "values: `net.parameters()` holds",
    ),
    (
        "net_of_size",
        "inputs and outputs swapped",
        but(NET, "net_of_size(num_inputs, num_outputs,", "net_of_size(num_outputs, num_inputs,"),
        "mat1 and mat2 shapes cannot be multiplied",
    ),
    (
        "net_of_size",
        "the output as wide as the middle",
        but(NET, "nn.Linear(width, num_outputs)", "nn.Linear(width, width)"),
        "shape: the output for 7 x 4 is to have shape (7, 2), got (7, 3).",
    ),
    (
        "net_of_size",
        "the width a float",
        but(NET, "//", "/"),
        "it raises TypeError",
    ),
    (
        "net_of_size",
        "layers in a plain list",
        but(
            OWN_NET,
            "self.one, self.two = nn.Linear(a, b), nn.Linear(b, c)",
            "self.layers = [nn.Linear(a, b), nn.Linear(b, c)]",
            "self.two(self.one(X))",
            "self.layers[1](self.layers[0](X))",
            "if sum(p.numel() for p in net.parameters()) == num_parameters",
            "if width == 3",
        ),
        "holds 0 numbers. Layers in a plain list do not count",
    ),
    (
        "net_of_size",
        "a parameter that fills up the count",
        """
    class Net(torch.nn.Module):
        def __init__(self, a, c, size):
            super().__init__()
            self.output = torch.nn.Linear(a, c)
            self.more = torch.nn.Parameter(torch.zeros(size - a * c - c))

        def forward(self, X):
            return self.output(X)

    def net_of_size(num_inputs, num_outputs, num_parameters):
        return Net(num_inputs, num_outputs, num_parameters)
    """,
        "the output does not depend on `more`.",
    ),
    (
        "net_of_size",
        "the start left as it is",
        but(NET, "layer.weight.normal_(0, 0.01)", "pass", "layer.bias.fill_(0)", "pass"),
        "values: the biases are to start at zero, and not all of them do.",
    ),
    (
        "net_of_size",
        "only the first layer's start",
        but(NET, "in net:", "in net[:1]:"),
        "values: the biases are to start at zero, and not all of them do.",
    ),
    (
        "net_of_size",
        "the weights left as they are",
        but(NET, "layer.weight.normal_(0, 0.01)", "pass"),
        "values: the weights' standard deviation is to be 0.01, and it is",
    ),
    (
        "net_of_size",
        "variance for deviation",
        but(NET, "0.01", "0.01**2"),
        "values: the weights' standard deviation is to be 0.01, and it is",
    ),
    (
        "net_of_size",
        "uniform weights",
        but(NET, "normal_(0, 0.01)", "uniform_(-0.01732, 0.01732)"),
        "values: the weights are to be normal",
    ),
    (
        "net_of_size",
        "all zero",
        but(NET, "normal_(0, 0.01)", "fill_(0)"),
        "values: many of the weights are zero too.",
    ),
    (
        "net_of_size",
        "the class for a net",
        but(OWN_NET, "return net", "return TwoLayers"),
        "type: expected a net (an object of an nn.Module), got the class itself.",
    ),
    (
        "net_of_size",
        "no return",
        but(NET, "return net", ""),
        "got None (is a `return` missing?).",
    ),
    (
        "net_of_size",
        "without no_grad",
        but(NET, "with torch.no_grad():", "if True:"),
        "it raises RuntimeError: a leaf Variable that requires grad is being used in an in-place",
    ),
    (
        "net_of_size",
        "endless search",
        but(NET, "width =", "while num_inputs > 0: pass\n        width ="),
        "still running after 0.5 s.\n  in line ",
    ),
    # Exercise 3
    (
        "train_with_momentum",
        "the shape left",
        but(TRAIN, "y.reshape(-1, 1)", "y"),
        "after training `0.weight` is ",
    ),
    (
        "train_with_momentum",
        "column labels spoilt",
        but(TRAIN, "y.reshape(-1, 1)", "y[:, None]"),
        "Tried with 1 epoch of 1 minibatch",
    ),
    (
        "train_with_momentum",
        "a fixed batch size",
        but(TRAIN, "y.reshape(-1, 1)", "y.reshape(10, 1)"),
        "it raises RuntimeError: shape '[10, 1]' is invalid",
    ),
    (
        "train_with_momentum",
        "zeroed once",
        but(
            TRAIN,
            "optimizer.zero_grad()",
            "pass",
            "for _ in",
            "optimizer.zero_grad()\n        for _ in",
        ),
        "Tried with 1 epoch of 3 minibatches, labels of shape",
    ),
    (
        "train_with_momentum",
        "zeroed once an epoch",
        but(
            TRAIN,
            "optimizer.zero_grad()",
            "pass",
            "for X, y",
            "optimizer.zero_grad()\n            for X, y",
        ),
        "Tried with 1 epoch of 3 minibatches, labels of shape",
    ),
    (
        "train_with_momentum",
        "zeroed between backward and step",
        but(
            TRAIN,
            "optimizer.zero_grad()",
            "pass",
            "l.backward()",
            "l.backward(); optimizer.zero_grad()",
        ),
        "values: `0.weight` is where it was before training.",
    ),
    (
        "train_with_momentum",
        "an optimizer for each epoch",
        but(
            TRAIN,
            "for X, y",
            "optimizer = torch.optim.SGD(net.parameters(), lr, momentum=0.9)\n            for X, y",
        ),
        "Tried with 3 epochs of 1 minibatch, labels of shape",
    ),
    (
        "train_with_momentum",
        "no momentum",
        but(TRAIN, ", momentum=0.9", ""),
        "values: after training `0.weight` is ",
    ),
    (
        "train_with_momentum",
        "a net of its own",
        but(TRAIN, "loss =", "import copy; net = copy.deepcopy(net); loss ="),
        "values: `0.weight` is where it was before training.",
    ),
    (
        "train_with_momentum",
        "the sum",
        but(TRAIN, "nn.MSELoss()", "nn.MSELoss(reduction='sum')"),
        "values: after training `0.weight` is ",
    ),
    (
        "train_with_momentum",
        "the last minibatch dropped",
        but(TRAIN, "in data_iter", "in list(data_iter)[: max(1, len(data_iter) - 1)]"),
        "Tried with 1 epoch of 3 minibatches",
    ),
    (
        "train_with_momentum",
        "one form of net only",
        but(TRAIN, "loss =", "net[0]; loss ="),
        "it raises TypeError: 'Linear' object is not subscriptable",
    ),
    (
        "train_with_momentum",
        "endless",
        but(TRAIN, "for _ in range(num_epochs)", "while True"),
        "still running after 0.5 s.\n  in line ",
    ),
    # Exercise 4
    (
        "momentum_path",
        "the first step dampened",
        but(PATH, "v is None or", "", "v = [w], None", "v = [w], 0"),
        "Tried with 1 x 3 gradients, lr 0.3, momentum 0.9, dampening 0.5: a single step.",
    ),
    (
        "momentum_path",
        "dampening at momentum 0",
        but(PATH, " or momentum == 0", ""),
        "lr 0.1, momentum 0, dampening 0.5.",
    ),
    (
        "momentum_path",
        "a zero velocity taken for none",
        but(PATH, "v is None or", "v is None or not v.any() or"),
        "dampening 0.9, first gradient zero.",
    ),
    (
        "momentum_path",
        "no dampening",
        but(PATH, "(1 - dampening) * g", "g"),
        "values: the path is wrong in",
    ),
    (
        "momentum_path",
        "uphill",
        but(PATH, "w - lr", "w + lr"),
        "values: the path is wrong in",
    ),
    (
        "momentum_path",
        "an average",
        but(PATH, "(1 - dampening)", "(1 - momentum)"),
        "values: the path is wrong in",
    ),
    (
        "momentum_path",
        "no memory",
        but(PATH, "momentum * v", "0 * v"),
        "values: the path is wrong in",
    ),
    (
        "momentum_path",
        "Nesterov",
        but(PATH, "w - lr * v", "w - lr * (g + momentum * v)"),
        "values: the path is wrong in",
    ),
    (
        "momentum_path",
        "without the start",
        but(PATH, "[w], None", "[], None"),
        "shape: the path is to have shape (4, 2), got (3, 2).",
    ),
    (
        "momentum_path",
        "only the end",
        but(PATH, "torch.stack(path)", "w"),
        "shape: the path is to have shape (4, 2), got (2,).",
    ),
    (
        "momentum_path",
        "in place",
        but(PATH, "w = w - lr * v", "w -= lr * v"),
        "it changes `w`, which belongs to the caller.",
    ),
    (
        "momentum_path",
        "in place, of a copy",
        but(PATH, "w = w - lr * v", "w -= lr * v", "path, v =", "w = w.clone(); path, v ="),
        "values: all rows of the path are the same. Are they one tensor?",
    ),
    (
        "momentum_path",
        "a velocity that is the gradient",
        but(
            PATH, "momentum * v + (1 - dampening) * g", "v.mul_(momentum).add_((1 - dampening) * g)"
        ),
        "it changes `grads`, which belongs to the caller.",
    ),
    (
        "momentum_path",
        "for the shown size only",
        but(PATH, "in grads", "in grads[:3]"),
        "shape: the path is to have shape",
    ),
    (
        "momentum_path",
        "fails without gradients",
        but(PATH, "path, v =", "grads[0]; path, v ="),
        "it raises IndexError",
    ),
    (
        "momentum_path",
        "prints instead of returning",
        but(PATH, "return torch.stack(path)", "print(path)"),
        "type: the path is to be a tensor or a number, got None (is a `return` missing?).",
    ),
    # Exercise 5
    (
        "own_optimizer",
        "walks through the parameters once",
        """
    class OwnOptimizer:
        def __init__(self, params, lr, momentum=0):
            self.params, self.lr = params, lr

        def step(self):
            for param in self.params:
                param.data -= self.lr * param.grad
    """,
        "values: `0.weight` is where it was before the step.\n"
        "  Tried with layer 2 to 1, momentum 0, step 2",
    ),
    (
        "own_optimizer",
        "not Nesterov",
        but(OPTIMIZER, "param.grad + self.momentum * v", "v"),
        "Tried with layer 2 to 1, momentum 0.9, step 1.",
    ),
    (
        "own_optimizer",
        "no memory",
        but(OPTIMIZER, "v.mul_(self.momentum).add_(param.grad)", "v = param.grad"),
        "Tried with layer 2 to 1, momentum 0.9, step 2.",
    ),
    (
        "own_optimizer",
        "one velocity for all",
        but(
            OPTIMIZER,
            "for param in self.params]",
            "for param in self.params[:1]] * len(self.params)",
        ),
        "it raises RuntimeError: output with shape [1]",
    ),
    (
        "own_optimizer",
        "uphill",
        but(OPTIMIZER, "-=", "+="),
        "values: after it `0.weight` is ",
    ),
    (
        "own_optimizer",
        "new tensors",
        but(OPTIMIZER, "param -= self.lr", "param = param - self.lr"),
        "values: `0.weight` is where it was before the step.",
    ),
    (
        "own_optimizer",
        "without no_grad",
        but(OPTIMIZER, "@torch.no_grad()", ""),
        "it raises RuntimeError: a leaf Variable that requires grad is being used in an in-place",
    ),
    (
        "own_optimizer",
        "the velocity is the gradient",
        """
    class OwnOptimizer:
        def __init__(self, params, lr, momentum=0):
            self.params, self.lr, self.mu, self.v = list(params), lr, momentum, {}

        @torch.no_grad()
        def step(self):
            for p in self.params:
                if p.grad is not None:
                    v = self.v[p] = self.v[p].mul_(self.mu).add_(p.grad) if p in self.v else p.grad
                    p -= self.lr * (p.grad + self.mu * v)
    """,
        "`step` changes the gradient of `0.weight`.",
    ),
    (
        "own_optimizer",
        "clears the gradients itself",
        OPTIMIZER + "                    param.grad.zero_()\n",
        "`step` changes the gradient of `0.weight`.",
    ),
    (
        "own_optimizer",
        "no gradient",
        but(OPTIMIZER, "if param.grad is not None", "if True"),
        "with the gradient of the bias missing.",
    ),
    (
        "own_optimizer",
        "coasts without a gradient",
        but(
            OPTIMIZER,
            "if param.grad is not None:",
            "if True:\n                    g = 0 * v if param.grad is None else param.grad",
            "add_(param.grad)",
            "add_(g)",
            "(param.grad +",
            "(g +",
        ),
        "it moves `0.weight`, whose `grad` is None.",
    ),
    (
        "own_optimizer",
        "the velocity fades without a gradient",
        but(
            OPTIMIZER,
            "if param.grad is not None:",
            "v.mul_(self.momentum)\n                if param.grad is not None:",
            "v.mul_(self.momentum).add_",
            "v.add_",
        ),
        "step 4 with no gradient missing.",
    ),
    (
        "own_optimizer",
        "one state for all optimizers",
        """
    class OwnOptimizer:
        velocities = {}

        def __init__(self, params, lr, momentum=0):
            self.params, self.lr, self.mu = list(params), lr, momentum

        @torch.no_grad()
        def step(self):
            for i, p in enumerate(self.params):
                if p.grad is not None:
                    v = self.velocities[i] = self.mu * self.velocities.get(i, 0) + p.grad
                    p -= self.lr * (p.grad + self.mu * v)
    """,
        "Tried with layer 2 to 1, momentum 0.9, step 1.",
    ),
    (
        "own_optimizer",
        "half a stub",
        """
    class OwnOptimizer:
        def __init__(self, params, lr, momentum=0):
            self.params = list(params)

        def step(self): ...
    """,
        "values: `0.weight` is where it was before the step.",
    ),
    (
        "own_optimizer",
        "other names",
        but(
            OPTIMIZER,
            "lr, momentum=0)",
            "rate, mu=0)",
            "= list(params), lr, momentum",
            "= list(params), rate, mu",
        ),
        "checking it raises TypeError",
    ),
    (
        "own_optimizer",
        "a function",
        "def OwnOptimizer(params, lr, momentum=0):\n    return torch.optim.SGD(params, lr=lr)",
        "type: expected a class, got a function.",
    ),
]


(
    test_right_answers_are_accepted,
    test_wrong_answers_are_refused_for_the_right_reason,
) = trials_of("02", RIGHT, WRONG)
