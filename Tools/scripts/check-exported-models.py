#!/usr/bin/env python3
"""Holds models written by our exporter to ONNX's checker (full check) and to ONNX Runtime.

usage: check-exported-models.py CASES EXPORTED
CASES has ONNX's backend cases, EXPORTED our version of each, <name>.onnx. ONNX Runtime must give the
case's outputs wherever it does so from the original.
"""
import glob
import json
import os
import sys
import warnings

import numpy as np
import onnx
import onnxruntime as ort
from onnx import numpy_helper

warnings.simplefilter("ignore")
ort.set_default_logger_severity(4)


def load(path):
    with open(path, "rb") as file:
        return numpy_helper.to_array(onnx.TensorProto.FromString(file.read()))


def port(data, kind, index, name):
    """The tensors of one input or output by name: one for each element of a sequence."""
    path = os.path.join(data, f"{kind}_{index}")
    if os.path.exists(f"{path}.pb"):
        return {name: load(f"{path}.pb")}
    found = {}
    while os.path.exists(f"{path}.{len(found)}.pb"):
        found[f"{name}.{len(found)}"] = load(f"{path}.{len(found)}.pb")
    return found


def ports(data, kind, names):
    found = {}
    for index, name in enumerate(names):
        found.update(port(data, kind, index, name))
    return found


def session(model):
    options = ort.SessionOptions()
    options.log_severity_level = 4
    return ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def difference(model, names, feeds, wanted, tolerance):
    """Why ONNX Runtime does not give the wanted outputs, or None."""
    try:
        results = session(model).run(names, feeds)
    except Exception as error:
        return str(error).splitlines()[0][:200]
    for name, result, expected in zip(names, results, wanted):
        if not np.allclose(result, expected, rtol=tolerance["rtol"], atol=tolerance["atol"], equal_nan=True):
            return f"{name} differs from the case's"
    return None


def main(cases, exported):
    checked = ran = absent = 0
    problems = []
    for path in sorted(glob.glob(os.path.join(exported, "*.onnx"))):
        name = os.path.basename(path)[:-5]
        model = onnx.load(path)
        try:
            onnx.checker.check_model(model, full_check=True)
            checked += 1
        except Exception as error:
            problems.append(f"{name}: checker: {str(error).splitlines()[0][:200]}")
            continue
        original = onnx.load(os.path.join(cases, name, "model.onnx"))
        data = os.path.join(cases, name, "test_data_set_0")
        initializers = {i.name for i in original.graph.initializer}
        inputs = [i.name for i in original.graph.input if i.name not in initializers]
        given = ports(data, "input", inputs)
        feeds = {i.name: given[i.name] for i in model.graph.input}
        expected = ports(data, "output", [o.name for o in original.graph.output])
        names = [o.name for o in model.graph.output]
        wanted = [expected[name] for name in names]
        tolerance = json.load(open(os.path.join(cases, name, "case.json")))
        trouble = difference(model, names, feeds, wanted, tolerance)
        if trouble is None:
            ran += 1
            continue
        # What ONNX Runtime cannot do with the original either is no fault of ours.
        plain = all(i.type.HasField("tensor_type") for i in [*original.graph.input, *original.graph.output])
        runs = plain and difference(original, names, given, wanted, tolerance) is None
        if runs or "invalid model" in trouble:
            problems.append(f"{name}: ONNX Runtime: {trouble}")
        else:
            absent += 1
    for problem in problems:
        print(problem)
    print(f"{checked} models pass the checker, {ran} of them run in ONNX Runtime (with {absent} it fails as with the originals), {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
