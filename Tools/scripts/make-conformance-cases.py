#!/usr/bin/env python3
"""Writes ONNX's own backend test cases as files: OUT/<name>/{model.onnx,case.json,test_data_set_<i>/*.pb}.

usage: make-conformance-cases.py OUT [LIST]
LIST (Tests/IRONNXTests/conformance.txt by default) has a line per case, its name first. case.json holds
the case's rtol and atol. An element of a sequence is a file of its own, input_<i>.<element>.pb; an optional
without an element has none. Needs onnx==1.23.2, whose cases these are.
"""
import json
import os
import shutil
import sys
import warnings

import numpy as np
import onnx
from onnx import numpy_helper

warnings.simplefilter("ignore")


def node_cases():
    import onnx.backend.test.case.node as node

    return {case.name: case for case in node.collect_testcases(None)}


def stored_cases():
    base = os.path.join(os.path.dirname(onnx.__file__), "backend", "test", "data")
    found = {}
    for kind in ("simple", "pytorch-operator", "pytorch-converted"):
        for name in os.listdir(os.path.join(base, kind)):
            found[name] = os.path.join(base, kind, name)
    return found


def write_value(path, value, name):
    """A tensor as PATH.pb, a sequence as PATH.0.pb, PATH.1.pb, …, nothing for an absent optional."""
    if value is None:
        return
    if isinstance(value, list):
        for index, element in enumerate(value):
            write_value(f"{path}.{index}", element, f"{name}.{index}")
        return
    proto = value if isinstance(value, onnx.TensorProto) else numpy_helper.from_array(np.asarray(value), name)
    with open(f"{path}.pb", "wb") as file:
        file.write(proto.SerializeToString())


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    out, listing = (sys.argv[1:] + [os.path.join(root, "Tests", "IRONNXTests", "conformance.txt")])[:2]
    with open(listing) as file:
        names = [line.split()[0] for line in file if line.strip() and not line.startswith("#")]
    generated, stored = node_cases(), stored_cases()
    missing = [name for name in names if name not in generated and name not in stored]
    if missing:
        sys.exit(f"{len(missing)} cases are not in onnx {onnx.__version__}: {', '.join(missing[:5])}")
    os.makedirs(out, exist_ok=True)
    for name in names:
        folder = os.path.join(out, name)
        shutil.rmtree(folder, ignore_errors=True)
        tolerance = {"rtol": 1e-3, "atol": 1e-7}
        if name not in generated:
            shutil.copytree(stored[name], folder)
        else:
            case = generated[name]
            tolerance = {"rtol": float(case.rtol), "atol": float(case.atol)}
            os.makedirs(folder)
            with open(os.path.join(folder, "model.onnx"), "wb") as file:
                file.write(case.model.SerializeToString())
            for index, (inputs, outputs) in enumerate(case.data_sets):
                data = os.path.join(folder, f"test_data_set_{index}")
                os.makedirs(data)
                for kind, values, infos in (
                    ("input", inputs, case.model.graph.input),
                    ("output", outputs, case.model.graph.output),
                ):
                    for position, value in enumerate(values):
                        write_value(os.path.join(data, f"{kind}_{position}"), value, infos[position].name)
        with open(os.path.join(folder, "case.json"), "w") as file:
            json.dump(tolerance, file)
    print(f"{len(names)} cases in {out}")


main()
