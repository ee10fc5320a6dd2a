"""What a lesson writes by hand does what d2l's does, and what it says holds for other seeds."""

import ast
import os
import random

import nbformat
import pytest
import torch
import torchvision
from d2l import torch as d2l
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from course import fashion_mnist, notebooks

SEEDS = range(1, 1 + int(os.environ.get("SEEDS", 1)))  # ten in the weekly run
TRUE_W, TRUE_B = torch.tensor([2, -3.4]), 4.2


def functions(lesson):
    """Return what the cells of a lesson define as functions, the first of each name, by name."""
    is_deeper = lesson.startswith("deeper")
    path = notebooks.FOLDER / f"{lesson}.ipynb" if is_deeper else notebooks.lesson(lesson)
    space = {"torch": torch, "d2l": d2l, "nn": nn, "loss_fn": nn.MSELoss()}
    for cell in nbformat.read(path, as_version=4).cells:
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
    space = functions("02")
    space |= {"TensorDataset": TensorDataset, "DataLoader": DataLoader}
    return space


@pytest.fixture(scope="module")
def lesson03():
    space = functions("03")
    space.update(x=STUDY_HOURS, y=SCORES, hill_x=torch.tensor([1.0, -1.0]))
    return space


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
    w, b = torch.zeros(2, 1, requires_grad=True), torch.zeros(1, requires_grad=True)
    for _ in range(300):  # one and the same bowl, so that chance cannot drive the swing
        lesson01["squared_loss"](lesson01["linreg"](X, w, b), y).sum().backward()
        lesson01["sgd_without_zeroing"]([w, b], 0.03, len(X))
        assert lesson01["mean_loss"](X, y, w, b) < 1.1 * start
    wide = lesson01["loss_without_reshape"]
    w, b, history = train(X, y.flatten(), loss_fn=wide)
    assert w.abs().max() < 1.5 and abs(b - TRUE_B) < 1 and start > min(history) > 1
    truth = wide(X @ TRUE_W.reshape(2, 1) + TRUE_B, y.flatten()).mean()
    of_the_mean = wide(y.mean().reshape(1, 1), y.flatten()).mean().item()
    assert truth.item() == pytest.approx(2 * of_the_mean, rel=0.01)
    assert train(X, y, lr=3)[0].isnan().all() and train(X, y, lr=0.001)[2][-1] > 5
    _, b, history = train(X, y, update=lesson01["other_sgd"])
    assert b == 0 and set(history) == {history[0]}


@pytest.mark.parametrize("seed", SEEDS)
def test_lesson01_some_minibatches_send_w1_the_wrong_way(lesson01, seed):
    X, y = data(seed, lesson01)
    error = lesson01["linreg"](X, torch.tensor([[1.0], [-1.0]]), torch.zeros(1)) - y
    slopes = torch.stack([part.mean() for part in (error * X[:, :1]).split(10)])
    assert slopes.mean() < 0 and 10 < (slopes > 0).sum() < 50


@pytest.mark.parametrize("seed", SEEDS)
def test_lesson01_smaller_batches_walk_a_more_crooked_way(lesson01, seed):
    lengths = []
    for batch_size in (1000, 10, 1):
        path = lesson01["walk"](batch_size, *data(seed, lesson01), TRUE_B)
        lengths.append(path.diff(dim=0).norm(dim=1).sum() / path[-1].norm())
        assert (path[-1] - TRUE_W).norm() < 0.05
    assert lengths[0] < 1.01 and lengths == sorted(lengths)


@pytest.fixture
def deeper01(seed):
    """Return what deeper-01 defines, with the data of a seed in the place of its own."""
    space = functions("deeper-01")
    for name in ("linreg", "sgd", "squared_loss"):
        space[name] = getattr(d2l, name)
    X, y = data(seed, vars(d2l))
    A = torch.cat([X, torch.ones(len(X), 1)], dim=1)
    best, noisy = torch.linalg.lstsq(A, y).solution, y + torch.normal(0, 1, y.shape)
    lowest = torch.linalg.lstsq(A, noisy).solution
    space.update(n=len(X), features=X, labels=y, A=A, best=best, noisy=noisy, lowest=lowest)
    return space


@pytest.mark.parametrize("seed", SEEDS)
def test_deeper01_sorted_and_undivided(deeper01, seed):
    train = deeper01["train"]
    shuffled = [torch.randperm(deeper01["n"]) for _ in range(3)]
    settings = (100, False), (100, True), (10, False), (10, True)
    ends = [train(shuffled, 0.03, *each)[1][-1] for each in settings]
    assert ends[0] > 1e9 and 1 < ends[1] < 5 and max(ends[2:]) < 1e-4
    by_label = deeper01["labels"].flatten().argsort()
    w1, _, b = torch.tensor(train([by_label] * 3, 0.1)[0]).T
    assert b[:100].max() > 7 and w1[100:200].max() > 3 and b[199] < 3 and b[299] > 4.5
    assert abs(torch.tensor(train(shuffled, 0.1)[0])[60:, 2] - TRUE_B).max() < 0.1


