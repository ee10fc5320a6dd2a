"""A learner's picture becomes an input like Fashion-MNIST's, or a clear sentence."""

import io

import pytest
import torch
from PIL import Image, ImageDraw

from course.pictures import read_picture


def file(mode="RGB", size=(200, 200), background="white", garment="navy", form="PNG", **options):
    picture = Image.new(mode, size, background)
    width, height = size
    box = (width * 3 // 8, height * 3 // 8, width * 5 // 8, height * 7 // 8)
    ImageDraw.Draw(picture).rectangle(box, fill=garment)
    content = io.BytesIO()
    picture.save(content, form, **options)
    return content.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        file(),
        file(background="black", garment="white"),
        file("L", background=255, garment=20),
        file("RGBA", background=(0, 0, 0, 0), garment=(0, 0, 90, 255)),
        file(form="JPEG"),
        memoryview(file()),
        file(size=(20, 20)),
    ],
)
def test_a_picture_becomes_grey_and_light_on_dark(content):
    x = read_picture(content)
    assert x.shape == (28, 28) and x.dtype == torch.float32
    assert x.min() >= 0 and x.max() <= 1
    assert x[:2].max() < 0.1 and x[14, 14] > 0.7 and x[20, 14] > 0.7 and x[5, 14] < 0.1


def test_a_wide_picture_is_cut_to_its_middle_and_a_lying_one_is_turned():
    x = read_picture(file(size=(600, 200)))
    assert x[14].min() > 0.7 or (x[14, 8:20] > 0.7).all()
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    x = read_picture(file(form="JPEG", exif=exif))
    assert x[5, 14] > 0.7 and x[23, 14] < 0.1


@pytest.mark.parametrize("content", [b"", b"no picture", file()[:60]])
def test_what_is_no_picture_is_refused_in_one_sentence(content):
    with pytest.raises(
        ValueError, match="no picture that can be read here; save it as JPEG or PNG"
    ):
        read_picture(content)
