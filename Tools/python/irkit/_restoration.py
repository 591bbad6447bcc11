"""Pictures restored: PIL images, arrays and files."""
from __future__ import annotations

import os
import sys
import threading
import warnings
from dataclasses import dataclass
from typing import Any, Callable, Optional

import numpy

from ._library import InvalidArgument, Watch, checked, encoded, ffi, lib, run_options, taken, text
from ._models import path_of

_samples = {numpy.dtype("uint8"): 1, numpy.dtype("uint16"): 2, numpy.dtype("float32"): 3}


class RestorationWarning(UserWarning):
    """A property of a restored picture that a person should look at before trusting it."""


@dataclass(frozen=True)
class Step:
    """A step of a network's program, and how long it took."""

    kernel: str
    #: The node of the network that the step computes, or its last one.
    node: str
    multiply_adds: int
    bytes: int
    seconds: float


class Restorer:
    """A model that is ready to restore pictures of any size. Calls of several threads take turns."""

    def __init__(
        self, model: Any = "symunet-s", *, strength: float = 1.0, detail: float = 0.0, noise: Optional[float] = None,
        tile: Optional[int] = None, overlap: int = 64, augmented: bool = False, threads: Optional[int] = None,
        memory: Optional[int] = None, profile: bool = False, precision: str = "f32",
    ) -> None:
        """`model` is a path, or the name or role of an installed model; `strength` the share of the restoration in the
        result, `detail` that of the input's fine brightness that stays, both in 0...1; `noise` σ of 0...255 for models
        that take it, by default estimated from each picture; `tile` the side of tiles in pixels; `memory` the most bytes
        that a run may take; `profile` asks for the `steps` of restorations; `precision` is that of products: `f32`,
        `bf16` (faster on processors that multiply it) or `auto` (`bf16` on these).
        """
        options = ffi.new("irkit_restorer_options *")
        lib.irkit_restorer_options_init(options)
        options.run = run_options(threads, memory, precision=precision)[0]
        options.strength, options.detail = strength, detail
        options.noise_level = -1 if noise is None else noise
        options.tile_size, options.overlap, options.augmented = tile or 0, overlap, augmented
        options.profiled = profile
        place, error = ffi.new("irkit_restorer **"), ffi.new("char **")
        checked(lib.irkit_restorer_open(encoded(path_of(model)), options, place, error), error)
        self._handle = ffi.gc(place[0], lib.irkit_restorer_close)
        # The steps belong to the last restoration: none may end while they are read.
        self._turn = threading.RLock()

    @property
    def scale(self) -> int:
        """The side of the result / the side of the picture."""
        return int(lib.irkit_restorer_scale(self._handle))

    @property
    def path(self) -> str:
        return text(lib.irkit_restorer_path(self._handle))

    @property
    def steps(self) -> list[Step]:
        """Those of the restoration that ended last, of all its tiles; none without `profile`."""
        step, found = ffi.new("irkit_step *"), []
        with self._turn:
            for index in range(lib.irkit_restorer_step_count(self._handle)):
                checked(lib.irkit_restorer_step(self._handle, index, step), [ffi.NULL])
                found.append(Step(
                    text(step.kernel), text(step.node), int(step.multiply_adds), int(step.bytes), float(step.seconds)))
        return found

    def restore(
        self, picture: Any, *, layout: Optional[str] = None, out: Any = None,
        progress: Optional[Callable[[float], Any]] = None, cancel: Any = None,
    ) -> Any:
        """As `irkit.restore`."""
        if isinstance(picture, (str, os.PathLike)):
            return self._file(picture, out, progress, cancel)
        if out is not None:
            raise InvalidArgument("out is the path of a result, for a picture that is given by its path")
        module = type(picture).__module__.split(".")[0]
        if module == "PIL":
            return self._image(picture, progress, cancel)
        is_foreign = hasattr(picture, "__dlpack__") and not isinstance(picture, numpy.ndarray)
        array = numpy.from_dlpack(picture) if is_foreign else numpy.asarray(picture)
        result = self._array(array, layout, progress, cancel)
        giver = getattr(sys.modules.get(module), "from_dlpack", None)
        return result if isinstance(picture, numpy.ndarray) or giver is None else giver(result)

    def _file(self, path: Any, out: Any, progress: Any, cancel: Any) -> Any:
        result = self._image(opened(path, path), progress, cancel)
        if out is None:
            return result
        save(result, out)
        return out

    def _image(self, image: Any, progress: Any, cancel: Any) -> Any:
        from PIL import Image

        # Palettes, print colours and single bits have no values between.
        modes = {"1": "L", "P": "RGBA" if "transparency" in image.info else "RGB", "PA": "RGBA", "CMYK": "RGB",
                 "YCbCr": "RGB", "HSV": "RGB", "LAB": "RGB", "RGBX": "RGB", "La": "LA", "RGBa": "RGBA"}
        if "transparency" in image.info:
            modes.update({"1": "LA", "L": "LA", "RGB": "RGBA"})
        given = image.convert(modes[image.mode]) if image.mode in modes else image
        array = numpy.asarray(given)
        if given.mode in ("I", "I;16B", "I;16L", "I;16N"):
            if array.min(initial=0) < 0 or array.max(initial=0) > 65535:
                raise InvalidArgument(f"a picture of mode {given.mode} with values beyond 16 bits")
            array = array.astype(numpy.uint16)
        restored = self._array(array, "HWC" if array.ndim == 3 else "HW", progress, cancel)
        if given.mode == "I":
            restored = restored.astype(numpy.int32)
        result = Image.fromarray(restored)
        result.info = dict(image.info)
        if given is not image:
            result.info.pop("transparency", None)
        return result

    def _array(self, array: numpy.ndarray, layout: Optional[str], progress: Any, cancel: Any) -> numpy.ndarray:
        layout = layout or _layout(array)
        is_picture = sorted(layout.replace("N", "").replace("C", "")) == ["H", "W"]
        if not is_picture or len(layout) != array.ndim or len(set(layout)) != len(layout):
            raise InvalidArgument(f"an array of shape {array.shape} is no picture of layout {layout}")
        if "N" in layout:
            axis = layout.index("N")
            pictures = numpy.moveaxis(array, axis, 0)
            if not len(pictures):
                raise InvalidArgument("a batch without pictures")
            results = [
                self._array(each, layout.replace("N", ""), _part(progress, index, len(pictures)), cancel)
                for index, each in enumerate(pictures)
            ]
            return numpy.stack(results, axis)
        own = array.dtype
        if own not in _samples:
            if own.kind != "f":
                raise InvalidArgument(f"samples of type {own}: uint8, uint16 and floats are taken")
            array = array.astype(numpy.float32)
        sizes = dict(zip(layout, array.shape))
        sizes["H"], sizes["W"] = sizes["H"] * self.scale, sizes["W"] * self.scale
        result = numpy.empty([sizes[axis] for axis in layout], array.dtype)
        watch = Watch(progress, cancel)
        notes, error = ffi.new("char **"), ffi.new("char **")
        with self._turn:
            status = lib.irkit_restorer_restore(
                self._handle, _picture(array, layout), _picture(result, layout), watch.function, ffi.NULL, notes, error)
        watch.checked(status, error)
        for sentence in taken(notes[0]).splitlines():
            warnings.warn(sentence, RestorationWarning, stacklevel=2)
        return result.astype(own, copy=False)