@pytest.mark.parametrize("seed", SEEDS)
def test_deeper01_where_descent_settles(deeper01, seed):
    def means(rate, batch_size=1):  # over 100 examples each
        away = deeper01["distances"](rate, batch_size)
        return torch.tensor(away).reshape(100, -1).mean(dim=1)

    constant, batches = means(lambda step: 0.2), means(lambda step: 0.2, 100)
    shrinking = means(lambda step: 0.2 / (1 + step / 50))
    assert 0.4 < constant[1:].min() and constant[1:].max() < 1.5
    assert shrinking[4] < constant[4] < batches[4]  # after 500 examples
    assert shrinking[50:].mean() < 0.1 > batches[50:].mean()
    assert batches[20:].max() < 0.3


@pytest.mark.parametrize("seed", SEEDS)
def test_deeper01_two_layers_need_starts_that_differ(deeper01, seed):
    learn = deeper01["learn_two_layers"]
    W1, stuck = learn(torch.zeros(2, 4), torch.zeros(4, 1))
    assert not W1.any()
    W1, alike = learn(torch.full((2, 4), 0.5), torch.full((4, 1), 0.5))
    torch.testing.assert_close(W1, W1[:, :1].expand(2, 4))
    _, random = learn(torch.normal(0, 0.5, (2, 4)), torch.normal(0, 0.5, (4, 1)))
    assert random < alike / 3 and alike < 0.7 * stuck


@pytest.mark.parametrize("seed", SEEDS)
def test_deeper01_starts_and_borders(deeper01, seed):
    A, y, descend = deeper01["A"].double(), deeper01["labels"].double(), deeper01["descend"]
    for start in (0.0, 100.0):
        end = descend(A, y, torch.full((3, 1), start).double(), num_steps=300)[-1]
        torch.testing.assert_close(end, torch.linalg.lstsq(A, y).solution.flatten())
    for stretch in (1.0, 4.0):
        X, start = A[:, :2] * torch.tensor([stretch, 1.0]), torch.ones(2, 1).double()
        border = 2 / torch.linalg.eigvalsh(X.T @ X / len(X)).max()
        assert border == pytest.approx(2 / (X**2).mean(dim=0).max().item(), rel=0.2)
        below, above = (descend(X, 0 * y, start, f * border, 1000)[-1] for f in (0.99, 1.01))
        assert below.norm() < 1e-3 and above.norm() > 1e3


@pytest.mark.parametrize("seed", SEEDS)
def test_lesson02_two_programs_take_one_path(lesson02, seed):
    batches = list(lesson02["data_iter"](10, *data(seed, lesson02)))

    def concise(batches, lr):
        net = lesson02["new_net"](seed=1)
        lesson02["train"](net, nn.MSELoss(), torch.optim.SGD(net.parameters(), lr), batches)
        return torch.cat([net[0].weight.data.flatten(), net[0].bias.data])

    def by_hand(batches, lr):
        return torch.cat(lesson02["by_hand"](batches, lr))

    for num_steps in (1, 10, 100):
        same = concise(batches[:num_steps], lr=0.015)
        assert torch.allclose(by_hand(batches[:num_steps], lr=0.03), same, rtol=0, atol=1e-5)
    truth = torch.tensor([*TRUE_W, TRUE_B])
    assert (by_hand(batches, lr=1) - truth).abs().max() < 0.05
    assert (concise(batches, lr=0.03) - truth).abs().max() < 0.01
    assert not concise(batches, lr=1).abs().max() < 1e6


@pytest.mark.parametrize("is_train", [True, False])
def test_lesson02_load_array_is_that_of_d2l(lesson02, is_train):
    epochs = []
    for load_array in (lesson02["load_array"], d2l.load_array):
        torch.manual_seed(1)
        loader = load_array((torch.arange(20).reshape(10, 2), torch.arange(10)), 4, is_train)
        epochs.append([*loader, *loader])
    for (X, y), (X_d2l, y_d2l) in zip(*epochs, strict=True):
        assert torch.equal(X, X_d2l) and torch.equal(y, y_d2l)


@pytest.mark.parametrize("seed", SEEDS)
def test_lesson02_sum_and_mean(lesson02, seed):
    X, y = data(seed, lesson02)
    ends = {}
    for batch_size in (10, 100):
        for reduction in ("mean", "sum"):
            net, loader = lesson02["new_net"](seed), lesson02["load_array"]((X, y), batch_size)
            optimizer = torch.optim.SGD(net.parameters(), lr=0.015)
            lesson02["train"](net, nn.MSELoss(reduction=reduction), optimizer, loader)
            ends[batch_size, reduction] = nn.functional.mse_loss(net(X), y)
    assert ends[10, "mean"] < 0.0002 and ends[10, "sum"] < 0.0002
    assert 1 < ends[100, "mean"] < 10 and ends[100, "sum"] > 1e10


