"""Answers to the exercises of lesson 02: what is refused, and why, and what is accepted."""

from exercise_testing import Answers, answer_test

predictions = Answers("02", "predict_before_running")
net = Answers("02", "net_of_size")
train = Answers("02", "train_with_momentum")
path = Answers("02", "momentum_path")
optimizer = Answers("02", "own_optimizer")

NO_GRAD_MISSING = (
    "it raises RuntimeError: a leaf Variable that requires grad is being used in an in-place "
    "operation."
)
NO_VALUE = "○ Not attempted: give `num_steps` a value and run this cell again."
MISTAKES = (
    ("mean_loss", "3", "1.5", "That is the mean of `squared_loss`."),
    ("mean_loss", "3", "24", "That is the sum of the squared errors."),
    ("mean_loss", "3", "0.375", "Work out the squared errors' sum first."),
    ("same_lr", "0.003", "0.03", "That would do for the mean."),
    ("same_lr", "0.003", "0.006", "`MSELoss` has no 1/2."),
    ("same_lr", "0.003", "1.2", "By what factor do the two gradients differ?"),
    ("weight_shape", "(2, 3)", "(3, 2)", "Which comes first in a weight?"),
    (
        "weight_shape",
        "(2, 3)",
        "(2,)",
        "What does the second layer take in, and what does it give out?",
    ),
    ("num_steps", "15", "20", "Mind `drop_last`."),
    ("num_steps", "15", "3", "That is one epoch."),
)

test_predictions = answer_test(
    [
        predictions.right("the solution"),
        predictions.right(
            "tensors, a shape, arithmetic",
            """
            mean_loss = torch.tensor([[3.0]])
            same_lr = 0.06 / 2 / 10
            weight_shape = nn.Linear(3, 2).weight.shape
            num_steps = torch.tensor(15)
            """,
        ),
        predictions.right("a list and a float", "(2, 3)", "[2, 3]", "15", "15.0"),
        predictions.wrong("one left out", NO_VALUE, "15", "..."),
        *[
            predictions.wrong(
                f"{name} {new}",
                f"values: `{name}` is not {new}. {hint}",
                f"{name} = {old}",
                f"{name} = {new}",
            )
            for name, old, new, hint in MISTAKES
        ],
    ]
)

OWN_NET = """
class Net(nn.Module):
    def __init__(self, a, b, c):
        super().__init__()
        self.W1 = nn.Parameter(torch.normal(0, 0.01, (a, b)))
        self.b1 = nn.Parameter(torch.zeros(1, b))
        self.W2 = nn.Parameter(0.01 * torch.randn(b, c))
        self.b2 = nn.Parameter(torch.zeros(c))

    def forward(self, X):
        return (X @ self.W1 + self.b1) @ self.W2 + self.b2

def net_of_size(a, c, size):
    torch.manual_seed(1)
    return Net(a, int((size - c) / (a + 1 + c)), c)
"""
LISTED = """
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
"""
WEIGHT, NORMAL, BIAS = "layer.weight", "normal_(0, 0.01)", "layer.bias.fill_(0)"
NOT_ALONE = "values: with all parameters -0.5 the output is not that of two linear layers alone."
NOT_ZERO = "values: not all biases start at zero: the output for X = 0 is not zero."
ZEROS = "values: some of the weights start at exactly zero."
UNLIKE = "values: `0.weight` is not from N(0, 0.01**2): mean #, standard deviation #, largest #."
SHARED = "two calls return the same net, or nets that share parameters."
HOLDS = "values: `net.parameters()` holds # numbers, not #."
NO_LIST = f"{HOLDS} It sees no layers in a plain list, and no tensors but `nn.Parameter`."
UNREACHED = "no gradient of the output reaches `{}`, so that it could not learn."
SWAPPED = "mat1 and mat2 shapes cannot be multiplied (7x4 and 2x2)"
NO_NET = "type: expected a net (an instance of `nn.Module`), got "


def between(layer):
    """Return the replacements that put something between the layers."""
    return "width), nn", f"width), {layer}, nn", "in net:", "in (net[0], net[2]):"