def opened(source: Any, name: Any) -> Any:
    """The picture of a file, upright; `name` says which it is."""
    from PIL import Image, ImageOps

    with Image.open(source) as picture:
        count = getattr(picture, "n_frames", 1)
        if count > 1:
            raise InvalidArgument(f"{name} holds {count} pictures")
        return ImageOps.exif_transpose(picture)


def save(picture: Any, target: Any, format: Optional[str] = None) -> None:
    """Writes a picture with its profile, EXIF and resolution; formats with losses have irrun's quality."""
    kept = {key: picture.info[key] for key in ("icc_profile", "exif", "dpi") if picture.info.get(key)}
    picture.save(target, format, quality=95, **kept)


def _part(progress: Optional[Callable[[float], Any]], index: int, count: int) -> Optional[Callable[[float], Any]]:
    return progress and (lambda done: progress((index + done) / count))


def _layout(array: numpy.ndarray) -> str:
    """`HW`, `HWC` or `CHW`, with `N` before it for batches: channels are where 1 to 4 of them can be, of whole numbers
    last, of floats first where both could be.
    """
    shape = array.shape[1:] if array.ndim == 4 else array.shape
    batch = "N" if array.ndim == 4 else ""
    if len(shape) == 2:
        return "HW"
    if len(shape) != 3:
        raise InvalidArgument(f"an array of shape {array.shape} is no picture")
    first, last = shape[0] in (1, 2, 3, 4), shape[2] in (1, 2, 3, 4)
    if not (first or last):
        raise InvalidArgument(f"an array of shape {array.shape} has no axis of 1 to 4 channels")
    return batch + ("CHW" if first and (array.dtype.kind == "f" or not last) else "HWC")


def _picture(array: numpy.ndarray, layout: str) -> Any:
    sizes, strides = dict(zip(layout, array.shape)), dict(zip(layout, array.strides))
    limit = 2**31 - 1
    if any(size > limit for size in sizes.values()):
        raise InvalidArgument(f"an array of shape {array.shape} is no picture")
    picture = ffi.new("irkit_picture *")
    picture.data = ffi.cast("void *", array.ctypes.data)
    picture.row_stride, picture.pixel_stride = strides["H"], strides["W"]
    picture.channel_stride = strides.get("C", 0)
    picture.width, picture.height, picture.channels = sizes["W"], sizes["H"], sizes.get("C", 1)
    picture.sample = _samples[array.dtype]
    return picture


_kept: dict[Any, Restorer] = {}
_turn = threading.Lock()
_LIMIT = 4


def restore(
    picture: Any, model: Any = "symunet-s", *, layout: Optional[str] = None, out: Any = None,
    progress: Optional[Callable[[float], Any]] = None, cancel: Any = None, **options: Any,
) -> Any:
    """Restores a picture and gives back what it got.

    A PIL image gives an image of its mode (palettes become colours, a transparent colour alpha); an array gives an
    array of its type and layout: whole numbers from 0 to their largest, floats in 0...1. A tensor of another library that speaks DLPack gives one of
    that library. A path gives a PIL image, or writes `out` and gives that path. `layout` names an array's axes (`HWC`,
    `CHW`, `NCHW`, …) where its shape does not tell. `progress` is called with the share that is done; `cancel`, a function
    or an event, ends the call with `Cancelled`. The other options are `Restorer`'s; the latest few restorers are kept.
    """
    key = (os.fspath(getattr(model, "path", model)), *sorted(options.items()))
    with _turn:
        restorer = _kept.pop(key, None)
    if restorer is None:
        restorer = Restorer(model, **options)
    with _turn:
        _kept[key] = restorer
        while len(_kept) > _LIMIT:
            del _kept[next(iter(_kept))]
    return restorer.restore(picture, layout=layout, out=out, progress=progress, cancel=cancel)
