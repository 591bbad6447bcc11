import signal
import threading

import numpy
import onnxruntime
import pytest
from PIL import Image

import irkit


@pytest.fixture(scope="module")
def restorer():
    return irkit.Restorer()


def test_does_what_the_network_does(restorer, picture):
    """ONNX Runtime runs the same file on the same pixels; sides are multiples of what the network pads to."""
    session = onnxruntime.InferenceSession(restorer.path)
    side = picture[:96, :96].astype(numpy.float32) / 255
    (expected,) = session.run(None, {session.get_inputs()[0].name: side.transpose(2, 0, 1)[None]})
    found = restorer.restore(side.transpose(2, 0, 1))
    assert numpy.abs(found - expected[0]).max() < 1e-4
    whole = restorer.restore(picture[:96, :96])
    assert numpy.abs(whole - 255 * expected[0].clip(0, 1).transpose(1, 2, 0)).max() <= 0.5 + 0.03


def test_gives_back_what_it_got(restorer, picture):
    colour = restorer.restore(picture)
    assert colour.dtype == numpy.uint8 and colour.shape == picture.shape
    floats = picture.astype(numpy.float32) / 255
    for array in [
        floats, floats.astype(numpy.float64), floats.astype(numpy.float16), (floats * 65535).astype(numpy.uint16),
        floats.transpose(2, 0, 1), floats.transpose(2, 0, 1)[None], picture[None], numpy.asfortranarray(picture),
        picture[::-1, ::-1], floats[..., :1], floats[..., 0], numpy.dstack([picture, picture[..., 0]]),
    ]:
        result = restorer.restore(array)
        assert type(result) is numpy.ndarray and result.dtype == array.dtype and result.shape == array.shape
    planes = restorer.restore(floats.transpose(2, 0, 1))
    assert numpy.abs(planes.transpose(1, 2, 0) * 255 - colour).max() <= 0.51
    # Views with strides are the picture that they show.
    assert (restorer.restore(picture.transpose(1, 0, 2).copy().transpose(1, 0, 2)) == colour).all()
    # What nobody sees is none of the network's business.
    opaque = restorer.restore(numpy.dstack([picture, numpy.full(picture.shape[:2], 255, numpy.uint8)]))
    assert (opaque[..., :3] == colour).all() and (opaque[..., 3] == 255).all()


def test_pillow(restorer, picture, tmp_path):
    expected = restorer.restore(picture)
    image = Image.fromarray(picture)
    image.info["icc_profile"] = b"profile"
    result = restorer.restore(image)
    assert result.mode == "RGB" and (numpy.asarray(result) == expected).all()
    assert result.info["icc_profile"] == b"profile"
    for mode, other in [("L", "L"), ("LA", "LA"), ("RGBA", "RGBA"), ("P", "RGB"), ("CMYK", "RGB"), ("F", "F"), ("1", "L")]:
        result = restorer.restore(image.convert(mode))
        assert result.mode == other and result.size == image.size
    deep = Image.fromarray(picture[..., 0].astype(numpy.uint16) * 257)
    assert restorer.restore(deep).mode == deep.mode
    source, target = tmp_path / "in.png", tmp_path / "out.png"
    Image.fromarray(picture).save(source)
    assert (numpy.asarray(irkit.restore(source)) == expected).all()
    assert irkit.restore(source, out=target) == target
    assert (numpy.asarray(Image.open(target)) == expected).all()


def test_precision(restorer, picture):
    exact, found = restorer.restore(picture), irkit.restore(picture, precision="bf16")
    differences = numpy.abs(found.astype(int) - exact)
    assert 0 < differences.max() < 10 and differences.mean() < 0.5
    with pytest.raises(ValueError, match="f32, bf16, auto"):
        irkit.restore(picture, precision="half")


