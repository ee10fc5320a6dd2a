"""Answers to the exercises of lesson 04: what is refused, and why, and what is accepted."""

from answers import but, trials_of

PREDICTIONS = """
    num_parameters = 321
    num_distinct = 2
    zero_start_mse = 5
    y_at_ten = 21
"""
MLP = """
    from torch import nn

    def mlp(widths):
        layers = []
        for num_in, num_out in zip(widths[:-1], widths[1:]):
            layers += [nn.Linear(num_in, num_out), nn.ReLU()]
        return nn.Sequential(*layers[:-1])
"""
FIT = """
    from torch import nn

    def fit_curve(X, y, num_steps):
        net = nn.Sequential(nn.Linear(1, 16), nn.ReLU(), nn.Linear(16, 1))
        updater = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
        for _ in range(num_steps):
            l = nn.MSELoss()(net(X), y.reshape(-1, 1))
            updater.zero_grad()
            l.backward()
            updater.step()
        return net
"""
START = """
        for param in net.parameters():
            nn.init.zeros_(param)
        updater"""
STOP = """
    import copy

    def stop_early(net, train_epoch, held_out_error, patience, max_epochs):
        best_epoch, best_error = 0, held_out_error(net)
        best = copy.deepcopy(net.state_dict())
        for epoch in range(1, max_epochs + 1):
            train_epoch(net)
            error = held_out_error(net)
            if error < best_error:
                best_epoch, best_error = epoch, error
                best = copy.deepcopy(net.state_dict())
            if epoch - best_epoch >= patience:
                break
        net.load_state_dict(best)
        return best_epoch, best_error
"""

RIGHT = [
    ("predict_before_running", "the solution", PREDICTIONS),
    (
        "predict_before_running",
        "tensors, an array, a float with noise",
        """
    import numpy as np

    num_parameters = torch.tensor([[321]])
    num_distinct = np.array([2])
    zero_start_mse = torch.tensor([0.0, 2, 4, 6]).var(unbiased=False)
    y_at_ten = 20.999999
    """,
    ),
    ("mlp", "the solution", MLP),
    (
        "mlp",
        "a class, with functions for activations",
        """
    class MLP(torch.nn.Module):
        def __init__(self, widths):
            super().__init__()
            pairs = list(zip(widths, widths[1:]))
            self.hidden = torch.nn.ModuleList(torch.nn.Linear(a, b) for a, b in pairs[:-1])
            self.out = torch.nn.Linear(*pairs[-1])

        def forward(self, X):
            for layer in self.hidden:
                X = torch.sin(layer(X))
            return self.out(X)

    def mlp(widths):
        return MLP(widths)
    """,
    ),
    (
        "mlp",
        "another start, activations in place and shared, nested",
        """
    from torch import nn

    def mlp(widths):
        bend = nn.LeakyReLU(inplace=True)
        net = nn.Linear(widths[0], widths[1])
        for a, b in zip(widths[1:], widths[2:]):
            net = nn.Sequential(net, bend, nn.Dropout(0.2), nn.Linear(a, b))
        for param in net.parameters():
            if param.ndim == 2:
                nn.init.xavier_uniform_(param)
            else:
                nn.init.zeros_(param)
        return net
    """,
    ),
    ("mlp", "with a seed of its own", but(MLP, "layers = []", "layers = []; torch.manual_seed(1)")),
    ("mlp", "prints", but(MLP, "layers +=", "print(num_in); layers +=")),
    ("fit_curve", "the solution", FIT),
    (
        "fit_curve",
        "Tanh, random weights, columns by view, loss by hand",
        but(
            FIT,
            "ReLU",
            "Tanh",
            "updater =",
            "nn.init.normal_(net[0].weight); nn.init.zeros_(net[2].bias); updater =",
            "nn.MSELoss()(net(X), y.reshape(-1, 1))",
            "((net(X).flatten() - y.view(-1)) ** 2).mean()",
        ),
    ),
    (
        "fit_curve",
        "minibatches, and a class",
        """
    from torch import nn

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(1, 16), nn.Linear(16, 1)

        def forward(self, X):
            return self.b(torch.relu(self.a(X)))

    def fit_curve(X, y, num_steps):
        net, done = Net(), 0
        if y.dim() == 1:
            y = y.unsqueeze(1)
        updater = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
        while done < num_steps:
            for batch in torch.randperm(len(X)).split(20):
                updater.zero_grad()
                nn.functional.mse_loss(net(X[batch]), y[batch]).backward()
                updater.step()
                done += 1
        return net
    """,
    ),
    (
        "fit_curve",
        "a sigmoid and a small start",
        but(
            FIT,
            "ReLU",
            "Sigmoid",
            "updater =",
            "[nn.init.normal_(param, std=0.01) for param in net.parameters()]; updater =",
        ),
    ),
    ("stop_early", "the solution", STOP),
    (
        "stop_early",
        "clones, while, a list of tensors returned",
        """
    def stop_early(net, train, error_of, patience, max_epochs):
        params = list(net.parameters())
        errors, saved = [error_of(net)], [[p.detach().clone() for p in params]]
        while True:
            best = min(range(len(errors)), key=lambda k: (errors[k] != errors[k], errors[k]))
            if len(errors) - 1 >= max_epochs or len(errors) - 1 - best >= patience:
                break
            train(net)
            errors.append(error_of(net))
            saved.append([p.detach().clone() for p in params])
        with torch.no_grad():
            for p, kept in zip(params, saved[best]):
                p.copy_(kept)
        return [torch.tensor(best), torch.tensor(errors[best])]
    """,
    ),
    (
        "stop_early",
        "a copy of the net, a counter, parameters by .data",
        """
    import copy

    def stop_early(net, train_epoch, held_out_error, patience, max_epochs):
        kept, best_epoch, best_error, waited = copy.deepcopy(net), 0, held_out_error(net), 0
        for epoch in range(max_epochs):
            train_epoch(net)
            if held_out_error(net) < best_error:
                kept, best_epoch, waited = copy.deepcopy(net), epoch + 1, 0
                best_error = held_out_error(net)
            else:
                waited += 1
                if waited == patience:
                    break
        for p, q in zip(net.parameters(), kept.parameters()):
            p.data = q.data
        return best_epoch, best_error
    """,
    ),
    ("stop_early", "prints", but(STOP, "train_epoch(net)\n", "train_epoch(net); print(epoch)\n")),
]

