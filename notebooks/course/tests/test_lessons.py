"""What a lesson writes by hand does what d2l's does, and what it says holds for other seeds."""

import ast

import nbformat
import pytest
import torch
import torchvision
from d2l import torch as d2l
from torch import nn

from course import fashion_mnist, notebooks

SEEDS = range(1, 11)
TRUE_W, TRUE_B = torch.tensor([2, -3.4]), 4.2


def functions(lesson):
    """Return what the cells of a lesson define as functions, the first of each name, by name."""
    space = {"torch": torch, "d2l": d2l, "nn": nn, "loss_fn": nn.MSELoss()}
    for cell in nbformat.read(notebooks.lesson(lesson), as_version=4).cells:
        if cell.cell_type == "code":
            for node in ast.parse(cell.source).body:
                if isinstance(node, ast.FunctionDef) and node.name not in space:
                    exec(ast.unparse(node), space)
    return space


@pytest.fixture(scope="module")
def lesson01():
    return functions("01")


@pytest.fixture(scope="module")
def lesson02():
    return functions("02")


@pytest.fixture(scope="module")
def lesson03():
    return functions("03")


@pytest.fixture(scope="module")
def lesson04():
    return functions("04")


def data(seed, lesson, n=1000):
    torch.manual_seed(seed)
    return lesson["synthetic_data"](TRUE_W, TRUE_B, n)


@pytest.mark.parametrize("seed", SEEDS)
def test_lesson01_parts_are_those_of_d2l(lesson01, seed):
    X, y = data(seed, lesson01, 10)
    torch.manual_seed(seed)
    assert all(map(torch.equal, (X, y), d2l.synthetic_data(TRUE_W, TRUE_B, 10)))
    params = []
    for parts in (lesson01, vars(d2l)):
        torch.manual_seed(seed)
        w = torch.normal(0, 1, (2, 1), requires_grad=True)
        b = torch.zeros(1, requires_grad=True)
        for labels in (y, y.flatten()):
            parts["squared_loss"](parts["linreg"](X, w, b), labels).sum().backward()
            parts["sgd"]([w, b], 0.03, 10)
        params.append((w, b, w.grad, b.grad))
    assert all(map(torch.equal, *params)) and not w.grad.any()


@pytest.mark.parametrize(("n", "batch_size"), [(7, 3), (1000, 300), (10, 10), (3, 5), (1, 1)])
def test_lesson01_minibatches(lesson01, n, batch_size):
    X, y = torch.arange(2.0 * n).reshape(n, 2), torch.arange(0.0, 2 * n, 2).reshape(n, 1)
    epochs = [list(lesson01["data_iter"](batch_size, X, y)) for _ in range(2)]
    for epoch in epochs:
        sizes = [len(rows) for rows, _ in epoch]
        assert sum(sizes) == n and set(sizes[:-1]) <= {batch_size} and sizes[-1] <= batch_size
        assert all(torch.equal(rows[:, :1], labels) for rows, labels in epoch)
        assert torch.equal(torch.cat([labels for _, labels in epoch]).sort(dim=0).values, y)
    orders = [[labels.tolist() for _, labels in epoch] for epoch in epochs]
    assert n < 7 or orders[0] != orders[1]


@pytest.mark.parametrize("seed", SEEDS)
def test_lesson01_finds_the_truth(lesson01, seed):
    X, y = data(seed, lesson01)
    w, b, history = lesson01["train"](X, y)
    assert (w.flatten() - TRUE_W).abs().max() < 0.01 and abs(b - TRUE_B) < 0.01
    true_loss = lesson01["mean_loss"](X, y, TRUE_W.reshape(2, 1), TRUE_B)
    assert history[-1] == pytest.approx(true_loss, rel=0.05)