def test_turned_pictures_are_turned(restorer, picture, tmp_path):
    image, path = Image.fromarray(picture), tmp_path / "in.png"
    exif = image.getexif()
    exif[0x0112] = 6
    image.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif)
    result = restorer.restore(path)
    assert result.size == image.size
    assert (numpy.asarray(result) == restorer.restore(picture)).all()


class Tensor:
    """An array of a library that speaks DLPack."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


def test_dlpack(restorer, picture):
    assert (restorer.restore(Tensor(picture)) == restorer.restore(picture)).all()


def test_strength_blends(picture):
    whole, half = irkit.Restorer(), irkit.Restorer(strength=0.5)
    floats = picture.astype(numpy.float32) / 255
    assert numpy.abs(half.restore(floats) - (floats + whole.restore(floats)) / 2).max() < 1e-6
    assert (irkit.Restorer(strength=0).restore(picture) == picture).all()


def test_tiles_and_names(picture):
    tiled = irkit.restore(picture, tile=64, threads=1)
    whole = irkit.restore(picture, "restore")
    assert numpy.abs(tiled.astype(int) - whole).mean() < 4 and (tiled != whole).any()
    assert (irkit.restore(picture, irkit.models()["symunet-s"]) == whole).all()


def test_models():
    models = irkit.models()
    assert "symunet-s" in models and models["symunet-s"].task and models["symunet-s"].licence
    assert models["symunet-s"].roles == ("restore",)
    assert irkit.Restorer("restore").path == models["symunet-s"].path
    with pytest.raises(OSError, match="symunet-s"):
        irkit.Restorer("none-such")


def test_steps(restorer, picture):
    assert restorer.steps == []
    watched = irkit.Restorer(profile=True)
    shares = []
    watched.restore(picture, progress=shares.append)
    assert len(watched.steps) > 5 and abs(len(watched.steps) - len(set(shares))) <= 1
    assert all(step.kernel and step.seconds >= 0 for step in watched.steps)
    assert sum(step.multiply_adds for step in watched.steps) > 1e6


def test_warns_of_harm(restorer):
    """A picture of low values, of which a few are infinite."""
    picture = numpy.full((64, 64, 3), 0.5, numpy.float32)
    picture[3, 4] = numpy.inf
    with pytest.warns(irkit.RestorationWarning, match="infinite"):
        restorer.restore(picture)


def test_refuses_in_words(restorer, picture):
    for given, words in [
        (numpy.zeros((2, 3), complex), "complex"), (numpy.zeros(5, numpy.uint8), "no picture"),
        (numpy.zeros((0, 5, 3), numpy.uint8), "0"), (numpy.zeros((9, 9, 9), numpy.uint8), "channels"),
        (picture.astype(numpy.int64), "int64"), (numpy.full((4, 4, 3), numpy.nan, numpy.float32), "nothing can be restored"),
    ]:
        with pytest.raises(ValueError, match=words):
            restorer.restore(given)
    with pytest.raises(ValueError, match="strength"):
        irkit.Restorer(strength=3)
    with pytest.raises(ValueError, match="layout"):
        restorer.restore(picture, layout="CWQ")
    with pytest.raises(TypeError):
        irkit.restore(picture, strenght=1)


def test_progress_and_cancel(restorer, picture):
    seen = []
    restorer.restore(picture, progress=seen.append)
    assert len(seen) > 10 and seen == sorted(seen) and 0 <= seen[0] and seen[-1] < 1
    event = threading.Event()
    with pytest.raises(irkit.Cancelled):
        restorer.restore(picture, progress=lambda done: event.set(), cancel=event)
    batch = numpy.stack([picture, picture])
    seen.clear()
    assert restorer.restore(batch, progress=seen.append).shape == batch.shape
    assert seen == sorted(seen) and seen[-1] > 0.9


def test_is_interrupted(restorer, picture):
    seen = []

    def progress(done):
        seen.append(done)
        if len(seen) == 3:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        restorer.restore(picture, progress=progress)
    assert len(seen) <= 4
