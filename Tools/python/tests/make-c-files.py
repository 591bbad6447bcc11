#!/usr/bin/env python3
"""Files for the tests in C, and what the example made of them. usage: make-c-files.py [--check] FOLDER"""
import sys

import numpy
from onnx import TensorProto, helper, save
from PIL import Image

import irkit


def main():
    folder = sys.argv[-1]
    if sys.argv[1] == "--check":
        given, made = (numpy.asarray(Image.open(f"{folder}/{name}.ppm")) for name in ("in", "out"))
        if not (made == irkit.restore(given)).all():
            sys.exit("make-c-files: the example in C restores otherwise than Python")
        return
    shape = ["n"]
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "xyz"]
    graph = helper.make_graph([helper.make_node("Add", ["x", "y"], ["z"])], "sum", ports[:2], ports[2:])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    helper.set_model_props(model, {"maker": "test"})
    save(model, f"{folder}/sum.onnx")
    noise = numpy.random.default_rng(1).normal(128, 40, (70, 90, 3)).clip(0, 255).astype(numpy.uint8)
    Image.fromarray(noise).save(f"{folder}/in.ppm")


main()