@pytest.mark.parametrize("seed", SEEDS)
def test_lesson01_breakages(lesson01, seed):
    X, y = data(seed, lesson01)
    train = lesson01["train"]
    start = lesson01["mean_loss"](X, y, torch.zeros(2, 1), torch.zeros(1))
    without_zeroing = train(X, y, update=lesson01["sgd_without_zeroing"])[2]
    assert without_zeroing[5] < train(X, y)[2][5] and max(without_zeroing[200:]) > start
    wide = lesson01["loss_without_reshape"]
    w, _, history = train(X, y.flatten(), loss_fn=wide)
    assert w.abs().max() < 1.5 and start > min(history) > 1
    truth = wide(X @ TRUE_W.reshape(2, 1) + TRUE_B, y.flatten()).mean()
    of_the_mean = wide(y.mean().reshape(1, 1), y.flatten()).mean().item()
    assert truth.item() == pytest.approx(2 * of_the_mean, rel=0.01)
    assert train(X, y, lr=3)[0].isnan().all() and train(X, y, lr=0.001)[2][-1] > 5


@pytest.mark.parametrize("seed", SEEDS)
def test_lesson01_some_minibatches_send_w1_the_wrong_way(lesson01, seed):
    X, y = data(seed, lesson01)
    error = lesson01["linreg"](X, torch.tensor([[1.0], [-1.0]]), torch.zeros(1)) - y
    slopes = torch.stack([part.mean() for part in (error * X[:, :1]).split(10)])
    assert slopes.mean() < 0 and 10 < (slopes > 0).sum() < 50


@pytest.mark.parametrize("seed", SEEDS)
def test_lesson02_two_programs_take_one_path(lesson02, seed):
    batches = list(lesson02["data_iter"](10, *data(seed, lesson02)))
    by_hand, concise = lesson02["by_hand"], lesson02["concise"]
    for num_steps in (1, 10, 100):
        same = concise(batches[:num_steps], lr=0.015)
        assert torch.allclose(by_hand(batches[:num_steps], lr=0.03), same, rtol=0, atol=1e-5)
    assert by_hand(batches, lr=1).abs().max() < 5 and not concise(batches, lr=1).abs().max() < 1e3
    truth = torch.tensor([*TRUE_W, TRUE_B])
    off = {m: (concise(batches * 3, 0.3, m) - truth).abs().max() for m in (0, 0.9)}
    assert 5 * off[0] < off[0.9]


@pytest.mark.parametrize("seed", SEEDS)
def test_lesson02_momentum_in_the_valley(lesson02, seed):
    X = data(seed, lesson02)[0] * torch.tensor([1.0, 0.1])
    y = X @ TRUE_W.reshape(2, 1)
    border = 2 / (2 * X**2).mean(dim=0).max()

    def end(lr, momentum):
        return sum(lesson02["descend"](X, y, lr, momentum)[1][-10:]) / 10

    for lr in (0.1, 0.2, 0.3, 0.4):
        assert end(lr, 0.9) < end(lr, 0.5) < end(lr, 0)
    for lr in (0.7, 0.8, 0.9):
        assert end(lr, 0.5) < end(lr, 0.9)
    for momentum in (0, 0.5):
        assert (
            end(0.97 * (1 + momentum) * border, momentum)
            < 1
            < end(1.1 * (1 + momentum) * border, momentum)
        )


STUDY_HOURS, SCORES = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([2.0, 4.0, 6.0])


def walk(lesson, picks, lr, zero=True):
    """Return the weights of lesson 03's descent from 1 on these examples."""
    w, ws = torch.tensor(1.0, requires_grad=True), []
    for i in picks:
        if zero:
            lesson["take_step"](w, STUDY_HOURS[i], SCORES[i], lr)
        else:
            lesson["squared_loss"](w, STUDY_HOURS[i], SCORES[i]).backward()
            w.data -= lr * w.grad
        ws.append(w.item())
    return torch.tensor(ws)


@pytest.mark.parametrize("seed", range(100))
def test_lesson03_settles_and_without_zeroing_does_not(lesson03, seed):
    torch.manual_seed(seed)
    picks = torch.randint(3, (100,))
    ws = walk(lesson03, picks, lr=0.01)
    assert abs(ws[-1] - 2) < 0.05 and abs(4 * ws[-1] - 8) < 0.2
    factors = 1 - 0.02 * STUDY_HOURS[picks].double() ** 2
    assert abs(ws[-1] - 2 + factors.prod()) < 1e-6
    unzeroed = walk(lesson03, picks, lr=0.01, zero=False)
    assert (unzeroed > 2).nonzero()[0] < (ws > 1.98).nonzero()[0]
    assert (unzeroed[50:] - 2).abs().max() > 0.5