@pytest.mark.parametrize("seed", SEEDS)
def test_lesson02_momentum_in_the_valley(lesson02, seed):
    X = data(seed, lesson02)[0] * torch.tensor([1.0, 0.1])
    y = X @ TRUE_W.reshape(2, 1)
    border = 2 / (2 * X**2).mean(dim=0).max()

    def end(lr, momentum):
        return lesson02["end_loss"](X, y, lr, momentum)

    for lr in (0.1, 0.2, 0.3, 0.4):
        assert end(lr, 0.9) < end(lr, 0.5) < end(lr, 0)
    for lr in (0.7, 0.8, 0.9):
        assert end(lr, 0.5) < end(lr, 0.9)
    assert end(0.8, 0.9) < end(0.8, 0)
    for momentum in (0, 0.5, 0.9):
        of_momentum = float((1 + momentum) * border)
        assert end(0.95 * of_momentum, momentum) < 2 < end(1.1 * of_momentum, momentum)

    def of_minibatches(lr, momentum):
        runs = [lesson02["end_loss"](X, y, lr, momentum, 10, run) for run in range(20)]
        return torch.tensor(runs).median()

    assert of_minibatches(0.1, 0.9) < 0.5 * of_minibatches(0.1, 0.5) < 0.5 * of_minibatches(0.1, 0)
    assert of_minibatches(0.8, 0.9) > 20 * of_minibatches(0.8, 0)

    def swing(momentum, batch_size, num_runs=20):
        """Return how far w1 is from its best in the last ten steps, the median of runs."""
        runs = [
            lesson02["descend"](X, y, 0.8, momentum, batch_size, run) for run in range(num_runs)
        ]
        return (torch.stack(runs)[:, -10:, 0] - TRUE_W[0]).abs().amax(dim=1).median()

    assert swing(0.9, 1000, num_runs=1) < 0.3 and swing(0, 10) < 0.5 and swing(0.9, 10) > 1


@pytest.fixture(scope="module")
def deeper02():
    return functions("deeper-02")


def sgd_by_torch(theta, grads, **settings):
    """Return the path of sgd_by_hand in deeper-02, by torch.optim.SGD."""
    theta = theta.clone().requires_grad_()
    optimizer = torch.optim.SGD([theta], **settings)
    path = [theta.detach().clone()]
    for g in grads:
        theta.grad = g.clone()
        optimizer.step()
        path.append(theta.detach().clone())
    return torch.stack(path)


@pytest.mark.parametrize("seed", SEEDS)
def test_deeper02_settings_of_sgd(deeper02, seed):
    torch.manual_seed(seed)
    theta, grads = torch.randn(2), torch.randn(20, 2)
    for settings in (
        {},
        {"momentum": 0.9},
        {"momentum": 0.9, "dampening": 0.5},
        {"weight_decay": 0.5},
        {"momentum": 0.9, "nesterov": True},
        {"momentum": 0.9, "weight_decay": 0.5, "nesterov": True},
    ):
        hand = deeper02["sgd_by_hand"](theta, grads, lr=0.03, **settings)
        by_torch = sgd_by_torch(theta, grads, lr=0.03, **settings)
        torch.testing.assert_close(hand, by_torch, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    ("momentum", "nesterov", "border"), [(0, False, 2), (0.9, False, 3.8), (0.9, True, 3.8 / 2.8)]
)
def test_deeper02_borders(deeper02, momentum, nesterov, border):
    below, above = (
        deeper02["descend"](torch.zeros(40), factor * border, momentum, nesterov).abs()
        for factor in (0.97, 1.03)
    )
    assert below[-10:].max() < below[10:20].max() and above[-10:].max() > above[10:20].max()


@pytest.mark.parametrize("seed", SEEDS)
def test_deeper02_momentum_adds_up_noise(deeper02, seed):
    torch.manual_seed(seed)
    noise = torch.randn(10_000)
    plain, same_rate, tenth = (
        deeper02["descend"](noise, lr, momentum).std()
        for lr, momentum in ((0.1, 0), (0.1, 0.9), (0.01, 0.9))
    )
    assert 2.5 < same_rate / plain < 3.5 and 0.9 < tenth / plain < 1.1


def test_deeper02_momentum_one_swings_for_ever(deeper02):
    path = deeper02["descend"](torch.zeros(400), 0.5, 1).abs()
    assert 0.95 < path[-20:].max() / path[:20].max() < 1.05 and path.min() < 0.2


