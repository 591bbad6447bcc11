"""The lines of README.md and docs/python.md, as they stand there."""
import pathlib
import re

import numpy
import onnx
import pytest
from onnx import helper
from PIL import Image

import irkit

ROOT = pathlib.Path(__file__).parents[3]


@pytest.fixture
def folder(tmp_path, monkeypatch, picture):
    """What the lines take for granted."""
    Image.fromarray(picture).save(tmp_path / "noisy.jpg", quality=95)
    value = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [2]) for name in ("input", "output")]
    graph = helper.make_graph([helper.make_node("Relu", ["input"], ["output"])], "graph", value[:1], value[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9), tmp_path / "model.onnx")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def is_restored(path, picture):
    result = numpy.asarray(Image.open(path), float)
    steps = [numpy.diff(each.astype(float), axis=1).std() for each in (result, picture)]
    return result.shape == picture.shape and steps[0] < 0.8 * steps[1]


def test_lines_of_the_readme(folder, picture):
    lines = re.findall(r"`(irkit\.\w+\(.*?\))`", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert lines
    for line in lines:
        eval(line, {"irkit": irkit})
    assert is_restored(folder / "restored.jpg", picture)


def test_lines_of_the_page(folder, picture):
    page = (ROOT / "docs/python.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    (lines,) = [block for block in blocks if "irkit.ray" not in block]
    names = {"array": picture, "picture": picture, "tensor": numpy.array([-1, 2], numpy.float32)}
    exec(lines, names)
    assert is_restored(folder / "restored.jpg", picture)
    assert type(names["restored"]) is numpy.ndarray and names["restored"].shape == picture.shape
    assert (names["outputs"][0] == [0, 2]).all()
