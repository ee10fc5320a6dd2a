"""The drawn stand-in for Fashion-MNIST: its format, that it repeats, and that it can be learned."""

import numpy as np
import pytest
import torch
from torchvision.datasets import FashionMNIST

from course import garments
from course.garments import NAMES, draw, draw_dataset, draw_split


@pytest.fixture(scope="module")
def train():
    return draw_split(400, seed=1)


def test_filled_parts_are_convex_and_clockwise():
    for part in (part for parts in garments.GARMENTS.values() for part in parts if not part.width):
        for piece in part.points.split(";"):
            corners = [complex(*map(float, corner.split(","))) for corner in piece.split()]
            sides = np.roll(corners, -1) - corners
            turns = np.angle(np.roll(sides, -1) / sides)  # > 0: clockwise, as v points down
            assert (turns > 0).all() and turns.sum() == pytest.approx(2 * np.pi), piece


def test_each_image_is_drawn_of_its_own_label(train):
    means = np.stack([train[0][train[1] == label].mean(0) for label in range(10)])
    labels = np.array([9, 1, 5, 1, 8, 7] * 5)
    drawn = draw(labels, np.random.default_rng(0))
    assert drawn.shape == (30, 28, 28) and drawn.dtype == np.uint8
    assert (((drawn[:, None] - means) ** 2).sum((2, 3)).argmin(1) == labels).mean() > 0.8
    assert draw(np.array([], dtype=np.int64), np.random.default_rng(0)).shape == (0, 28, 28)


@pytest.mark.parametrize(
    ("labels", "fault"),
    [
        ([0, 10], "lie between 0 and 9; these go from 0 to 10."),
        ([-1, 3], "lie between 0 and 9; these go from -1 to 3."),
        ([0.5], "be integers in one dimension, not float64 of shape (1,)."),
        (np.uint8([[1]]), "be integers in one dimension, not uint8 of shape (1, 1)."),
    ],
)
def test_wrong_labels_are_refused_in_a_sentence(labels, fault):
    with pytest.raises(ValueError) as error:
        draw(labels, np.random.default_rng(0))
    assert str(error.value) == f"labels must {fault}"


def test_light_garments_on_black_inside_the_frame(train):
    images, _ = train
    assert (images.max((1, 2)) > 50).all(), "an image is blank"
    share = (images > 20).mean((1, 2))
    assert 0.03 < share.min() and share.max() < 0.85
    border = np.pad(np.zeros((24, 24), bool), 2, constant_values=True)
    assert images[:, border].mean() < 0.35 * images.mean()


def test_labels_are_balanced_and_shuffled_and_the_seed_decides(train):
    images, labels = train
    assert labels.dtype == np.uint8 and np.bincount(labels).tolist() == [400] * 10
    assert 0.05 < (labels[1:] == labels[:-1]).mean() < 0.15
    assert all(map(np.array_equal, train, draw_split(400, seed=1)))
    others, _ = draw_split(400, seed=2)
    assert len({image.tobytes() for image in (*images, *others)}) == 8_000, "an image repeats"


def test_softmax_regression_tells_most_classes_apart_but_not_the_tops(train):
    """Lesson 05 on fewer images; on all 60,000 the accuracy is 0.86 to 0.87."""
    W = torch.zeros(784, 10, requires_grad=True)
    X, y = torch.tensor(train[0].reshape(-1, 784) / 255).float(), torch.tensor(train[1]).long()
    for lr in [0.1] * 30 + [0.02] * 10:
        for rows in torch.arange(len(y)).split(256):
            torch.nn.functional.cross_entropy(X[rows] @ W, y[rows]).backward()
            W.data -= lr * W.grad
            W.grad = None
    images, labels = draw_split(200, seed=2)
    y_hat = (images.reshape(-1, 784) / 255 @ W.detach().numpy()).argmax(1)
    recall = np.array([(y_hat[labels == label] == label).mean() for label in range(10)])
    tops = [NAMES.index(name) for name in ("t-shirt", "pullover", "coat", "shirt")]
    assert recall[tops].min() > 0.15 and 0.4 < recall[tops].mean() < 0.75, recall
    assert np.delete(recall, tops).min() > 0.9, recall


def test_torchvision_reads_the_four_files(tmp_path, monkeypatch):
    raw = tmp_path / "FashionMNIST" / "raw"
    with pytest.raises(FileNotFoundError):
        draw_dataset(raw, per_class=(1, 1))
    raw.mkdir(parents=True)
    draw_dataset(raw, per_class=(5, 2))
    read = FashionMNIST(tmp_path, train=True)
    assert read.classes == ["T-shirt/top", *map(str.capitalize, NAMES[1:])]
    assert all(map(np.array_equal, (read.data, read.targets), draw_split(5, garments.TRAIN_SEED)))
    # The whole set, without the time that drawing it takes.
    monkeypatch.setattr(garments, "draw", lambda labels, _: np.zeros((len(labels), 28, 28), "B"))
    draw_dataset(raw)
    for is_train, n in ((True, 6_000), (False, 1_000)):
        read = FashionMNIST(tmp_path, train=is_train)
        assert read.data.shape == (10 * n, 28, 28) and read.targets.bincount().tolist() == [n] * 10
