#!/usr/bin/env python3
"""Runs a package for darktable as darktable does: ONNX Runtime on tiles of one size that share 64 pixels, of which the middle stays.
usage: check-darktable-package.py PACKAGE NOISY CLEAN

Prints the memory that a tile takes and the step at the seams; fails where memory or seams are beyond what darktable promises its
users (4 GB, no visible seam), or where the picture does not get nearer to the clean one."""
import json
import resource
import sys
import zipfile

import numpy
import onnx
import onnxruntime
from PIL import Image

OVERLAP = 64
MEMORY = 4e9


def tiled(run, picture, tile):
    """The picture by tiles that are mirrored at its sides; of each the border of OVERLAP is dropped."""
    step = tile - 2 * OVERLAP
    height, width = picture.shape[1:]
    padded = numpy.pad(
        picture, ((0, 0), (OVERLAP, OVERLAP + -height % step), (OVERLAP, OVERLAP + -width % step)), mode="symmetric")
    result = numpy.empty_like(padded)
    for top in range(0, height, step):
        for left in range(0, width, step):
            part = run(padded[:, top : top + tile, left : left + tile])
            result[:, top + OVERLAP : top + OVERLAP + step, left + OVERLAP : left + OVERLAP + step] = part[
                :, OVERLAP:-OVERLAP, OVERLAP:-OVERLAP]
    return result[:, OVERLAP : OVERLAP + height, OVERLAP : OVERLAP + width]


def psnr(a, b):
    return -10 * numpy.log10(numpy.mean((numpy.clip(a, 0, 1) - b) ** 2))


def main():
    package, noisy, clean = sys.argv[1:]
    with zipfile.ZipFile(package) as archive:
        (place,) = [name for name in archive.namelist() if name.endswith("/config.json")]
        config = json.loads(archive.read(place))
        bytes_ = archive.read(place.replace("config.json", "model.onnx"))
    assert config["id"] == place.split("/")[0] and config["task"] == "denoise" and config["backend"] == "onnx", config
    (tile,) = config["attributes"]["input_sizes"]
    onnx.checker.check_model(onnx.load_from_string(bytes_), full_check=True)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(bytes_, options, providers=["CPUExecutionProvider"])
    assert len(session.get_inputs()) == config["num_inputs"] == 1 and len(session.get_outputs()) == 1
    assert session.get_inputs()[0].shape == session.get_outputs()[0].shape == [1, 3, tile, tile]
    name = session.get_inputs()[0].name
    read = lambda path: numpy.asarray(Image.open(path).convert("RGB"), numpy.float32).transpose(2, 0, 1) / 255  # noqa: E731
    # Mirrored, they are large enough for seams.
    picture, truth = (
        numpy.concatenate([rows, rows[:, ::-1]], 1) for rows in (
            numpy.concatenate([image, image[..., ::-1]], 2) for image in (read(noisy), read(clean))))
    restored = tiled(lambda part: session.run(None, {name: part[None]})[0][0], picture, tile)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    gain = psnr(restored, truth) - psnr(picture, truth)
    # The step from one pixel to the next at seams, beside that of the columns and rows around them, both against the truth.
    step = tile - 2 * OVERLAP
    error = restored - truth
    seams, elsewhere = [], []
    for axis in (1, 2):
        jumps = numpy.abs(numpy.diff(error, axis=axis)).mean(axis=tuple({0, 1, 2} - {axis}))
        for seam in range(step, picture.shape[axis], step):
            seams.append(jumps[seam - 1])
            elsewhere.append(numpy.delete(jumps[seam - 9 : seam + 8], 8).mean())
    ratio = numpy.mean(seams) / numpy.mean(elsewhere)
    print(f"{config['id']}: tiles of {tile}, {memory / 1e9:.2f} GB, +{gain:.1f} dB, seams {ratio:.2f} of their surroundings")
    assert seams, "the picture has no seams"
    assert memory < MEMORY, "too much memory"
    assert gain > 8, "not restored"
    assert ratio < 1.5, "the seams show"


main()