def test_lesson03_border_is_one_ninth(lesson03):
    ends = [abs(walk(lesson03, 50 * [2], lr)[-1] - 2) for lr in (0.111, 0.1112)]
    assert ends[0] < 1 < ends[1]


@pytest.mark.parametrize("seed", SEEDS)
def test_lesson03_single_examples_leave_the_hill(lesson03, seed):
    torch.manual_seed(seed)
    ends = [lesson03["descend"](2 * torch.randint(2, (200,)) - 1)[-1] for _ in range(2)]
    assert all(0.8 < abs(end) < 1.2 for end in ends)
    assert not any(lesson03["descend"](torch.zeros(200)))


@pytest.mark.parametrize("seed", [1])
def test_lesson04_fits_the_cubic(lesson04, seed):
    lesson04["X"], lesson04["y"] = X, y = lesson04["noisy_cubic"](100, seed)
    net, grid = lesson04["new_net"](), torch.linspace(-1, 1, 201).reshape(-1, 1)
    error = lesson04["train"](net, 2020)[-1]
    true_curve, held_out = (X**3 - y).square().mean(), lesson04["noisy_cubic"](1000, 50 + seed)
    assert 0.007 < error < 0.013 and error < true_curve
    assert (net(grid) - grid**3).square().mean() < 0.005
    assert (net(held_out[0]) - held_out[1]).square().mean() < 0.015
    assert abs(net(torch.tensor([[2.0]])).item()) < 4


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_lesson04_momentum_and_layers_without_a_bend(lesson04, seed):
    lesson04["X"], lesson04["y"] = X, y = lesson04["noisy_cubic"](100, seed=1)
    nets = [lesson04["new_net"](seed) for _ in range(2)]
    plain = lesson04["train"](nets[0], 300)
    fast = lesson04["train"](nets[1], 120, momentum=0.9)
    assert min(fast) < min(plain)
    torch.manual_seed(seed)
    stack = nn.Sequential(nn.Linear(1, 8), nn.Linear(8, 8), nn.Linear(8, 1))
    line = torch.linalg.lstsq(torch.cat([X, torch.ones(100, 1)], dim=1), y).solution
    best = (torch.cat([X, torch.ones(100, 1)], dim=1) @ line - y).square().mean()
    assert best <= lesson04["train"](stack, 300)[-1] < 1.1 * best


@pytest.fixture(scope="module")
def lesson05():
    return functions("05")


@pytest.fixture(scope="module")
def pictures():
    """Return pixels as bytes and labels of Fashion-MNIST's two files, split as lesson 05 does."""
    data = fashion_mnist.find()
    if data.is_stand_in:
        pytest.skip("lesson 05 speaks of the official Fashion-MNIST, which is not here")
    train, test = (torchvision.datasets.FashionMNIST(data.root, part) for part in (True, False))
    X_train, X_val = train.data.split(50_000)
    y_train, y_val = train.targets.split(50_000)
    return (X_train, y_train), (X_val / 255, y_val), (test.data / 255, test.targets)


@pytest.mark.parametrize("seed", SEEDS)
def test_lesson05_parts_are_those_of_pytorch_and_d2l(lesson05, seed):
    torch.manual_seed(seed)
    o, y = torch.randn(20, 10, requires_grad=True), torch.randint(10, (20,))
    y_hat = lesson05["softmax"](o)
    torch.testing.assert_close(y_hat, o.softmax(dim=1))
    losses = nn.functional.cross_entropy(o, y, reduction="none")
    torch.testing.assert_close(lesson05["cross_entropy"](y_hat, y), losses)
    mean_loss, accuracy = lesson05["loss_and_accuracy"](lambda X: X, o, y)
    assert mean_loss == pytest.approx(losses.mean().item())
    assert accuracy * 20 == pytest.approx(d2l.accuracy(y_hat, y))
    large = (300 * o.detach()).requires_grad_()
    ours, theirs = lesson05["cross_entropy_of_logits"](large, y), nn.CrossEntropyLoss()(large, y)
    torch.testing.assert_close(ours.mean(), theirs)
    gradients = [torch.autograd.grad(loss, large)[0] for loss in (ours.mean(), theirs)]
    torch.testing.assert_close(*gradients)