WRONG = [
    # Exercise 1
    (
        "predict_before_running",
        "weights without biases",
        but(PREDICTIONS, "321", "288"),
        "values: num_parameters is not 288. Those are the weights.",
    ),
    (
        "predict_before_running",
        "the last bias left out",
        but(PREDICTIONS, "321", "320"),
        "values: num_parameters is not 320. The last layer has a bias too.",
    ),
    (
        "predict_before_running",
        "all units alike",
        but(PREDICTIONS, "= 2", "= 1"),
        "values: num_distinct is not 1.",
    ),
    (
        "predict_before_running",
        "training parts all units",
        but(PREDICTIONS, "= 2", "= 16"),
        "values: num_distinct is not 16. Units with the same start",
    ),
    (
        "predict_before_running",
        "divided by n - 1",
        but(PREDICTIONS, "= 5", "= 6.67"),
        "values: zero_start_mse is not 6.67. The mean divides by the number of labels.",
    ),
    (
        "predict_before_running",
        "the error before training",
        but(PREDICTIONS, "= 5", "= 14"),
        "values: zero_start_mse is not 14.",
    ),
    (
        "predict_before_running",
        "no bias in the line",
        but(PREDICTIONS, "= 21", "= 30"),
        "values: y_at_ten is not 30.",
    ),
    (
        "predict_before_running",
        "two numbers for one",
        but(PREDICTIONS, "= 21", "= [20, 1]"),
        "shape: y_at_ten is to be one number, got (2,).",
    ),
    (
        "predict_before_running",
        "words",
        but(PREDICTIONS, "321", "'321'"),
        "type: num_parameters is to be a tensor or a number, got a str.",
    ),
    (
        "predict_before_running",
        "one left out",
        but(PREDICTIONS, "= 21", "= ..."),
        "○ Not attempted",
    ),
    # Exercise 2
    (
        "mlp",
        "the lesson's sizes",
        """
    from torch import nn

    def mlp(widths):
        return nn.Sequential(
            nn.Linear(1, 8), nn.ReLU(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1)
        )
    """,
        "shape: the layers do not fit each other or the input (200, ",
    ),
    (
        "mlp",
        "three layers whatever the widths",
        """
    from torch import nn

    def mlp(widths):
        a, b, c, *_, d = (*widths, 4, 4) if len(widths) < 4 else widths
        return nn.Sequential(
            nn.Linear(a, b), nn.ReLU(), nn.Linear(b, c), nn.ReLU(), nn.Linear(c, d)
        )
    """,
        "shape: ",
    ),
    ("mlp", "no activations", but(MLP, ", nn.ReLU()", ""), "shape: "),
    (
        "mlp",
        "no activation at all",
        but(MLP, ", nn.ReLU()", "", "layers[:-1]", "layers"),
        "values: linear layers 1 and 2 are together one linear layer: nothing bends",
    ),
    (
        "mlp",
        "an activation that does not bend",
        but(MLP, "nn.ReLU()", "nn.Identity()"),
        "nothing bends in between.\n  Tried with widths (1, 8, 8, 1).",
    ),
    (
        "mlp",
        "activations only after the first",
        but(MLP, "nn.ReLU()", "nn.ReLU() if not layers else nn.Dropout(0.5)"),
        "values: linear layers 2 and 3 are together one linear layer",
    ),
    (
        "mlp",
        "an activation at the end too",
        but(MLP, "layers[:-1]", "layers"),
        "values: the output is not what the last linear layer gives",
    ),
    (
        "mlp",
        "no biases",
        but(MLP, "nn.Linear(num_in, num_out)", "nn.Linear(num_in, num_out, bias=False)"),
        "values: 80 parameters are too few for layers 1 to 8, 8 to 8, 8 to 1",
    ),
    (
        "mlp",
        "an activation with parameters",
        but(MLP, "ReLU", "PReLU"),
        "values: 99 parameters are too many for layers",
    ),
    (
        "mlp",
        "one layer too many",
        but(MLP, "*layers[:-1]", "*layers, nn.Linear(num_out, num_out)"),
        "shape: the linear layers that run are not those of the widths: 1 to 8, 8 to 8, 8 to 1,",
    ),
    (
        "mlp",
        "a shared layer",
        """
    from torch import nn

    def mlp(widths):
        made = {}
        layers = []
        for pair in zip(widths[:-1], widths[1:]):
            layers += [made.setdefault(pair, nn.Linear(*pair)), nn.ReLU()]
        return nn.Sequential(*layers[:-1])
    """,
        "too few for layers 2 to 6, 6 to 6, 6 to 6, 6 to 3",
    ),
    (
        "mlp",
        "in and out swapped",
        but(MLP, "nn.Linear(num_in, num_out)", "nn.Linear(num_out, num_in)"),
        "shape: the layers do not fit each other or the input (200, 1)",
    ),
    (
        "mlp",
        "a list",
        but(MLP, "nn.Sequential(*layers[:-1])", "layers[:-1]"),
        "type: expected a net, an `nn.Module`, got a list.",
    ),
    (
        "mlp",
        "no return",
        but(MLP, "return nn", "net = nn"),
        "got None (is a `return` missing?).",
    ),
    (
        "mlp",
        "layers in a plain list",
        """
    class MLP(torch.nn.Module):
        def __init__(self, widths):
            super().__init__()
            self.layers = [torch.nn.Linear(a, b) for a, b in zip(widths, widths[1:])]

        def forward(self, X):
            for layer in self.layers[:-1]:
                X = layer(X).relu()
            return self.layers[-1](X)

    def mlp(widths):
        return MLP(widths)
    """,
        "type: `parameters()` finds none",
    ),
    (
        "mlp",
        "zeros",
        but(
            MLP,
            "return nn.Sequential(*layers[:-1])",
            "net = nn.Sequential(*layers[:-1])\n        for p in net.parameters():\n"
            "            nn.init.zeros_(p)\n        return net",
        ),
        "values: all units of a layer start alike",
    ),
    (
        "mlp",
        "takes the list apart",
        """
    from torch import nn

    def mlp(widths):
        widths = widths if isinstance(widths, list) else list(widths)
        layers = []
        while len(widths) > 1:
            layers += [nn.Linear(widths.pop(0), widths[0]), nn.ReLU()]
        return nn.Sequential(*layers[:-1])
    """,
        "it changes `widths`, which belongs to the caller.",
    ),
    (
        "mlp",
        "a tuple only",
        but(MLP, "layers = []", "layers = []; widths + (1,)"),
        "it raises TypeError: can only concatenate list",
    ),
    (
        "mlp",
        "no net for two widths",
        but(MLP, "layers = []", "first, second, third, *others = widths; layers = []"),
        "it raises ValueError: not enough values to unpack",
    ),
    ("mlp", "endless", but(MLP, "layers = []", "while True: pass"), "still running after 0.5 s."),
    # Exercise 3
    (
        "fit_curve",
        "activation only",
        but(FIT, "y.reshape(-1, 1)", "y", "\n        updater", START),
        "values: after training, all hidden units are alike",
    ),
    (
        "fit_curve",
        "start only",
        but(FIT, "y.reshape(-1, 1)", "y", "nn.ReLU(), ", ""),
        "values: the trained net is a straight line.\n",
    ),
    (
        "fit_curve",
        "labels only",
        but(FIT, "\n        updater", START, "nn.ReLU(), ", ""),
        "values: after training, all hidden units are alike",
    ),
    (
        "fit_curve",
        "all but the labels",
        but(FIT, "y.reshape(-1, 1)", "y"),
        "the same number for every x.\n  Tried with 50 points on a parabola, y of shape (50,),",
    ),
    (
        "fit_curve",
        "flat both, so columns fail",
        but(FIT, "net(X), y.reshape(-1, 1)", "net(X).flatten(), y"),
        "nearly the same number for every x.\n  Tried with",
    ),
    (
        "fit_curve",
        "all but the activation",
        but(FIT, "nn.ReLU(), ", ""),
        "values: the trained net is a straight line.",
    ),
    (
        "fit_curve",
        "all but the start",
        but(FIT, "\n        updater", START),
        "values: after training, all hidden units are alike",
    ),
    (
        "fit_curve",
        "another equal start",
        but(FIT, "\n        updater", but(START, "zeros_(param)", "constant_(param, 0.1)")),
        "values: after training, all hidden units are alike",
    ),
    (
        "fit_curve",
        "an activation at the end",
        but(FIT, "nn.Linear(16, 1))", "nn.Linear(16, 1), nn.Hardtanh(0.0, 0.01))"),
        "values: the trained net says nearly the same number for every x.",
    ),
    (
        "fit_curve",
        "a learning rate too large",
        but(FIT, "lr=0.05", "lr=10"),
        "values: the trained net",
    ),
    (
        "fit_curve",
        "no steps",
        but(FIT, "range(num_steps)", "range(0)"),
        "values: the trained net",
    ),
    ("fit_curve", "no return", but(FIT, "return net", ""), "got None (is a `return` missing?)."),
    (
        "fit_curve",
        "the loss for the net",
        but(FIT, "return net", "return l"),
        "type: expected a net, an `nn.Module`, got a tensor.",
    ),
    (
        "fit_curve",
        "reshapes the caller's labels",
        but(FIT, "y.reshape(-1, 1)", "y.resize_(len(X), 1)"),
        "it changes `y`, which belongs to the caller.",
    ),
    (
        "fit_curve",
        "reshape to the shown size",
        but(FIT, "y.reshape(-1, 1)", "y.reshape(7, 1)"),
        "it raises RuntimeError: shape '[7, 1]' is invalid",
    ),
    # Exercise 4
    (
        "stop_early",
        "state_dict without a copy",
        but(STOP, "copy.deepcopy(net.state_dict())", "net.state_dict()"),
        "values: `net` is left as the last epoch made it, not the best one.\n",
    ),
    (
        "stop_early",
        "a shallow copy",
        but(STOP, "copy.deepcopy(net.state_dict())", "dict(net.state_dict())"),
        "values: `net` is left as the last epoch made it, not the best one.\n",
    ),
    (
        "stop_early",
        "nothing put back",
        but(STOP, "net.load_state_dict(best)", "pass"),
        "values: `net` is left as the last epoch made it",
    ),
    (
        "stop_early",
        "the name rebound to a copy",
        but(STOP, "net.load_state_dict(best)", "net = copy.deepcopy(net).load_state_dict(best)"),
        "values: `net` is left as the last epoch made it",
    ),
    (
        "stop_early",
        "the start put back",
        but(STOP, "                best = copy", "                copy"),
        "values: `net` is left as it was before the first epoch.",
    ),
    (
        "stop_early",
        "only a part put back",
        but(STOP, "net.load_state_dict(best)", "net[2].weight.data = best['2.weight']"),
        "values: `net` is not left as the best epoch made it.",
    ),
    (
        "stop_early",
        "saved before the epoch",
        """
    import copy

    def stop_early(net, train_epoch, held_out_error, patience, max_epochs):
        best_epoch, best_error, best = 0, held_out_error(net), copy.deepcopy(net.state_dict())
        for epoch in range(1, max_epochs + 1):
            before = copy.deepcopy(net.state_dict())
            train_epoch(net)
            if held_out_error(net) < best_error:
                best_epoch, best_error, best = epoch, held_out_error(net), before
            if epoch - best_epoch >= patience:
                break
        net.load_state_dict(best)
        return best_epoch, best_error
    """,
        "values: `net` is not left as the best epoch made it.",
    ),
    (
        "stop_early",
        "an epoch more than patience",
        but(STOP, ">= patience", "> patience"),
        "it goes on training when it should have stopped.",
    ),
    (
        "stop_early",
        "stops at the first rise",
        but(STOP, "epoch - best_epoch >= patience", "error > best_error"),
        "when it should have gone on.\n  Tried with errors that fall for some epochs",
    ),
    (
        "stop_early",
        "bad epochs counted over all",
        """
    import copy

    def stop_early(net, train_epoch, held_out_error, patience, max_epochs):
        best_epoch, best_error, best = 0, held_out_error(net), copy.deepcopy(net.state_dict())
        bad = 0
        for epoch in range(1, max_epochs + 1):
            train_epoch(net)
            error = held_out_error(net)
            if error < best_error:
                best_epoch, best_error, best = epoch, error, copy.deepcopy(net.state_dict())
            else:
                bad += 1
            if bad >= patience:
                break
        net.load_state_dict(best)
        return best_epoch, best_error
    """,
        "when it should have gone on.\n  Tried with errors with bumps",
    ),
    (
        "stop_early",
        "equal counts as lower",
        but(STOP, "error < best_error", "error <= best_error"),
        "train_epoch(net)\n  Tried with errors that stay equal for three epochs, patience 3",
    ),
    (
        "stop_early",
        "nan taken for lower",
        but(STOP, "if error < best_error", "if not error >= best_error"),
        "Tried with errors that are nan from the second epoch on",
    ),
    (
        "stop_early",
        "the start does not count",
        but(STOP, "held_out_error(net)\n        best =", "float('inf')\n        best ="),
        "Tried with errors that never fall, patience 1",
    ),
    (
        "stop_early",
        "epochs counted from 0",
        but(STOP, "return best_epoch,", "return best_epoch - 1,"),
        "values: best_epoch is not ",
    ),
    (
        "stop_early",
        "the last error",
        but(STOP, "return best_epoch, best_error", "return best_epoch, held_out_error(net) + 1"),
        "values: best_error is not ",
    ),
    (
        "stop_early",
        "no limit of epochs",
        but(STOP, "max_epochs + 1", "10**9"),
        "train_epoch(net)\n  Tried with errors that fall to the end",
    ),
    (
        "stop_early",
        "max_epochs one too few",
        but(STOP, "max_epochs + 1", "max_epochs"),
        "it stops after 11 epochs, when it should have gone on.",
    ),
    (
        "stop_early",
        "one number",
        but(STOP, "return best_epoch, best_error", "return best_error"),
        "type: expected a tuple (best_epoch, best_error), got a float.",
    ),
    (
        "stop_early",
        "without the net",
        but(STOP, "train_epoch(net)\n", "train_epoch()\n"),
        "in line 7 of your cell (stop_early): train_epoch()",
    ),
    (
        "stop_early",
        "endless without training",
        but(STOP, "train_epoch(net)", "while max_epochs: pass"),
        "still running after 0.5 s.",
    ),
]


(
    test_right_answers_are_accepted,
    test_wrong_answers_are_refused_for_the_right_reason,
) = trials_of("04", RIGHT, WRONG)
