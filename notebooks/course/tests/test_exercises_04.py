"""Answers to the exercises of lesson 04: what is refused, and why, and what is accepted."""

from exercise_testing import Answers, answer_test

predictions = Answers("04", "predict_before_running")
mlp = Answers("04", "mlp")
fit = Answers("04", "fit_curve")
stop = Answers("04", "stop_early")

FORETOLD = [
    ("num_parameters", "321", "288", "Those are the weights."),
    ("num_parameters", "321", "320", "Each layer has biases, the last one too."),
    ("num_parameters", "321", "322", "Count layer by layer."),
    ("num_distinct", "2", "1", "One unit was given another start."),
    ("num_distinct", "2", "16", "Equal starts, equal gradients."),
    ("num_distinct", "2", "3", "Which units start the same?"),
    ("zero_start_mse", "5", "6.67", "The mean divides by the number of labels."),
    ("zero_start_mse", "5", "14", "The net starts there, but its last bias moves."),
    ("zero_start_mse", "5", "0", "How far off is each label in the end?"),
    ("y_at_ten", "21", "30", "What kind of curve is it, and where is it at 0?"),
]

test_predictions = answer_test(
    [
        predictions.right("the solution"),
        predictions.right(
            "tensors, an array, a float with noise",
            """
            num_parameters = torch.tensor([[321]])
            num_distinct = np.array([2])
            zero_start_mse = torch.tensor([0.0, 2, 4, 6]).var(unbiased=False)
            y_at_ten = 20.999999
            """,
        ),
        *[
            predictions.wrong(
                value,
                f"values: `{name}` is not {value}. {hint}",
                f"{name} = {right}",
                f"{name} = {value}",
            )
            for name, right, value, hint in FORETOLD
        ],
        predictions.wrong(
            "two", "shape: `y_at_ten` should be one number, got (2,).", "= 21", "= [2, 1]"
        ),
        predictions.wrong(
            "one left out",
            "○ Not attempted: give `y_at_ten` a value and run this cell again.",
            "= 21",
            "= ...",
        ),
    ]
)

THREE = "1 to 8, 8 to 8, 8 to 1"
RETURN = "return nn.Sequential(*layers[:-1])"
LAYERS = "shape: the linear layers that run are not those of the widths: "
AGAIN = "two calls return the same net, or nets that share parameters."
FOLLOWED = "values: the output is not what the last linear layer gives: something follows it."
NOT_A_NET = "type: expected a net, an `nn.Module`, got "
NO_FIT = "checking it raises RuntimeError: mat1 and mat2 shapes cannot be multiplied "


def no_bend(k):
    layers = f"linear layers {k} and {k + 1} are together one linear layer"
    return f"values: {layers}: nothing bends in between."


def start(name, k="#"):
    return f"values: linear layer {k} does not start with `nn.Linear`'s {name}."


def numbers_of(count, layers):
    return f"values: {count} parameters are not those of layers {layers}, each with biases."


def each_parameter(code):
    net = "net = nn.Sequential(*layers[:-1])\n"
    return RETURN, f"{net}    for p in net.parameters():\n        {code}\n    return net"


def net_class(hidden="layer(X).relu()", container="nn.ModuleList"):
    return f"""
        class mlp(nn.Module):
            def __init__(self, widths):
                super().__init__()
                pairs = zip(widths, widths[1:])
                self.layers = {container}([nn.Linear(a, b) for a, b in pairs])

            def forward(self, X):
                for layer in self.layers[:-1]:
                    X = {hidden}
                return self.layers[-1](X)
    """