@pytest.mark.parametrize("seed", SEEDS)
def test_deeper02_forgetting_the_velocity_falls_behind(lesson02, deeper02, seed):
    features, labels = data(seed, lesson02)
    deeper02 |= {"features": features, "labels": labels}
    deeper02 |= {"TensorDataset": TensorDataset, "DataLoader": DataLoader}
    net, optimizer, loader = deeper02["new_run"]()
    start = optimizer.state_dict()
    for forgets in (False, True):
        net, optimizer, loader = deeper02["new_run"]()
        deeper02["train"](net, nn.MSELoss(), optimizer, loader, 1)
        if forgets:
            optimizer.load_state_dict(start)
        deeper02["train"](net, nn.MSELoss(), optimizer, loader, 1)
        end = torch.cat([net.weight.data.flatten(), net.bias.data])
        if not forgets:
            without_break = end
    truth = torch.tensor([*TRUE_W, TRUE_B])
    assert (end / truth < without_break / truth - 0.05).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_deeper02_standardised_features_and_a_shrinking_rate(lesson02, deeper02, seed):
    features, labels = data(seed, lesson02)
    raw = features * torch.tensor([1.0, 3.0]) + torch.tensor([0.0, 20.0])
    standardised = (raw - raw.mean(dim=0)) / raw.std(dim=0)
    ends = []
    for X, lr in ((raw, 0.002), (raw, 0.003), (standardised, 0.5)):
        net = nn.Linear(2, 1)
        optimizer = torch.optim.SGD(net.parameters(), lr=lr)
        ends.append(deeper02["train"](net, nn.MSELoss(), optimizer, [(X, labels)], 100)[-1])
    assert 10 < ends[0] < 30 and ends[1] > 1e10 and ends[2] < 0.0002
    noisy = labels + torch.normal(0, 1, labels.shape)
    deeper02["features"] = features
    constant, shrinking = (
        torch.tensor(deeper02["path_of_bias"](noisy, gamma)[1000:]).std() for gamma in (1, 0.998)
    )
    assert shrinking < constant / 3


@pytest.mark.parametrize("seed", SEEDS)
def test_deeper02_lbfgs_needs_few_gradients_but_all_examples(lesson02, deeper02, seed):
    features, labels = data(seed, lesson02)
    losses = deeper02["fit_lbfgs"](nn.Linear(2, 1), features * torch.tensor([1, 10]), labels)
    assert 3 < sum(loss > 0.001 for loss in losses) < 15
    noisy = labels + torch.normal(0, 1, labels.shape)
    nets, ends = (nn.Linear(2, 1), nn.Linear(2, 1)), ([], [])
    optimizer = torch.optim.SGD(nets[1].parameters(), lr=0.03)
    for X, y in zip(features.split(10), noisy.split(10), strict=True):
        deeper02["fit_lbfgs"](nets[0], X, y)
        deeper02["train"](nets[1], nn.MSELoss(), optimizer, [(X, y)], 1)
        for net, end in zip(nets, ends, strict=True):
            end.append(net.bias.item() - TRUE_B)
    errors = [torch.tensor(end[-20:]).square().mean().sqrt() for end in ends]
    assert errors[0] > 2 * errors[1]


STUDY_HOURS, SCORES = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([2.0, 4.0, 6.0])


def walk(lesson, picks, lr, scores=SCORES):
    """Return the weights of lesson 03's walk from 1 on these examples, after each step."""
    return lesson["walk"](STUDY_HOURS, scores, picks, lr)[1:]


@pytest.mark.parametrize("seed", range(100))
def test_lesson03_settles(lesson03, seed):
    torch.manual_seed(seed)
    picks = torch.randint(3, (100,))
    ws = walk(lesson03, picks, lr=0.01)
    assert abs(ws[-1] - 2) < 0.05 and abs(4 * ws[-1] - 8) < 0.2
    factors = 1 - 0.02 * STUDY_HOURS[picks].double() ** 2
    assert abs(ws[-1] - 2 + factors.prod()) < 1e-6
    assert abs(walk(lesson03, picks.sort().values, lr=0.01)[-1] - ws[-1]) < 1e-6


def test_lesson03_full_batch_keeps_up_at_three_times_the_rate_and_has_a_border(lesson03):
    left = []
    for lr in (0.01, 0.03, 0.21, 0.22):
        w = torch.tensor(1.0, requires_grad=True)
        lesson03["take_step"](w, lesson03["squared_loss"](w, STUDY_HOURS, SCORES).mean(), lr)
        left.append(2 - w.item())
    each = 2 - walk(lesson03, [0, 1, 2], 0.01)[-1]
    assert left[0] > 0.9 and left[1] == pytest.approx(each, abs=0.03)
    assert -1 < left[2] < -0.9 and left[3] < -1


def test_lesson03_border_is_one_ninth(lesson03):
    ends = [abs(walk(lesson03, 50 * [2], lr)[-1] - 2) for lr in (0.111, 0.1112)]
    assert ends[0] < 1 < ends[1]
    torch.manual_seed(1)
    picks = torch.randint(3, (100,))  # the lesson's, which the reader lets break by the slider
    ends = [abs(walk(lesson03, picks, lr)[-1] - 2) for lr in (0.19, 0.21)]
    assert ends[0] < 1 < ends[1]


