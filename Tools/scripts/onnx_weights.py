"""Weights of ONNX files under the same names, from one network into another. Needs onnx."""
import sys

import numpy as np
import onnx
from onnx import numpy_helper


def transfer(trained_path, fresh_path, output_path, adapted):
    """Writes the network of `fresh_path` with adapted(name, trained, fresh) of the weights of `trained_path`."""
    source, model = onnx.load(trained_path), onnx.load(fresh_path)
    trained = {t.name: numpy_helper.to_array(t) for t in source.graph.initializer}
    for tensor in model.graph.initializer:
        fresh = numpy_helper.to_array(tensor)
        # Whole numbers are shapes, single ones constants.
        if fresh.dtype != np.float32 or not fresh.ndim:
            continue
        if tensor.name not in trained:
            sys.exit(f"{trained_path} has no {tensor.name}")
        weights = np.array(adapted(tensor.name, trained[tensor.name], fresh), np.float32, order="C")
        tensor.CopyFrom(numpy_helper.from_array(weights, tensor.name))
    onnx.save(model, output_path)