NESTED = """
    def mlp(widths):
        bend = nn.LeakyReLU(inplace=True)
        net = nn.Linear(widths[0], widths[1])
        for a, b in zip(widths[1:], widths[2:]):
            net = nn.Sequential(net, bend, nn.Dropout(0.2), nn.Linear(a, b))
        return net
"""
POPPED = """
    def mlp(widths):
        widths = widths if isinstance(widths, list) else list(widths)
        layers = []
        while len(widths) > 1:
            layers += [nn.Linear(widths.pop(0), widths[0]), nn.ReLU()]
        return nn.Sequential(*layers[:-1])
"""
HALF = "torch.cat([(h := layer(X))[:, 1:], h[:, :1].relu()], dim=1)"
ONLY = "values: only 1 of the 8 units of linear layer 1 pass something that bends."
ALONE = "values: the first 9 examples, once more and alone, get other outputs."
FIRST = "values: the first linear layer does not get X as it is."
EQUAL = "values: all units of a layer start alike, with the same weights."
PLAIN = "type: `parameters()` finds none: layers in a plain list do not count."

test_mlp = answer_test(
    [
        mlp.right("the solution"),
        mlp.right("a class, with functions for activations", net_class("torch.sin(layer(X))")),
        mlp.right("nested, activations in place and shared, dropout", NESTED),
        mlp.right("a seed of its own", "layers = []", "layers = []; torch.manual_seed(1)"),
        mlp.right("lazy layers", "nn.Linear(num_in, num_out)", "nn.LazyLinear(num_out)"),
        mlp.right(
            "the same start by hand",
            *each_parameter(
                "nn.init.uniform_(p, -1, 1)\n    for layer in net[::2]:\n        "
                "for p in layer.parameters():\n            p.data /= layer.in_features**0.5"
            ),
        ),
        mlp.wrong(
            "the lesson's sizes",
            NO_FIT + "(200x# and 1x8)",
            "layers = []",
            "widths = (1, 8, 8, 1); layers = []",
        ),
        mlp.wrong("no activation", no_bend(1), ", nn.ReLU()", "", "layers[:-1]", "layers"),
        mlp.wrong("dropout for an activation", no_bend(1), "nn.ReLU()", "nn.Dropout(0.5)"),
        mlp.wrong(
            "only the first activation",
            no_bend(2),
            "nn.ReLU()",
            "nn.Identity() if layers else nn.ReLU()",
        ),
        mlp.wrong("dropout for good", ALONE, net_class("nn.functional.dropout(layer(X))")),
        mlp.wrong("one unit bends", ONLY, net_class(HALF)),
        mlp.wrong("an activation first", FIRST, "layers = []", "layers = [nn.Tanh()]"),
        mlp.wrong("an activation at the end", FOLLOWED, "layers[:-1]", "layers"),
        mlp.wrong("no biases", numbers_of(80, THREE), "num_out)", "num_out, bias=False)"),
        mlp.wrong("parameters that bend", numbers_of(99, THREE), "ReLU", "PReLU"),
        mlp.wrong(
            "a shared layer",
            numbers_of("#", "2 to 6, 6 to 6, 6 to 6, 6 to 3"),
            "layers = []",
            "layers, made = [], {}",
            "nn.Linear(num_in, num_out)",
            "made.setdefault((num_in, num_out), nn.Linear(num_in, num_out))",
        ),
        mlp.wrong(
            "one layer too many",
            LAYERS + f"{THREE}, 1 to 1.",
            "*layers[:-1]",
            "*layers, nn.Linear(num_out, num_out)",
        ),
        mlp.wrong("swapped", NO_FIT + "(200x1 and 8x1)", "num_in, num_out)", "num_out, num_in)"),
        mlp.wrong("a list", NOT_A_NET + "a list.", RETURN, "return layers[:-1]"),
        mlp.wrong("no return", NOT_A_NET + "None. Is a `return` missing?", "return nn", "net = nn"),
        mlp.wrong("layers in a plain list", PLAIN, net_class(container="list")),
        mlp.wrong("zeros", EQUAL, *each_parameter("nn.init.zeros_(p)")),
        mlp.wrong(
            "normal numbers", start("weight"), *each_parameter("nn.init.normal_(p, std=0.1)")
        ),
        mlp.wrong(
            "Xavier's weights",
            start("weight"),
            *each_parameter("p.dim() == 2 and nn.init.xavier_uniform_(p)"),
        ),
        mlp.wrong(
            "biases zero", start("bias"), *each_parameter("p.dim() == 1 and nn.init.zeros_(p)")
        ),
        mlp.wrong("a smaller start", start("weight"), *each_parameter("p.data *= 0.9")),
        mlp.wrong(
            "frozen",
            "no gradient of the output reaches `0.weight`: it cannot learn.",
            *each_parameter("p.requires_grad_(False)"),
        ),
        mlp.wrong(
            "detached",
            "no gradient of the output reaches `layers.0.weight`: it cannot learn.",
            net_class("layer(X).relu().detach()"),
        ),
        mlp.wrong(
            "one net for all calls",
            AGAIN + " The first call was right. Does something stay from call to call?",
            RETURN,
            "made = mlp.__dict__.setdefault('made', {})\n"
            "    return made.setdefault(tuple(widths), nn.Sequential(*layers[:-1]))",
        ),
        mlp.wrong("pops the list", "it changes `widths`, which belongs to the caller.", POPPED),
        mlp.wrong(
            "a tuple only",
            'it raises TypeError: can only concatenate list (not "tuple") to list',
            "layers = []",
            "layers = []; widths + (1,)",
        ),
        mlp.wrong(
            "no net for two widths",
            "it raises ValueError: not enough values to unpack (expected at least 3, got 2)",
            "layers = []",
            "first, second, third, *others = widths; layers = []",
        ),
    ]
)