@pytest.mark.parametrize("seed", SEEDS)
def test_lesson03_wanders_where_the_points_lie_on_no_line(lesson03, seed):
    torch.manual_seed(seed)
    picks, scores = torch.randint(3, (300,)), torch.tensor([2.0, 4, 7])
    ws = walk(lesson03, picks, 0.01, scores)[100:]
    assert 2.05 < ws.min() < 2.17 and 2.26 < ws.max() < 2.34
    assert abs(ws.mean() - 31 / 14) < 0.03
    assert abs(walk(lesson03, picks.sort().values, 0.01, scores)[-1] - 7 / 3) < 1e-4


@pytest.mark.parametrize("seed", SEEDS)
def test_lesson03_random_picks_arrive_beyond_one_ninth(lesson03, seed):
    torch.manual_seed(seed)
    picks = torch.randint(3, (100,))
    assert all(abs(walk(lesson03, picks, lr)[-1] - 2) < 1e-5 for lr in (0.12, 0.15))
    assert abs(walk(lesson03, picks, 0.25)[-1] - 2) > 2


@pytest.mark.parametrize("seed", SEEDS)
def test_lesson03_single_examples_leave_the_hill(lesson03, seed):
    torch.manual_seed(seed)
    singles = lesson03["hill_x"][torch.randint(2, (8, 200))]
    ends = torch.tensor([lesson03["hill_walk"](0.0, examples)[-1] for examples in singles])
    assert ends.min() < -0.4 and ends.max() > 0.4 and (ends.abs() > 0.4).sum() >= 7
    w = torch.tensor(0.0, requires_grad=True)
    lesson03["hill_loss"](w, lesson03["hill_x"]).mean().backward()
    assert w.grad == 0


@pytest.fixture(scope="module")
def deeper03():
    return functions("deeper-03")


@pytest.mark.parametrize("seed", SEEDS)
def test_deeper03_half_the_wobble_at_a_quarter_of_the_rate(deeper03, seed):
    torch.manual_seed(seed)
    scores, ends = torch.tensor([2.0, 4.0, 7.0]), []
    for lr in (0.02, 0.005):
        path = deeper03["walks"](
            deeper03["gradient"], torch.ones(500), STUDY_HOURS, scores, lr, 500
        )
        ends.append(((path[-100:] - 31 / 14) ** 2).mean().sqrt())
    assert ends[1] / ends[0] == pytest.approx(0.5, abs=0.07)


@pytest.mark.parametrize("seed", SEEDS)
def test_deeper03_race(deeper03, seed):
    random.seed(seed)
    deeper03.update(x=STUDY_HOURS, y=SCORES, random=random)
    single, full = deeper03["read_by_singles"], deeper03["read_by_full_batch"]
    assert full(0.01) / single(0.01) == pytest.approx(3, abs=0.2)
    assert full(0.108) == 3 and min(single(0.056), single(0.124)) == pytest.approx(3, abs=0.4)


@pytest.mark.parametrize("seed", SEEDS)
def test_deeper03_out_of_the_valley(deeper03, seed):
    torch.manual_seed(seed)
    walks, slope = deeper03["walks"], deeper03["hill_gradient"]
    valleys = torch.tensor([-2.0, -1.0]), torch.tensor([-0.5, 1.0])
    paths = [walks(slope, torch.zeros(1000), *valleys, lr, 2000) for lr in (0.02, 0.085, 0.15)]
    early, late = ([(path[step] > 1).sum() for path in paths] for step in (200, 2000))
    assert early[0] == late[0] == 0 and 25 < early[1] < 80 and early[2] > 980
    assert 350 < late[1] < 480 and late[2] == 1000
    before, after = paths[1][:-1], paths[1][1:]
    assert before[(before < 0.5) & (after > 0.5)].max() < -0.58
    few = [walks(slope, torch.zeros(20), *valleys, lr, 300)[-1] > 1 for lr in (0.085, 0.09, 0.1)]
    out = [each.sum() for each in few]
    assert out[0] <= 5 and 4 <= out[1] <= 16 and out[2] >= 17


@pytest.mark.parametrize("seed", SEEDS)
def test_deeper03_a_guarantee_is_no_breaking_point(deeper03, seed):
    torch.manual_seed(seed)
    share = []
    for lr in (0.15, 0.2, 0.21, 0.22):
        path = deeper03["walks"](
            deeper03["gradient"], torch.ones(1000), STUDY_HOURS, SCORES, lr, 500
        )
        share.append(((path[-1] - 2).abs() > 1).float().mean())
    assert share[0] == 0 and share[1] < 0.3 and 0.7 < share[2] < share[3]


