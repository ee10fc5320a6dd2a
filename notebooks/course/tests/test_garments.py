"""The drawn stand-in for Fashion-MNIST: its format, that it repeats, and that it can be learned."""

import hashlib

import numpy as np
import pytest

from course import garments
from course.garments import NAMES, draw, draw_dataset, draw_split

FILES = {
    f"{split}-{kind}"
    for split in ("train", "t10k")
    for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")
}


def generator(seed: int = 0) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(seed))


@pytest.fixture(scope="module")
def train() -> tuple[np.ndarray, np.ndarray]:
    return draw_split(200, garments.TRAIN_SEED)


@pytest.fixture(scope="module")
def test() -> tuple[np.ndarray, np.ndarray]:
    return draw_split(200, garments.TEST_SEED)


def test_names_are_those_of_d2l_in_fashion_mnists_order():
    assert NAMES == (
        "t-shirt",
        "trouser",
        "pullover",
        "dress",
        "coat",
        "sandal",
        "shirt",
        "sneaker",
        "bag",
        "ankle boot",
    )
    assert len(garments.GARMENTS) == len(NAMES)
    for name, function in zip(NAMES, garments.GARMENTS, strict=True):
        assert function.__name__ == name.replace("-", "_").replace(" ", "_")


@pytest.mark.parametrize("kind", [np.uint8, np.int32, np.int64])
def test_an_image_for_each_label(kind):
    images = draw(np.array([9, 0, 0, 4], dtype=kind), generator())
    assert images.shape == (4, 28, 28)
    assert images.dtype == np.uint8


def test_no_labels_no_images():
    assert draw(np.array([], dtype=np.int64), generator()).shape == (0, 28, 28)


def test_each_image_is_drawn_of_its_own_label():
    """Grouping by class must put every image back in its place."""
    mixed = draw(np.tile(np.arange(10), 30), generator())
    by_class = draw(np.repeat(np.arange(10), 30), generator()).reshape(10, 30, 28, 28)
    for label in range(10):
        assert np.array_equal(mixed[label::10], by_class[label])


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ([0, 10], "between 0 and 9; these go from 0 to 10"),
        ([-1, 3], "between 0 and 9; these go from -1 to 3"),
        ([0.0, 1.0], "whole numbers in one dimension, not float64"),
        ([[0, 1]], r"whole numbers in one dimension, not int64 of shape \(1, 2\)"),
        (3, "whole numbers in one dimension"),
        ([True, False], "whole numbers in one dimension, not bool"),
    ],
)
def test_wrong_labels_are_refused_in_a_sentence(labels, sentence):
    labels = np.asarray(labels)
    labels = labels.astype(np.int64) if labels.dtype.kind == "i" else labels
    with pytest.raises(ValueError, match=sentence):
        draw(labels, generator())


def test_bright_garment_on_black_and_inside_the_frame(train):
    images, _ = train
    assert (images.max((1, 2)) > 60).all(), "an image is empty or nearly so"
    inked = (images > 20).mean((1, 2))
    assert (inked > 0.03).all() and (inked < 0.85).all()
    assert np.median(images[:, :2, :2]) == 0, "the corners are background, exactly 0"
    assert (images == 0).mean() > 0.4
    border = np.ones((28, 28), dtype=bool)
    border[1:-1, 1:-1] = False
    total = images.sum((1, 2), dtype=np.int64)
    on_border = images[:, border].sum(1, dtype=np.int64) / total
    assert on_border.max() < 0.25 and on_border.mean() < 0.03


@pytest.mark.parametrize("label", range(10), ids=NAMES)
def test_arithmetic_stays_in_float32(label):
    """A stray float64 would make the bytes depend on NumPy's promotion rules."""
    dice = garments.Dice(generator(), 3)
    u, v = garments.placed(dice)
    distance, tone = garments.GARMENTS[label](dice, u, v)
    for array in (u, v, distance, tone):
        assert array.dtype == np.float32 and array.shape == (3, 28, 28)
        assert np.isfinite(array).all()
    assert tone.min() >= 0


def test_same_seed_same_bytes_on_every_machine():
    """Only operations that IEEE 754 fixes are used. A change of the drawing changes this sum."""
    images = draw(np.arange(200) % 10, generator(7))
    assert hashlib.sha256(images.tobytes()).hexdigest() == (
        "024c402a7799903af8e3be4ebb84c06d2aebc6b7be8c2571755d7af634edd4e2"
    )


def test_same_seed_same_images_other_seed_others(train):
    images, labels = train
    again, same_labels = draw_split(200, garments.TRAIN_SEED)
    assert np.array_equal(images, again) and np.array_equal(labels, same_labels)
    one, other = draw(labels[:50], generator(1)), draw(labels[:50], generator(2))
    assert (one != other).any((1, 2)).all()