UPDATER = "updater = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)"
COLUMN = "y.reshape(-1, 1)"
BEND = "nn.ReLU(), "
RANGE = "range(num_steps)"
ALIKE = "values: after training, all hidden units are alike, as if there were one."
FLAT = "values: the trained net says nearly the same number for every x."
LINE = "values: the trained net is a straight line."
ONE = "values: with num_steps 1 "
STEP = ONE + "the net is not where `lr` 0.05 takes it on the MSE of all points."
FAR = ONE + "the net moves # times as far as `lr` 0.05 takes it."
FIXED = "values: the net starts with the same numbers at each call."
SAME = "values: with num_steps 0 it returns the same parameters as with num_steps 150."
BY_HAND = """
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
"""


def later(num_steps):
    words = "the net is not where `lr` 0.05 and momentum 0.9 take it; with num_steps 1 it is."
    return f"values: with num_steps {num_steps} {words}"


def init(code):
    return UPDATER, f"for p in net.parameters():\n        {code}\n    {UPDATER}"


ZEROS = init("nn.init.zeros_(p)")

test_fit_curve = answer_test(
    [
        fit.right("the solution"),
        fit.right("a class, Tanh, the loss and the steps by hand, in double", BY_HAND),
        fit.right("a sigmoid, a seed", "net =", "torch.manual_seed(3); net =", "ReLU", "Sigmoid"),
        fit.right(
            "both flat",
            f"nn.MSELoss()(net(X), {COLUMN})",
            "((net(X)[:, 0] - y.flatten()) ** 2).mean()",
        ),
        fit.wrong("activation only", ALIKE, COLUMN, "y", *ZEROS),
        fit.wrong("start only", LINE, COLUMN, "y", BEND, ""),
        fit.wrong("labels only", ALIKE, BEND, "", *ZEROS),
        fit.wrong("all but the labels", FLAT, COLUMN, "y"),
        fit.wrong("flat both, so columns fail", FLAT, f"net(X), {COLUMN}", "net(X).flatten(), y"),
        fit.wrong("all but the activation", LINE, BEND, ""),
        fit.wrong("all but the start", ALIKE, *ZEROS),
        fit.wrong("another equal start", ALIKE, *init("nn.init.constant_(p, 0.1)")),
        fit.wrong("an activation at the end", FOLLOWED, "16, 1)", "16, 1), nn.Hardtanh(-3, 3)"),
        fit.wrong("more units", LAYERS + "1 to 64, 64 to 1.", "16", "64"),
        fit.wrong(
            "one layer more",
            LAYERS + "1 to 16, 16 to 16, 16 to 1.",
            BEND,
            "nn.ReLU(), nn.Linear(16, 16), nn.Tanh(), ",
        ),
        fit.wrong("normal numbers", start("weight"), *init("nn.init.normal_(p, std=0.3)")),
        fit.wrong("a zero bias", start("bias", 2), *init("p.numel() == 1 and nn.init.zeros_(p)")),
        fit.wrong(
            "one start",
            FIXED,
            *init("p.data = torch.arange(p.numel()).sin().roll(p.dim()).view_as(p) / 4"),
        ),
        fit.wrong("twice the rate", FAR, "0.05", "0.1"),
        fit.wrong(
            "far too large a rate",
            "values: after training, the net's output is nan or inf.",
            "0.05",
            "1e6",
        ),
        fit.wrong("no momentum", later(2), ", momentum=0.9", ""),
        fit.wrong("more momentum", later(2), "0.9", "0.95"),
        fit.wrong("Nesterov's", FAR, "0.9", "0.9, nesterov=True"),
        fit.wrong("Adam", STEP, "SGD", "Adam", ", momentum=0.9", ""),
        fit.wrong("absolute errors", STEP, "MSELoss", "L1Loss"),
        fit.wrong("half the error", FAR, "l.backward()", "(l / 2).backward()"),
        fit.wrong(
            "a rate that falls",
            later("#"),
            "updater.step()",
            "updater.step(); updater.param_groups[0]['lr'] *= 0.99",
        ),
        fit.wrong(
            "no first step", ONE + "it leaves the net as it started.", RANGE, "range(1, num_steps)"
        ),
        fit.wrong("two for one", ONE + "it takes 2 steps.", RANGE, "range(2 * num_steps)"),
        fit.wrong("at most a hundred", later(150), RANGE, "range(min(num_steps, 100))"),
        fit.wrong("no steps", SAME, RANGE, "range(0)"),
        fit.wrong(
            "minibatches",
            STEP,
            f"net(X), {COLUMN})",
            f"net(X[rows]), {COLUMN}[rows])",
            "l = nn",
            "rows = torch.randperm(len(X))[:20]; l = nn",
        ),
        fit.wrong(
            "least squares",
            SAME,
            UPDATER,
            "A = torch.cat([net[:2](X), torch.ones(len(X), 1)], 1).detach()\n"
            f"    w = torch.linalg.lstsq(A, {COLUMN}, driver='gelsd').solution\n"
            "    net[2].weight.data, net[2].bias.data = w[:-1].T.contiguous(), w[-1]\n"
            "    return net",
        ),
        fit.wrong(
            "goes on with the last call's net",
            AGAIN,
            "    updater =",
            "    net = fit_curve.__dict__.setdefault('net', net)\n    updater =",
        ),
        fit.wrong(
            "goes on with the last call's parameters",
            SAME,
            "updater =",
            "net.load_state_dict(fit_curve.__dict__.get('last', net.state_dict())); updater =",
            "return net",
            "fit_curve.last = copy.deepcopy(net.state_dict()); return net",
        ),
        fit.wrong("no return", NOT_A_NET + "None. Is a `return` missing?", "return net", ""),
        fit.wrong("the loss for the net", NOT_A_NET + "a tensor.", "return net", "return l"),
        fit.wrong(
            "resizes",
            "it changes `y`, which belongs to the caller.",
            COLUMN,
            "y.resize_(len(X), 1)",
        ),
        fit.wrong(
            "not for a single point",
            "it raises IndexError: Dimension out of range (expected to be in range of [-1, 0], but "
            "got 1)",
            COLUMN,
            "y.squeeze().unsqueeze(1)",
        ),
    ]
)