@pytest.mark.parametrize("seed", [1])
def test_lesson04_fits_the_cubic(lesson04, seed):
    X, y = lesson04["noisy_cubic"](100, seed)
    net, grid = lesson04["new_net"](), torch.linspace(-1, 1, 201).reshape(-1, 1)
    error = lesson04["train"](net, X, y, 2020)[-1]
    true_curve, held_out = (X**3 - y).square().mean(), lesson04["noisy_cubic"](1000, 50 + seed)
    assert 0.007 < error < 0.013 and error < true_curve
    assert (net(grid) - grid**3).square().mean() < 0.005
    assert (net(held_out[0]) - held_out[1]).square().mean() < 0.015
    assert net(torch.tensor([[2.0], [10.0], [100.0]])).abs().max() < 4


def best_error(columns, y):
    """Return the lowest mean squared error of a sum of these columns, each times a number."""
    return (columns @ torch.linalg.lstsq(columns, y).solution - y).square().mean()


@pytest.mark.parametrize("seed", SEEDS)
def test_lesson04_how_ramps_add_up(lesson04, seed):
    lesson04["X"], lesson04["y"] = X, y = lesson04["noisy_cubic"](100, seed)
    line = best_error(torch.cat([X, torch.ones(100, 1)], dim=1), y)
    assert lesson04["train"](nn.Linear(1, 1), X, y, 200)[-1] < 1.01 * line
    for kink in torch.linspace(-0.98, 0.98, 50):
        ramps = torch.relu(X - kink), torch.relu(kink - X)
        assert all(lesson04["best_error"](unit) > 0.999 * line for unit in ramps)
    left, right = lesson04["two_ramps"](X)
    two, eight = (left + right - y).square().mean(), lesson04["eight_ramps"](X)
    assert best_error(eight, y) < (X**3 - y).square().mean() < two < 0.7 * line


@pytest.mark.parametrize("seed", SEEDS)
def test_lesson04_tilts_first_and_momentum_is_quicker(lesson04, seed):
    X, y = lesson04["noisy_cubic"](100, seed=1)
    plain, fast = (lesson04["new_net"](seed) for _ in range(2))
    torch.manual_seed(seed)
    history = lesson04["train"](plain, X, y, 20)
    curve = plain(X).detach()
    assert best_error(torch.cat([X, torch.ones(100, 1)], dim=1), curve) < 0.15 * curve.var()
    if seed == 8:  # whose net stays at the line for long, as deeper-04 shows
        return
    history += lesson04["train"](plain, X, y, 280)
    assert min(lesson04["train"](fast, X, y, 120, momentum=0.9)) < min(history)


@pytest.mark.parametrize("seed", SEEDS)
def test_lesson04_breakages(lesson04, seed):
    X, y = lesson04["noisy_cubic"](100, seed)
    train, line = lesson04["train"], best_error(torch.cat([X, torch.ones(100, 1)], dim=1), y)
    torch.manual_seed(seed)
    stack = nn.Sequential(nn.Linear(1, 8), nn.Linear(8, 8), nn.Linear(8, 1))
    assert line <= train(stack, X, y, 300)[-1] < 1.1 * line
    same = lesson04["new_net"]()
    for param in same.parameters():
        nn.init.constant_(param, 0.1)
    assert 0.95 * line < train(same, X, y, 300)[-1] and same[0].weight.std() < 1e-5
    flat, grid = lesson04["new_net"](seed), torch.linspace(-1, 1, 201).reshape(-1, 1)
    start = (flat(X) - y).square().mean()
    with pytest.warns(UserWarning, match="different to the input size"):
        train(flat, X, y.flatten(), 300)
    assert 2 * line < (flat(X) - y).square().mean() < start
    assert 0.05 < flat(grid).max() - flat(grid).min() < 0.3
    assert (flat(grid).mean() - y.mean()).abs() < 0.05
    plain, large, huge = (train(lesson04["new_net"](seed), X, y, 10, lr) for lr in (0.03, 0.3, 3))
    assert min(large) < min(plain)
    assert not torch.tensor(huge[1]).isfinite() and huge[0] > 1e9
    jumps = []
    for lr, momentum in ((0.3, 0), (0.03, 0.9)):
        history = torch.tensor(train(lesson04["new_net"](seed), X, y, 60, lr, momentum))
        jumps.append(history[20:].log().diff().abs().mean())
    assert jumps[0] > jumps[1]


@pytest.fixture(scope="module")
def deeper04():
    return functions("deeper-04")