def test_no_image_twice(train, test):
    both = np.concatenate([train[0], test[0]])
    assert len({image.tobytes() for image in both}) == len(both)


def test_labels_are_balanced_and_shuffled(train, test):
    for images, labels in (train, test):
        assert labels.dtype == np.uint8 and len(images) == len(labels) == 2_000
        assert (np.bincount(labels, minlength=10) == 200).all()
        assert len(np.unique(labels[:100])) == 10
        assert (labels[1:] == labels[:-1]).mean() < 0.15
    assert not np.array_equal(train[1], test[1])


def test_nearest_mean_tells_the_classes_apart_but_not_all_of_them(train, test):
    (X, y), (X_test, y_test) = ((x.reshape(-1, 784) / 255, y) for x, y in (train, test))
    means = np.stack([X[y == label].mean(0) for label in range(10)])  # (10, 784)
    distances = (means**2).sum(1) - 2 * X_test @ means.T  # (2000, 10), less a term of each row
    right = distances.argmin(1) == y_test
    assert 0.55 < right.mean() < 0.85
    by_class = np.array([right[y_test == label].mean() for label in range(10)])
    alike = [NAMES.index(name) for name in ("t-shirt", "pullover", "coat", "shirt")]
    others = [label for label in range(10) if label not in alike]
    assert by_class[alike].mean() < by_class[others].mean() - 0.1
    assert by_class.min() > 0.1


def test_softmax_regression_lands_where_the_lesson_says():
    """A quick stand-in for lesson 05's ten epochs on 60,000: 40 epochs on 5,000."""
    torch = pytest.importorskip("torch")
    (X, y), (X_test, y_test) = (
        (torch.from_numpy(x.reshape(-1, 784)).float() / 255, torch.from_numpy(y).long())
        for x, y in (draw_split(500, 1), draw_split(200, 2))
    )
    order = torch.Generator().manual_seed(0)
    net = torch.nn.Linear(784, 10)
    for param in net.parameters():
        torch.nn.init.zeros_(param)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(40):
        for rows in torch.randperm(len(y), generator=order).split(256):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(net(X[rows]), y[rows]).backward()
            optimizer.step()
    with torch.no_grad():
        accuracy = (net(X_test).argmax(1) == y_test).float().mean().item()
    assert 0.78 < accuracy < 0.90


def test_four_idx_files_to_the_byte(tmp_path):
    assert draw_dataset(tmp_path, per_class=(3, 2)) is None
    assert {path.name for path in tmp_path.iterdir()} == FILES
    for name, n, seed in (("train", 30, garments.TRAIN_SEED), ("t10k", 20, garments.TEST_SEED)):
        images, labels = draw_split(n // 10, seed)
        data = (tmp_path / f"{name}-images-idx3-ubyte").read_bytes()
        assert data[:4] == bytes([0, 0, 8, 3])
        assert np.frombuffer(data[4:16], ">i4").tolist() == [n, 28, 28]
        assert data[16:] == images.tobytes()
        data = (tmp_path / f"{name}-labels-idx1-ubyte").read_bytes()
        assert data[:4] == bytes([0, 0, 8, 1])
        assert np.frombuffer(data[4:8], ">i4").tolist() == [n]
        assert data[8:] == labels.tobytes()


def test_the_whole_set_is_60_000_and_10_000(tmp_path, monkeypatch):
    """The sizes that `draw_dataset` asks for when told nothing, without drawing them."""
    asked = []

    def small(per_class: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        asked.append((per_class, seed))
        return np.zeros((1, 28, 28), np.uint8), np.zeros(1, np.uint8)

    monkeypatch.setattr(garments, "draw_split", small)
    draw_dataset(tmp_path)
    assert asked == [(6_000, garments.TRAIN_SEED), (1_000, garments.TEST_SEED)]


def test_the_folder_must_exist(tmp_path):
    with pytest.raises(FileNotFoundError):
        draw_dataset(tmp_path / "nowhere", per_class=(1, 1))


def test_torchvision_reads_the_files(tmp_path):
    datasets = pytest.importorskip("torchvision").datasets
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    draw_dataset(raw, per_class=(5, 2))
    for is_train, n, seed in ((True, 5, garments.TRAIN_SEED), (False, 2, garments.TEST_SEED)):
        images, labels = draw_split(n, seed)
        read = datasets.FashionMNIST(tmp_path, train=is_train, download=False)
        assert np.array_equal(read.data.numpy(), images)
        assert np.array_equal(read.targets.numpy(), labels)
        image, label = read[0]
        assert image.size == (28, 28) and label == labels[0]