BETTER = "if first or error < best_error:"
BACK = "net.load_state_dict(best)"
LEFT = "values: `net` is left as it was after epoch #, not the best one."
GOES_ON = "it goes on training when it should have stopped."
STOPS = "it stops after # epochs, when it should have gone on."
LISTS = """
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
"""
COPIES = """
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
"""

test_stop_early = answer_test(
    [
        stop.right("the solution"),
        stop.right("lists, while, a list of tensors returned", LISTS),
        stop.right("a copy of the net, a counter, parameters by .data", COPIES),
        stop.wrong("state_dict without a copy", LEFT, "param.clone()", "param"),
        stop.wrong("nothing put back", LEFT, BACK, "pass"),
        stop.wrong(
            "put back only where it stopped early", LEFT, BACK, f"epoch < max_epochs and {BACK}"
        ),
        stop.wrong(
            "the name rebound to a copy", LEFT, BACK, f"net = copy.deepcopy(net).{BACK[4:]}"
        ),
        stop.wrong(
            "the start put back",
            LEFT.replace("#", "0"),
            " " * 12 + "best.update(",
            " " * 12 + "dict(",
        ),
        stop.wrong(
            "only a part put back",
            "values: only a part of `net` is put back to the best epoch.",
            BACK,
            "net[2].weight.data = best['2.weight']",
        ),
        stop.wrong(
            "saved before the epoch",
            LEFT,
            "        train_epoch(net)",
            "        before = copy.deepcopy(net.state_dict()); train_epoch(net)",
            " " * 12 + "best.update(",
            " " * 12 + "best = before; dict(",
        ),
        stop.wrong("an epoch more than patience", GOES_ON, "< patience", "<= patience"),
        stop.wrong(
            "stops at the first rise",
            STOPS,
            "while",
            "error = best_error\n    while not error > best_error and",
        ),
        stop.wrong(
            "bad epochs counted over all",
            STOPS,
            "    while epoch < max_epochs and epoch - best_epoch",
            "    bad = 0\n    while epoch < max_epochs and bad",
            "        first = ",
            "        bad += not error < best_error\n        first = ",
        ),
        stop.wrong("equal counts as lower", GOES_ON, BETTER, "if first or error <= best_error:"),
        stop.wrong("better by a margin", STOPS, BETTER, "if first or error < best_error - 1.5e-6:"),
        stop.wrong("nan taken for lower", GOES_ON, BETTER, "if not error >= best_error:"),
        stop.wrong("nan at the start for good", STOPS, "first or ", ""),
        stop.wrong(
            "inf for nan at the start",
            "values: best_error is not right: yours is inf.",
            "held_out_error(net), {}",
            "min(math.inf, held_out_error(net)), {}",
        ),
        stop.wrong("the start does not count", GOES_ON, "held_out_error(net), {}", "math.inf, {}"),
        stop.wrong(
            "counted from 0",
            "values: best_epoch is not right: yours is #.",
            "return best_epoch",
            "return best_epoch - 1",
        ),
        stop.wrong(
            "another error",
            "values: best_error is not right: yours is #.",
            "best_epoch, best_error\n",
            "best_epoch, 0.9 * best_error\n",
        ),
        stop.wrong("no limit of epochs", GOES_ON, "epoch < max_epochs and ", ""),
        stop.wrong(
            "max_epochs one too few", STOPS.replace("#", "11"), "< max_epochs", "< max_epochs - 1"
        ),
        stop.wrong(
            "one number",
            "type: expected a tuple (best_epoch, best_error), got a float.",
            "return best_epoch, ",
            "return ",
        ),
        stop.wrong(
            "without the net",
            "it raises TypeError: _Run.train_epoch() missing 1 required positional argument: 'net'",
            "train_epoch(net)\n",
            "train_epoch()\n",
        ),
        stop.wrong(
            "parameters for the net",
            NOT_A_NET + "a generator.",
            "train_epoch(net)\n",
            "train_epoch(net.parameters())\n",
        ),
        stop.wrong(
            "endless without training",
            "still running after 0.5 s.",
            "train_epoch(net)\n",
            "while max_epochs: pass\n",
        ),
    ]
)