test_net_of_size = answer_test(
    [
        net.right("the solution"),
        net.right("matrices of its own, seeded", OWN_NET),
        net.right("layers in a ModuleList, the width by search, eval", LISTED),
        net.right("nn.Identity", *between("nn.Identity()")),
        net.right(
            "one vector for all",
            """
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
            """,
        ),
        net.wrong("a ReLU", NOT_ALONE, *between("nn.ReLU()")),
        net.wrong("a sigmoid", NOT_ALONE, *between("nn.Sigmoid()")),
        net.wrong("dropout, off", NOT_ALONE, *between("nn.Dropout()"), "n net", "n net.eval()"),
        net.wrong("a ReLU last", NOT_ALONE, "puts))", "puts), nn.ReLU())", "n net:", "n net[:2]:"),
        net.wrong("a factor", NOT_ALONE, OWN_NET.replace("+ self.b1", "+ 2 * self.b1")),
        net.wrong(
            "a parameter that fills up the count",
            UNREACHED.format("more"),
            """
            def net_of_size(a, c, size):
                net = nn.Sequential(nn.Linear(a, c))
                net.more = nn.Parameter(torch.zeros(size - a * c - c))
                return net
            """,
        ),
        net.wrong("frozen", UNREACHED.format("0.weight"), "n net", "n net.requires_grad_(False)"),
        net.wrong(
            "detached",
            UNREACHED.format("layers.0.weight"),
            LISTED.replace("(self.middle)", "(self.middle.detach())"),
        ),
        net.wrong("one layer", HOLDS, "net = nn", "return nn.Linear(num_inputs, num_outputs)\n#"),
        net.wrong("the biases of the middle forgotten", HOLDS, "num_outputs + 1)", "num_outputs)"),
        net.wrong("hard-coded width", HOLDS, "width =", "width = 3; unused ="),
        net.wrong(
            "a plain list",
            NO_LIST,
            LISTED.replace("nn.ModuleList(", "list(").replace("if sum", "if 1 or sum"),
        ),
        net.wrong("plain tensors", NO_LIST, OWN_NET.replace("nn.Parameter", "torch.clone")),
        net.wrong(
            "inputs and outputs swapped",
            f"`net(X)` with X (7, 4) raises RuntimeError: {SWAPPED}",
            "num_inputs, num_outputs, num_parameters",
            "num_outputs, num_inputs, num_parameters",
        ),
        net.wrong(
            "one example's output squeezed",
            "shape: the output for X (1, 4) should have shape (1, 2), got (2,).",
            LISTED.replace("(self.middle)", "(self.middle).squeeze()"),
        ),
        net.wrong("the start left as it is", NOT_ZERO, f"{WEIGHT}.{NORMAL}", "pass", BIAS, "pass"),
        net.wrong("only the first layer's start", NOT_ZERO, "in net:", "in net[:1]:"),
        net.wrong(
            "random biases and as many weights zero",
            NOT_ZERO,
            BIAS,
            f"layer.bias.{NORMAL}; {WEIGHT}[:, 0] = 0",
        ),
        net.wrong(
            "random biases behind weights of zero",
            ZEROS,
            "    return net",
            f"        net[0].bias.{NORMAL}; net[1].weight.zero_()\n    return net",
        ),
        net.wrong("all zero", ZEROS, NORMAL, "fill_(0)"),
        net.wrong("nan", "values: some parameters start at nan or inf.", NORMAL, "fill_(math.nan)"),
        net.wrong("the weights left as they are", UNLIKE, f"{WEIGHT}.{NORMAL}", "pass"),
        net.wrong("variance for deviation", UNLIKE, "0.01", "0.01**2"),
        net.wrong("a mean", UNLIKE, "(0, 0.01)", "(0.001, 0.01)"),
        net.wrong("uniform weights", UNLIKE, NORMAL, "uniform_(-0.01732, 0.01732)"),
        net.wrong(
            "uniform weights in the second layer",
            UNLIKE.replace("0", "1", 1),
            BIAS,
            f"{BIAS}; net[1].weight.uniform_(-0.01732, 0.01732)",
        ),
        net.wrong("one net", SHARED, "def", "import functools\n\n@functools.cache\ndef"),
        net.wrong(
            "one layer for all calls",
            SHARED,
            "    return net",
            "    net[1] = layers.setdefault(num_parameters, net[1])\n    return net\n\nlayers = {}",
        ),
        net.wrong("the class for a net", f"{NO_NET}a class.", "return net", "return nn.Sequential"),
        net.wrong("no return", f"{NO_NET}None. Is a `return` missing?", "return net", ""),
        net.wrong("without no_grad", NO_GRAD_MISSING, "with torch.no_grad():", "if True:"),
    ]
)

AFTER = "values: `0.weight` after training is wrong in # of # places, first at [0, #]: yours is #."
STAYS = "values: training leaves `{}` as it was."
ZEROING = "            optimizer.zero_grad()\n"
GIVEN = """
def train_with_momentum(net, data_iter, lr, num_epochs):
    loss = nn.MSELoss()
    for _ in range(num_epochs):
        optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
        optimizer.zero_grad()
        for X, y in data_iter:
            l = loss(net(X), y)
            l.backward()
            optimizer.step()
"""