def test_deeper04_ten_points_are_overfitted_and_stopping_pays_in_some_draws(deeper04):
    deeper04["X_test"], deeper04["y_test"] = deeper04["noisy_cubic"](1000, seed=2)
    ends, payoff = {}, {}
    for draw in (4, 10):
        few = deeper04["ten_points"](draw)
        small, large = (deeper04["held_out_history"](units, *few) for units in (8, 64))
        ends[draw] = small[-1], large[-1]
        payoff[draw] = min(large) / large[-1]
    assert ends[4][0] < ends[4][1] and ends[10][0] > ends[10][1]  # neither net is always the worse
    assert payoff[4] < 0.6 and payoff[10] > 0.95
    many = deeper04["noisy_cubic"](100, seed=1)
    assert deeper04["held_out_history"](64, *many)[-1] < 0.0115 < min(min(ends.values()))


def test_deeper04_seeds_without_a_kink_among_the_points_are_on_or_near_the_line(deeper04):
    X, y = deeper04["noisy_cubic"](100, seed=1)
    for seed in (8, 21, 27, 12, 18):  # the last three have kinks on one side only
        net = deeper04["new_net"](seed)
        error = deeper04["train"](net, X, y, num_steps=300)[-1]
        assert (error > 0.028) == (deeper04["kinks"](net).abs() > 0.98).all()
        assert (error > 0.02) == (seed in (8, 21, 27))


def test_deeper04_two_tanh_units_end_the_wait_of_seed_8(deeper04):
    X, y = deeper04["noisy_cubic"](100, seed=1)
    deeper04["grid"] = torch.linspace(-1, 1, 201).reshape(-1, 1)
    net, sizes = deeper04["new_net"](8), []

    def gradient(net):  # before a step, that of the step before
        sizes.append(0 if net[0].weight.grad is None else net[2].weight.grad.norm().item())
        return deeper04["loss_fn"](net(X), y).item()

    history = deeper04["train"](net, X, y, num_steps=1500, measure=gradient)
    assert history[1000] > 0.03 and history[-1] < 0.012
    assert max(sizes[1100:1300]) > 10 * max(sizes[400:800])
    assert (deeper04["kinks"](net).abs() > 1).all()  # no kink among the points: Tanh bends
    contributions = deeper04["parts"](net)
    assert ((contributions.amax(dim=0) - contributions.amin(dim=0)) > 0.5).sum() == 2


@pytest.mark.parametrize("seed", SEEDS)
def test_deeper04_kinks_that_level_an_end_are_moved_out(deeper04, seed):
    X, y = deeper04["noisy_cubic"](100, seed=1)
    net = deeper04["new_net"](seed)
    before, w = deeper04["kinks"](net), net[0].weight.detach().flatten().clone()
    deeper04["train"](net, X, y, num_steps=100)
    near_an_end = (before.abs() > 0.7) & (before.abs() < 1) & (w * before < 0)
    assert (deeper04["kinks"](net).abs() > before.abs())[near_an_end].all()


@pytest.mark.parametrize("seed", SEEDS)
def test_deeper04_spoiled_biases(deeper04, seed):
    deeper04["X"], deeper04["y"] = deeper04["noisy_cubic"](100, seed=1)
    before_tanh, before_relu = (deeper04["new_net"](seed) for _ in range(2))
    as_usual = deeper04["gradient_sizes"](before_tanh)
    with torch.no_grad():
        before_tanh[2].bias += 3
        before_relu[0].bias -= 2
    tiny, none = deeper04["gradient_sizes"](before_tanh), deeper04["gradient_sizes"](before_relu)
    assert (tiny[:2] > 0).all() and (tiny[:2] < 0.2 * as_usual[:2]).all() and tiny[2] > 0.1
    assert none[:2].tolist() == [0, 0] and none[2] > 0.01
    deeper04["train"](before_relu, deeper04["X"], deeper04["y"], num_steps=100)
    assert len(before_relu(deeper04["X"]).unique()) == 1  # one number for all x


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


@pytest.mark.parametrize("seed", SEEDS)
def test_lesson05_one_layer(lesson05, pictures, seed):
    train, (X_val, y_val), test = pictures
    measure = lesson05["loss_and_accuracy"]
    net = trained(lesson05, one_layer(seed), train, 1)
    assert 0.72 < measure(net, X_val, y_val)[1] < 0.82
    net = trained(lesson05, net, train, 9)
    validation, tested = measure(net, X_val, y_val)[1], measure(net, *test)[1]
    assert 0.82 < tested < validation < 0.845
    confidence, predictions = net(X_val).softmax(dim=1).max(dim=1)
    right = predictions == y_val
    assert confidence[right].mean() > confidence[~right].mean() + 0.2
    shifted = nn.functional.pad(X_val[:1000], (2, -2))
    assert 0.5 < measure(net, shifted, y_val[:1000])[1] < 0.62
    recall = [right[y_val == k].float().mean() for k in range(10)]
    assert recall[6] in sorted(recall)[:2] and 0.3 < recall[6] < 0.7
    weight_images = net[1].weight.detach().reshape(10, 28, 28)
    ahead = (weight_images.sum(dim=(1, 2)) / 2 + net[1].bias).sort(descending=True)
    assert ahead.indices[0] == 8 and ahead.values[0] > ahead.values[1] + 3
    assert (net(torch.rand(1000, 28, 28)).argmax(dim=1) == 8).all()
    boots, found = X_val[y_val == 9], []
    for first, end in ((0, 8), (8, 16), (14, 28)):
        hidden = boots.clone()
        hidden[:, first:end] = 0
        found.append(net(hidden).argmax(dim=1).bincount(minlength=10) / len(boots))
    assert found[0][9] > 0.85 and found[1][9] < 0.02 and found[2][9] > 0.85
    assert found[1][5] > 0.9  # nearly all are called sandals
    front = weight_images[:, 8:16, 13:19]  # of the shaft
    assert (front[9] > 0).float().mean() > 0.8 and (front[5] < 0).float().mean() > 0.7