def one_layer(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))


def trained(lesson, net, data, num_epochs, loss=nn.functional.cross_entropy):
    """Train a net with lesson 05's function, at rate 0.1 in minibatches of 256; return it."""
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(num_epochs):
        lesson["train_epoch"](net, loss, optimizer, *data)
    return net


@pytest.mark.parametrize("seed", SEEDS[:3])
def test_lesson05_one_layer(lesson05, pictures, seed):
    train, (X_val, y_val), test = pictures
    measure = lesson05["loss_and_accuracy"]
    net = trained(lesson05, one_layer(seed), train, 10)
    validation, tested = measure(net, X_val, y_val)[1], measure(net, *test)[1]
    assert 0.82 < tested < validation < 0.845
    confidence, predictions = net(X_val).softmax(dim=1).max(dim=1)
    right = predictions == y_val
    assert confidence[right].mean() > confidence[~right].mean() + 0.2
    assert 0.9 < right[confidence.argsort(descending=True)[:8000]].float().mean() < 0.92
    assert 0.5 < measure(net, X_val.roll(2, dims=2), y_val)[1] < 0.6
    recall = [right[y_val == k].float().mean() for k in range(10)]
    assert recall[6] in sorted(recall)[:2] and 0.3 < recall[6] < 0.7
    weight_images = (net[1].weight - net[1].weight.mean(dim=0)).detach().reshape(10, 28, 28)
    ahead = (weight_images.sum(dim=(1, 2)) / 2 + net[1].bias).sort(descending=True)
    assert ahead.indices[0] == 8 and ahead.values[0] > ahead.values[1] + 3
    assert (net(torch.rand(1000, 28, 28)).argmax(dim=1) == 8).all()
    boots, found = X_val[y_val == 9], []
    for first, end in ((0, 8), (8, 16), (14, 28)):
        hidden = boots.clone()
        hidden[:, first:end] = 0
        found.append((net(hidden).argmax(dim=1) == 9).float().mean())
    assert found[0] > 0.85 and found[1] < 0.02 and found[2] > 0.85
    by_rows = (weight_images * boots.mean(dim=0))[:, 8:16].sum(dim=(1, 2))
    assert (by_rows[[7, 9]] > 5).all() and (by_rows[[0, 1, 2, 3, 4, 5, 6, 8]] < 0).all()


@pytest.mark.parametrize("seed", SEEDS[:3])
def test_lesson05_breakages(lesson05, pictures, seed):
    (X_train, y_train), validation, _ = pictures
    measure = lesson05["loss_and_accuracy"]
    twice = trained(
        lesson05, one_layer(seed), (X_train, y_train), 3,
        loss=lambda o, y: nn.functional.cross_entropy(o.softmax(dim=1), y),
    )  # fmt: skip
    assert 0.6 < measure(twice, *validation)[1] < 0.77
    shuffled = y_train[torch.randperm(50_000)]
    mean_loss, accuracy = measure(
        trained(lesson05, one_layer(seed), (X_train, shuffled), 3), *validation
    )
    assert 2.25 < mean_loss < 2.6 and 0.02 < accuracy < 0.2


def test_lesson05_hidden_layer(lesson05, pictures):
    (X_train, y_train), validation, test = pictures
    lesson05.update(loss=nn.functional.cross_entropy, device=torch.device("cpu"))
    lesson05.update(X_train=X_train, y_train=y_train, X_val=validation[0], y_val=validation[1])
    nets = one_layer(8), lesson05["new_mlp"]()
    linear, mlp = (lesson05["train_longer"](net)[-1] for net in nets)
    assert 0.015 < mlp - linear < 0.035
    tested = [lesson05["loss_and_accuracy"](net, *test)[1] for net in nets]
    assert 0.835 < tested[0] < linear and 0.87 <= tested[1] < mlp