TAKES = "values: training takes the net where {} take it."
OLD = TAKES.format("gradients that still hold those of earlier minibatches")
SHAPE = TAKES.format("labels of shape (n,) beside predictions of shape (n, 1)")
ANEW = TAKES.format("velocities that start anew in each epoch")
RETURNS = "type: it should return nothing, and it returns a Sequential."
OLD_COME = (
    "values: `0.weight` after training is wrong in # of # places, first at [0, #]: yours is #."
)
HALVED = "it changes `data_iter` (0.1), which belongs to the caller."

test_train_with_momentum = answer_test(
    [
        train.right("the solution"),
        train.right(
            "by hand, flat, zeroed by None",
            """
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
            """,
        ),
        train.right(
            "zeroed after the step, labels by the predictions' shape, a closure",
            """
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
            """,
        ),
        train.wrong(
            "as given",
            "○ Not attempted: the code is as given. Change it and run this cell again.",
            GIVEN,
        ),
        train.wrong("only the labels", OLD, GIVEN.replace("y)", "y.reshape(-1, 1))")),
        train.wrong("the shape left", SHAPE, "y.reshape(-1, 1)", "y"),
        train.wrong("the net returned", RETURNS, "step()", "step()\n    return net"),
        train.wrong(
            "old gradients used", OLD_COME, ZEROING, "", "step()", "step(); net.zero_grad()"
        ),
        train.wrong("labels halved in place", HALVED, "step()", "step(); y *= 0.5"),
        train.wrong("column labels spoilt", AFTER, "y.reshape(-1, 1)", "y[:, None]"),
        train.wrong(
            "a fixed batch size",
            "it raises RuntimeError: shape '[10, 1]' is invalid for input of size #",
            "y.reshape(-1, 1)",
            "y.reshape(10, 1)",
        ),
        train.wrong("zeroed once", OLD, ZEROING, "", "for _", "net.zero_grad()\n    for _"),
        train.wrong("once an epoch", OLD, ZEROING, "", "for X", "net.zero_grad()\n        for X"),
        train.wrong(
            "after backward", STAYS.format("0.weight"), "ward()", "ward(); net.zero_grad()"
        ),
        train.wrong(
            "an optimizer for each epoch",
            ANEW,
            "for X, y",
            "optimizer = torch.optim.SGD(net.parameters(), lr, momentum=0.9)\n        for X, y",
        ),
        train.wrong("no momentum", AFTER, ", momentum=0.9", ""),
        train.wrong("the sum", AFTER, "nn.MSELoss()", "nn.MSELoss(reduction='sum')"),
        train.wrong(
            "a net of its own",
            STAYS.format("0.weight"),
            "loss =",
            "net = copy.deepcopy(net); loss =",
        ),
        train.wrong(
            "no bias", STAYS.format("0.bias"), "net.parameters()", "[*net.parameters()][:1]"
        ),
        train.wrong(
            "all but the last batch", AFTER, "in data_iter", "in [*data_iter][:-1] or data_iter"
        ),
        train.wrong(
            "one form of net only",
            "it raises TypeError: 'Linear' object is not subscriptable",
            "loss =",
            "net[0]; loss =",
        ),
        train.wrong(
            "the loader's labels mended for good",
            "it changes `data_iter`, which belongs to the caller.",
            "loss =",
            "labels = data_iter.dataset.tensors[1]; labels.resize_(len(labels), 1); loss =",
        ),
        train.wrong("endless", "still running after # s.", "for _ in range(num_epochs)", "while 1"),
    ]
)

OFF = "values: the path is wrong in # of # places, first at [#, 0]: yours is #."
ONE_TENSOR = "values: all rows of the path are the same. Are they one tensor?"
FORM = "shape: the path should have shape (#, #), got "
STEP, MINUS = "w = w - lr * v", "w -= lr * v"