@pytest.mark.parametrize("seed", SEEDS)
def test_lesson05_breakages(lesson05, pictures, seed):
    (X_train, y_train), validation, _ = pictures
    measure = lesson05["loss_and_accuracy"]
    twice = trained(
        lesson05, one_layer(seed), (X_train, y_train), 3,
        loss=lambda o, y: nn.functional.cross_entropy(o.softmax(dim=1), y),
    )  # fmt: skip
    assert 0.6 < measure(twice, *validation)[1] < 0.77
    shuffled = y_train[torch.randperm(50_000)]
    net = trained(lesson05, one_layer(seed), (X_train, shuffled), 3)
    mean_loss, accuracy = measure(net, *validation)
    assert 2.29 < mean_loss < 2.6 and 0.02 < accuracy < 0.2
    X_val, y_val = validation
    said = [net(X_val[y_val == k]).argmax(dim=1).bincount() for k in range(10)]
    largest = [counts.max() / counts.sum() for counts in said]
    assert sum(largest) / 10 > 0.4  # pictures of one kind get the same name


def test_lesson05_hidden_layer(lesson05, pictures, capsys):
    (X_train, y_train), (X_val, y_val), test = pictures
    lesson05.update(loss=nn.functional.cross_entropy, X_train=X_train, y_train=y_train)
    lesson05.update(X_val=X_val, y_val=y_val, X_seen=X_train[:5_000] / 255, y_seen=y_train[:5_000])
    linear = one_layer(1)
    mlp = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    for net in (linear, mlp):
        lesson05["train_longer"](net)
    capsys.readouterr()  # what it prints is compared in the notebook
    measure = lesson05["loss_and_accuracy"]
    (one, many), (one_tested, many_tested) = (
        [measure(net, X, y)[1] for net in (linear, mlp)] for X, y in ((X_val, y_val), test)
    )
    assert 0.02 < many - one < 0.04 and measure(linear, *test)[1] > 0.83
    assert 0.83 < one_tested < one and 0.87 <= many_tested < many


@pytest.fixture(scope="module")
def deeper05():
    return functions("deeper-05")


@pytest.mark.parametrize("seed", SEEDS)
def test_deeper05_a_short_training_is_modest_but_not_of_noise(deeper05, pictures, seed):
    (X_bytes, y_train), (X_val, y_val), _ = pictures
    X_train = X_bytes / 255
    deeper05.update(loss=nn.functional.cross_entropy, y_val=y_val)
    net, gaps = one_layer(seed), []
    for num_epochs in (1, 4, 7):
        deeper05["train"](net, X_train, y_train, num_epochs)
        said, share_right = deeper05["ten_groups"](net(X_val))
        gaps.append(share_right.mean() - said.mean())
        if len(gaps) == 2:
            noise = net(torch.rand(1000, 28, 28))
    assert gaps[0] > gaps[2] + 0.01 and gaps[2] > 0
    assert noise.softmax(dim=1).max(dim=1).values.mean() > 0.8
    assert (noise.argmax(dim=1) == 8).float().mean() > 0.99
    bytes_net = one_layer(seed)
    deeper05["train"](bytes_net, 255 * X_train, y_train, 3)
    o = bytes_net(255 * X_val)
    assert nn.functional.cross_entropy(o, y_val) > 1000
    assert 0.4 < (o.argmax(dim=1) == y_val).float().mean() < 0.82


@pytest.mark.parametrize("seed", SEEDS)
def test_deeper05_a_slip_moves_the_mean_alone(deeper05, seed):
    torch.manual_seed(seed)
    deeper05["candidates"] = torch.linspace(0, 60, 1201)
    y = 5 + torch.randn(11).clamp(-2, 2)
    slip = y.clone()
    slip[y.argmax()] = 52.0
    moves = {name: deeper05["best"](deeper05[name], slip) - deeper05["best"](deeper05[name], y)
             for name in ("squared", "absolute", "huber")}  # fmt: skip
    assert moves["squared"] > 3 and moves["absolute"].abs() < 0.06 and moves["huber"].abs() < 0.5