test_momentum_path = answer_test(
    [
        path.right("the solution"),
        path.right(
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
        path.right(
            "NumPy, double",
            """
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
        path.right(
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
        path.wrong("the first step dampened", OFF, "if v is None or", "if", "[w], None", "[w], 0"),
        path.wrong("dampening at momentum 0", OFF, " or momentum == 0", ""),
        path.wrong("zero taken for none", OFF, "v is None or", "v is None or not v.any() or"),
        path.wrong("no dampening", OFF, "(1 - dampening) * g", "g"),
        path.wrong("uphill", OFF, "w - lr", "w + lr"),
        path.wrong("an average", OFF, "(1 - dampening)", "(1 - momentum)"),
        path.wrong("no memory", OFF, "momentum * v", "0 * v"),
        path.wrong("Nesterov", OFF, "w - lr * v", "w - lr * (g + momentum * v)"),
        path.wrong("without the start", f"{FORM}(3, 2).", "[w], None", "[], None"),
        path.wrong("only the end", f"{FORM}(2,).", "torch.stack(path)", "w"),
        path.wrong("for the shown size only", f"{FORM}(4, #).", "in grads", "in grads[:3]"),
        path.wrong("in place", "it changes `w`, which belongs to the caller.", STEP, MINUS),
        path.wrong(
            "in place, a copy", ONE_TENSOR, STEP, MINUS, "path, v", "w = w.clone(); path, v"
        ),
        path.wrong(
            "in place, copies kept",
            "it changes `w`, which belongs to the caller.",
            *(STEP, MINUS, "append(w)", "append(w.clone())", "[w], None", "[w.clone()], None"),
        ),
        path.wrong(
            "a velocity that is the gradient",
            "it changes `grads`, which belongs to the caller.",
            "momentum * v + (1 - dampening) * g",
            "v.mul_(momentum).add_((1 - dampening) * g)",
        ),
        path.wrong(
            "a velocity that stays",
            f"{OFF} The first call was right. Does something stay from call to call?",
            *("path, v = [w], None", "global v; path = [w]", "def mom", "v = None\n\ndef mom"),
        ),
        path.wrong(
            "fails without gradients",
            "it raises IndexError: index 0 is out of bounds for dimension 0 with size 0",
            "path, v =",
            "grads[0]; path, v =",
        ),
        path.wrong(
            "prints instead of returning",
            "type: expected the path, got None. Is a `return` missing?",
            "return torch.stack(path)",
            "print(path)",
        ),
    ]
)

OWN = """
class OwnOptimizer:
    def __init__(self, params, lr, momentum=0):
        self.params, self.lr, self.mu, self.v = list(params), lr, momentum, {}

    @torch.no_grad()
    def step(self):
        for i, p in enumerate(self.params):
            if p.grad is not None:
                v = self.v[KEY] = VELOCITY
                p -= self.lr * (p.grad + self.mu * v)
"""
MOVED = "values: `{}.weight` after step {} is wrong in # of # places, first at [0, 0]: yours is #."
STILL = "values: step {} leaves `0.{}` as it was."
SPOILT = "step # changes the gradient of `0.weight`."
BY_TORCH = "PyTorch's SGD does the work here; the step is yours to write."
FILTER = "            if param.grad is not None:\n"
NONE = "            if param.grad is None:\n                {}\n            else:\n"
CREATED = "checking it raises TypeError: OwnOptimizer.__init__() "
NO_TENSOR = "add_(): argument 'other' (position 1) must be Tensor, not NoneType"


def own(key, velocity="self.mu * self.v.get(KEY, 0) + p.grad"):
    """Return an optimizer that keeps velocities by this key."""
    return OWN.replace("VELOCITY", velocity).replace("KEY", key)


test_own_optimizer = answer_test(
    [
        optimizer.right("the solution"),
        optimizer.right("velocities in a dictionary", own("p")),
        optimizer.right(
            ".data, a velocity made at the first gradient, no instance dictionary",
            """
            class OwnOptimizer:
                __slots__ = "params", "lr", "mu", "v"

                def __init__(self, params, lr=0.01, momentum=0.0):
                    self.params = [p for p in params]
                    self.lr, self.mu, self.v = lr, momentum, {}

                def step(self):
                    for p in self.params:
                        if p.grad is None:
                            continue
                        self.v[p] = self.mu * self.v.get(p, 0) + p.grad
                        p.data = p.data - self.lr * (p.grad + self.mu * self.v[p])
            """,
        ),
        optimizer.right(
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
                                v = mu * self.state[p].get("v", 0) + p.grad
                                self.state[p]["v"] = v
                                p.add_(p.grad + mu * v, alpha=-group["lr"])
            """,
        ),
        optimizer.wrong(
            "walks through the parameters once",
            STILL.format(2, "weight"),
            """
            class OwnOptimizer:
                def __init__(self, params, lr, momentum=0):
                    self.params, self.lr = params, lr

                def step(self):
                    for param in self.params:
                        param.data -= self.lr * param.grad
            """,
        ),
        optimizer.wrong("not Nesterov", MOVED.format(0, 1), "param.grad + self.momentum * v", "v"),
        optimizer.wrong("no memory", MOVED.format(0, 2), own("p", "p.grad")),
        optimizer.wrong(
            "a fixed rate", MOVED.format(0, 1), "= list(params), lr,", "= list(params), 0.1,"
        ),
        optimizer.wrong(
            "skips zero gradients",
            "values: step 2 leaves `0.weight` as it was.",
            "param.grad is not None",
            "param.grad is not None and param.grad.any()",
        ),
        optimizer.wrong(
            "velocities kept for the next optimizer",
            MOVED.format(0, 1),
            "momentum=0):",
            "momentum=0, kept={}):",
            "[torch.zeros_like(param) for param in self.params]",
            "[kept.setdefault(param, torch.zeros_like(param)) for param in self.params]",
        ),
        optimizer.wrong("uphill", MOVED.format(0, 1), "-=", "+="),
        optimizer.wrong("velocities by shape", MOVED.format(1, 1), own("p.shape")),
        optimizer.wrong(
            "velocities of all optimizers",
            MOVED.format(0, 1),
            own("i").replace("self.v =", "_ =").replace("    def", "    v = {}\n    def", 1),
        ),
        optimizer.wrong(
            "one velocity for all",
            "it raises RuntimeError: output with shape [1] doesn't match the broadcast shape "
            "[1, 2]",
            "for param in self.params]",
            "for param in self.params[:1]] * len(self.params)",
        ),
        optimizer.wrong(
            "params of the class", STILL.format(2, "weight"), "self.params, ", "type(self).params, "
        ),
        optimizer.wrong("new tensors", STILL.format(1, "weight"), "param -=", "param = param -"),
        optimizer.wrong("without no_grad", NO_GRAD_MISSING, "@torch.no_grad()", ""),
        optimizer.wrong(
            "parameters that learn no more",
            "step 1 turns off `requires_grad` of `0.weight`.",
            "param -=",
            "param.requires_grad = False; param -=",
        ),
        optimizer.wrong(
            "the velocity is the gradient, changed in place",
            SPOILT,
            own("p", "self.v[p].mul_(self.mu).add_(p.grad) if p in self.v else p.grad"),
        ),
        optimizer.wrong(
            "the velocity is the gradient, and filled with zeros",
            MOVED.format(0, 2),
            own("p", "self.mu * self.v[p] + p.grad if p in self.v else p.grad"),
        ),
        optimizer.wrong("zeroes", SPOILT, "* v)", "* v)\n                param.grad.zero_()"),
        optimizer.wrong("sets None", SPOILT, "* v)", "* v)\n                param.grad = None"),
        optimizer.wrong(
            "no gradient",
            f"it raises TypeError: {NO_TENSOR}",
            "if param.grad is not None",
            "if True",
        ),
        optimizer.wrong(
            "coasts without a gradient",
            "step 3 moves `0.weight`, whose `grad` is None.",
            FILTER,
            NONE.format("param -= self.lr * self.momentum * v"),
        ),
        optimizer.wrong(
            "the velocity fades without a gradient",
            MOVED.format(0, 4),
            FILTER,
            NONE.format("v.mul_(self.momentum)"),
        ),
        optimizer.wrong(
            "stops where none is", STILL.format(3, "bias"), FILTER, NONE.format("break")
        ),
        optimizer.wrong("momentum from the start", MOVED.format(0, 1), "tum=0)", "tum=0.9)"),
        optimizer.wrong("order", MOVED.format(0, 1), "lr, momentum=0)", "momentum=0, lr=0.01)"),
        optimizer.wrong(
            "momentum asked for",
            f"{CREATED}missing 1 required positional argument: 'momentum'",
            "momentum=0)",
            "momentum)",
        ),
        optimizer.wrong(
            "other names",
            f"{CREATED}got an unexpected keyword argument 'lr'",
            *("lr, momentum=0)", "rate, mu=0)", "lr, momentum\n", "rate, mu\n"),
        ),
        optimizer.wrong(
            "half a stub", STILL.format(1, "weight"), own("p").rpartition("for")[0] + "..."
        ),
        optimizer.wrong(
            "PyTorch's, inside",
            BY_TORCH,
            """
            class OwnOptimizer:
                def __init__(self, params, lr, momentum=0):
                    self.own = torch.optim.SGD(params, lr, momentum, nesterov=momentum > 0)

                def step(self):
                    self.own.step()
            """,
        ),
        optimizer.wrong("PyTorch's", BY_TORCH, "class OwnOptimizer(torch.optim.SGD): pass"),
        optimizer.wrong(
            "a function",
            "type: expected a class, got a function.",
            "def OwnOptimizer(params, lr, momentum=0):\n    return torch.optim.SGD(params, lr=lr)",
        ),
    ]
)
