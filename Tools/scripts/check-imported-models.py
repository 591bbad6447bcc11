#!/usr/bin/env python3
"""Holds models that ONNX's own cases leave out to ONNX Runtime: recurrent layers with every attribute, windows with
groups and offsets, operators on integers, operators of ONNX Runtime's own, and networks that ONNX Runtime optimized
or quantized.

usage: check-imported-models.py IRRUN FIXTURES
FIXTURES has a folder for each exported network, with model.onnx and io.npz. Each model runs on random tensors;
outputs may differ by a part of their range that each case states, integers by one step.
"""
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.transformers.float16 import convert_float_to_float16
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static

random = np.random.default_rng(5)


def normal(*shape):
    return random.standard_normal(shape).astype(np.float32)


def integers(low, high, *shape, kind=np.int8):
    return random.integers(low, high, shape).astype(kind)


def one_node(op, inputs, attributes=None, outputs=1, domain="", opset=21, constants=()):
    """A model of one node; inputs in `constants` are initializers, None is left out."""
    names = ["" if value is None else f"x{index}" for index, value in enumerate(inputs)]
    results = [f"y{index}" for index in range(outputs)]
    node = helper.make_node(op, names, results, domain=domain, **(attributes or {}))
    given = {name: value for name, value in zip(names, inputs) if name}
    ports = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape)
        for name, value in given.items()
        if int(name[1:]) not in constants
    ]
    graph = helper.make_graph(
        [node],
        op,
        ports,
        [helper.make_empty_tensor_value_info(name) for name in results],
        [numpy_helper.from_array(value, name) for name, value in given.items() if int(name[1:]) in constants],
    )
    imports = [helper.make_opsetid("", opset)] + ([helper.make_opsetid(domain, 1)] if domain else [])
    model = helper.make_model(graph, opset_imports=imports, ir_version=10)
    return model, {port.name: given[port.name] for port in ports}


def recurrent_cases():
    steps, batch, size, hidden = 6, 3, 4, 5
    gates = {"RNN": 1, "GRU": 3, "LSTM": 4}
    functions = {
        "RNN": [["Relu"], ["Softsign"]],
        "GRU": [["HardSigmoid", "Tanh"], ["Sigmoid", "ScaledTanh"]],
        "LSTM": [["Sigmoid", "Tanh", "Tanh"], ["HardSigmoid", "Softsign", "LeakyRelu"]],
    }
    for op, count in gates.items():
        for direction in ("forward", "reverse", "bidirectional"):
            for extra in (False, True):
                d = 2 if direction == "bidirectional" else 1
                inputs = [
                    normal(steps, batch, size),
                    normal(d, count * hidden, size),
                    normal(d, count * hidden, hidden),
                    normal(d, 2 * count * hidden),
                    np.array([6, 2, 4], np.int32) if extra else None,
                    normal(d, batch, hidden),
                ]
                if op == "LSTM":
                    inputs += [normal(d, batch, hidden), normal(d, 3 * hidden)]
                attributes = {"hidden_size": hidden, "direction": direction}
                if extra:
                    attributes |= {"clip": 1.5, "activations": [f for k in range(d) for f in functions[op][k]]}
                    if op == "GRU":
                        attributes["linear_before_reset"] = 1
                        # Of HardSigmoid, and of ScaledTanh, of which ONNX states none.
                        attributes |= {"activation_alpha": [0.3, 1.5][:d], "activation_beta": [0.4, 0.5][:d]}
                    # ONNX Runtime couples gates without peepholes only.
                    if op == "LSTM" and direction == "forward":
                        attributes["input_forget"] = 1
                        inputs[7] = None
                outputs = 3 if op == "LSTM" else 2
                yield f"{op} {direction}{' with all' if extra else ''}", one_node(op, inputs, attributes, outputs), 1e-5


def window_cases():
    for kernel, strides, dilations, pads, image in (
        ([2, 3], [1, 2], [1, 1], [0, 1, 1, 0], [7, 8]),
        ([3, 3], [2, 1], [2, 1], [1, 0, 2, 2], [9, 6]),
    ):
        counts = [
            (image[a] + pads[a] + pads[a + 2] - dilations[a] * (kernel[a] - 1) - 1) // strides[a] + 1 for a in (0, 1)
        ]
        x = normal(2, 3 * kernel[0] * kernel[1], counts[0] * counts[1])
        lists = [np.array(image), np.array(kernel)]
        attributes = {"strides": strides, "dilations": dilations, "pads": pads}
        yield f"Col2Im {kernel}", one_node("Col2Im", [x, *lists], attributes, constants=(1, 2)), 1e-6
    for size in (1, 3, 5, 31):
        yield f"LRN {size}", one_node("LRN", [normal(2, 7, 4, 5)], {"size": size, "alpha": 0.5, "beta": 0.6}), 1e-6
    regions = np.array([[0, 0, 0, 9, 6], [1, 2.6, 1.2, 5.5, 7.4], [0, 8, 5, 3, 2]], np.float32)
    attributes = {"pooled_shape": [2, 3], "spatial_scale": 0.5}
    yield "MaxRoiPool", one_node("MaxRoiPool", [normal(2, 3, 6, 7), regions], attributes, constants=(1,)), 1e-6
    for mode in ("avg", "max"):
        for ratio in (0, 2):
            attributes = {"mode": mode, "output_height": 3, "output_width": 2, "sampling_ratio": ratio}
            inputs = [np.abs(normal(2, 3, 6, 7)), regions[:, 1:] * np.float32(0.7), np.array([0, 1, 1])]
            yield f"RoiAlign {mode} {ratio}", one_node("RoiAlign", inputs, attributes), 1e-5
    for groups, offsets, stride, dilation in ((1, 1, 1, 1), (2, 3, 2, 1), (3, 2, 1, 2)):
        x, weight = normal(2, 6, 7, 8), normal(6, 6 // groups, 3, 2)
        room = [7 + 2 - dilation * 2 - 1, 8 + 2 - dilation - 1]
        places = [r // stride + 1 for r in room]
        inputs = [x, weight, normal(2, offsets * 12, *places) * 2, normal(6), normal(2, offsets * 6, *places)]
        attributes = {
            "group": groups, "offset_group": offsets, "strides": [stride] * 2, "dilations": [dilation] * 2,
            "pads": [1, 1, 1, 1], "kernel_shape": [3, 2],
        }
        yield f"DeformConv {groups} {offsets}", one_node("DeformConv", inputs, attributes, opset=22), 1e-5
    for onesided in (0, 1):
        inputs = [normal(2, 40, 1), np.array(5), normal(16)]
        yield f"STFT {onesided}", one_node("STFT", inputs, {"onesided": onesided}, constants=(1,)), 1e-5


def integer_cases():
    number = lambda value: np.array(value, np.float32)
    byte = lambda value, kind=np.uint8: np.array(value, kind)
    # Signed weights have 7 bits: on processors without VNNI ONNX Runtime adds pairs of products of 8 bits in 16 bits, which
    # would overflow.
    a, b = integers(0, 255, 2, 7, 60, kind=np.uint8), integers(-64, 63, 60, 9)
    yield "MatMulInteger", one_node("MatMulInteger", [a, b, byte(12), byte(-3, np.int8)]), 1e-6
    x, w = integers(0, 255, 1, 4, 9, 8, kind=np.uint8), integers(0, 255, 6, 2, 3, 3, kind=np.uint8)
    yield "ConvInteger", one_node("ConvInteger", [x, w, byte(7), byte(100)], {"group": 2, "pads": [1] * 4}), 1e-6
    yield "DynamicQuantizeLinear", one_node("DynamicQuantizeLinear", [normal(5, 7)], outputs=3), 1e-6
    w = integers(-64, 63, 6, 4, 3, 3)
    scales = np.abs(normal(6)) * 0.01 + 0.001
    inputs = [x, number(0.02), byte(120), w, scales, np.zeros(6, np.int8), number(0.3), byte(128)]
    inputs.append(integers(-500, 500, 6, kind=np.int32))
    yield "QLinearConv", one_node("QLinearConv", inputs, {"pads": [1] * 4}, constants=range(1, 9)), 1e-6
    inputs = [a, number(0.02), byte(12), b, number(0.01), byte(-3, np.int8), number(0.2), byte(128)]
    yield "QLinearMatMul", one_node("QLinearMatMul", inputs, constants=range(1, 8)), 1e-6
    one = [integers(0, 255, 3, 5, kind=np.uint8), number(0.03), byte(110)]
    two = [integers(0, 255, 5, kind=np.uint8), number(0.02), byte(90)]
    last = [number(0.04), byte(130)]
    own = {"domain": "com.microsoft"}
    for op in ("QLinearAdd", "QLinearMul"):
        yield op, one_node(op, one + two + last, constants=(1, 2, 4, 5, 6, 7), **own), 1e-6
    yield "QLinearSigmoid", one_node("QLinearSigmoid", one + [number(1 / 256), byte(0)], constants=(1, 2, 3, 4), **own), 1e-6
    yield "QLinearLeakyRelu", one_node("QLinearLeakyRelu", one + last, {"alpha": 0.2}, constants=(1, 2, 3, 4), **own), 1e-6
    picture = [integers(0, 255, 1, 3, 6, 6, kind=np.uint8), number(0.03), byte(110)]
    for op, attributes in (
        ("QLinearGlobalAveragePool", {}),
        ("QLinearAveragePool", {"kernel_shape": [2, 3], "strides": [2, 1]}),
    ):
        yield op, one_node(op, picture + last, attributes, constants=(1, 2, 3, 4), **own), 1e-6
    condition = integers(0, 2, 3, 5, kind=bool)
    yield "QLinearWhere", one_node("QLinearWhere", [condition, *one, *two, *last], constants=(2, 3, 5, 6, 7, 8), **own), 1e-6
    c = integers(-500, 500, 9, kind=np.int32)
    inputs = [a[0], number(0.02), byte(12), b, number(0.01), byte(-3, np.int8), c, number(0.2), byte(128)]
    yield "QGemm", one_node("QGemm", inputs, constants=range(1, 9), **own), 1e-6
    inputs = last + picture + [integers(0, 255, 1, 2, 6, 6, kind=np.uint8), number(0.02), byte(90)]
    yield "QLinearConcat", one_node("QLinearConcat", inputs, {"axis": 1}, constants=(0, 1, 3, 4, 6, 7), **own), 1e-6
    weight = [integers(-64, 63, 60, 9), number(0.01), byte(-3, np.int8)]
    inputs = [normal(2, 7, 60), *weight, normal(9)]
    yield "DynamicQuantizeMatMul", one_node("DynamicQuantizeMatMul", inputs, constants=(1, 2, 3, 4), **own), 1e-4
    inputs = [a, b, number(0.02), number(0.01), byte(12), byte(-3, np.int8), normal(9)]
    yield "MatMulIntegerToFloat", one_node("MatMulIntegerToFloat", inputs, constants=range(1, 7), **own), 1e-5


def contributed_cases():
    own = {"domain": "com.microsoft"}
    x, w, b = normal(1, 4, 8, 7), normal(6, 4, 3, 3), normal(6)
    for function, parameters in (("Relu", []), ("Clip", [-0.5, 0.7]), ("LeakyRelu", [0.2]), ("HardSigmoid", [0.3, 0.4])):
        attributes = {"activation": function, "pads": [1] * 4, "kernel_shape": [3, 3]}
        if parameters:
            attributes["activation_params"] = parameters
        yield f"FusedConv {function}", one_node("FusedConv", [x, w, b], attributes, constants=(1, 2), **own), 1e-5
    attributes = {"activation": "Relu", "pads": [1] * 4, "kernel_shape": [3, 3]}
    inputs = [x, w, b, normal(1, 6, 8, 7)]
    yield "FusedConv with a sum", one_node("FusedConv", inputs, attributes, constants=(1, 2), **own), 1e-5
    for ta, tb in ((0, 1), (1, 0), (1, 1)):
        inputs = [normal(2, 5, 3) if ta else normal(2, 3, 5), normal(4, 5) if tb else normal(5, 4)]
        attributes = {"transA": ta, "transB": tb, "alpha": 0.3}
        yield f"FusedMatMul {ta}{tb}", one_node("FusedMatMul", inputs, attributes, **own), 1e-5
    attributes = {"activation": "LeakyRelu", "activation_alpha": 0.3, "alpha": 0.5, "beta": 2.0, "transB": 1}
    yield "FusedGemm", one_node("FusedGemm", [normal(3, 5), normal(4, 5), normal(4)], attributes, **own), 1e-5
    y, skip, gamma, beta, bias = normal(2, 5, 8), normal(2, 5, 8), normal(8), normal(8), normal(8)
    inputs = [y, skip, gamma, beta, bias]
    yield "SkipLayerNormalization", one_node("SkipLayerNormalization", inputs, {"epsilon": 1e-5}, **own), 1e-5
    inputs = [y, skip, gamma, bias]
    yield "SkipSimplified", one_node("SkipSimplifiedLayerNormalization", inputs, {"epsilon": 1e-5}, **own), 1e-5
    for op, inputs, attributes in (
        ("Gelu", [y], {}), ("BiasGelu", [y, bias], {}), ("FastGelu", [y, bias], {}), ("FastGelu", [y], {}),
        ("QuickGelu", [y], {"alpha": 1.5}),
    ):
        yield f"{op} of {len(inputs)}", one_node(op, inputs, attributes, **own), 1e-5
    yield "SimplifiedLayerNormalization", one_node("SimplifiedLayerNormalization", [y, gamma], {"axis": -1}, opset=17), 1e-5
    tables = [normal(9, 4), normal(9, 4)]
    for interleaved in (0, 1):
        inputs = [normal(2, 3, 5, 8), integers(0, 9, 2, 5, kind=np.int64), *tables]
        yield f"RotaryEmbedding {interleaved}", one_node("RotaryEmbedding", inputs, {"interleaved": interleaved}, **own), 1e-5


def tree_cases():
    def grown(trees, depth, features, targets):
        """Random trees as the attributes of a TreeEnsembleRegressor; leaves lie at several depths."""
        nodes = {name: [] for name in ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids")}
        leaves = {name: [] for name in ("treeids", "nodeids", "ids", "weights")}

        def add(tree, node, level):
            leaf = level == depth or level > 0 and random.random() < 0.2
            row = {"treeids": tree, "nodeids": node, "featureids": 0 if leaf else int(random.integers(features)),
                   "values": 0.0 if leaf else float(np.float32(random.standard_normal())), "modes": "LEAF" if leaf else mode,
                   "truenodeids": 0 if leaf else 2 * node + 1, "falsenodeids": 0 if leaf else 2 * node + 2}
            for name, value in row.items():
                nodes[name].append(value)
            if leaf:
                for target in range(targets):
                    for name, value in (("treeids", tree), ("nodeids", node), ("ids", target),
                                        ("weights", float(np.float32(random.standard_normal())))):
                        leaves[name].append(value)
            else:
                add(tree, 2 * node + 1, level + 1)
                add(tree, 2 * node + 2, level + 1)

        for tree in range(trees):
            add(tree, 0, 0)
        return {f"nodes_{k}": v for k, v in nodes.items()} | {f"target_{k}": v for k, v in leaves.items()}

    for mode in ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT"):
        for aggregate in ("SUM", "AVERAGE", "MIN", "MAX"):
            attributes = grown(20, 5, 7, 3) | {"n_targets": 3, "aggregate_function": aggregate, "post_transform": "NONE"}
            if aggregate == "SUM":
                attributes["base_values"] = [0.5, -1.0, 2.0]
            model = one_node("TreeEnsembleRegressor", [normal(33, 7)], attributes, domain="ai.onnx.ml")
            yield f"trees, {mode}, {aggregate}", model, 1e-6
    mode = "BRANCH_LEQ"
    yield "trees, one of one target", one_node(
        "TreeEnsembleRegressor", [normal(5, 2)], grown(1, 1, 2, 1) | {"n_targets": 1}, domain="ai.onnx.ml"), 1e-6


class Inputs(CalibrationDataReader):
    def __init__(self, feeds):
        self.rows = iter([feeds])

    def get_next(self):
        return next(self.rows, None)


def network_cases(fixtures, folder):
    """Each network as ONNX Runtime saves it, in float16, and quantized in every form."""
    for name in sorted(os.listdir(fixtures)):
        source = os.path.join(fixtures, name, "model.onnx")
        if not os.path.exists(source):
            continue
        stored = np.load(os.path.join(fixtures, name, "io.npz"))
        model = onnx.load(source)
        feeds = {i.name: stored[i.name] for i in model.graph.input}
        levels = ort.GraphOptimizationLevel
        for level in ("basic", "extended"):
            options = ort.SessionOptions()
            options.graph_optimization_level = getattr(levels, f"ORT_ENABLE_{level.upper()}")
            options.optimized_model_filepath = os.path.join(folder, "saved.onnx")
            ort.InferenceSession(source, options, providers=["CPUExecutionProvider"])
            yield f"{name} saved at level {level}", (onnx.load(options.optimized_model_filepath), feeds), 1e-4
        # Its casts come last: the file is not sorted.
        yield f"{name} in float16", (convert_float_to_float16(onnx.load(source), keep_io_types=True), feeds), None
        target = os.path.join(folder, "quantized.onnx")
        quantize_dynamic(source, target, weight_type=QuantType.QUInt8)
        yield f"{name} dynamic", (onnx.load(target), feeds), None
        for form in (QuantFormat.QOperator, QuantFormat.QDQ):
            quantize_static(source, target, Inputs(feeds), quant_format=form, per_channel=True)
            yield f"{name} {form.name}", (onnx.load(target), feeds), None


def outputs_of(model, feeds):
    options = ort.SessionOptions()
    # The file's own nodes, as irkit reads them.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return {o.name: value for o, value in zip(session.get_outputs(), session.run(None, feeds))}


def check(name, model, feeds, tolerance, irrun, folder):
    path = os.path.join(folder, "case.onnx")
    try:
        wanted = outputs_of(model, feeds)
    except Exception as error:
        print(f"{name}: ONNX Runtime refuses it: {str(error).splitlines()[0][:160]}")
        return False
    onnx.save(model, path)
    np.savez(os.path.join(folder, "in.npz"), **feeds)
    out = os.path.join(folder, "out.npz")
    done = subprocess.run([irrun, "-m", path, "-i", os.path.join(folder, "in.npz"), "-o", out], capture_output=True, text=True)
    if done.returncode != 0:
        print(f"{name}: {done.stderr.strip()[:600]}")
        return False
    ours = np.load(out)
    for key, theirs in wanted.items():
        result, limit = ours[key], tolerance
        if result.shape != theirs.shape or result.dtype != theirs.dtype:
            print(f"{name}: {key} is {result.dtype}{result.shape}, must be {theirs.dtype}{theirs.shape}")
            return False
        distance = np.abs(result.astype(np.float64) - theirs.astype(np.float64))
        spread = max(float(np.ptp(theirs.astype(np.float64))), 1e-6)
        if theirs.dtype.kind in "iu":
            is_right = distance.max() <= 1 and (distance > 0).mean() <= 0.01
        elif limit is None:
            # Roundings to 8 bits fall apart now and then, and spread from there.
            is_right = distance.mean() <= 5e-3 * spread
        else:
            is_right = distance.max() <= limit * spread
        if not is_right:
            print(f"{name}: {key} differs by {distance.max() / spread:.1e} of its range, {distance.mean() / spread:.1e} in the mean")
            return False
    return True


def main(irrun, fixtures):
    ort.set_default_logger_severity(4)
    count, failures = 0, 0
    with tempfile.TemporaryDirectory() as folder:
        families = [recurrent_cases(), window_cases(), integer_cases(), contributed_cases(), tree_cases(),
                    network_cases(fixtures, folder)]
        for family in families:
            for name, (model, feeds), tolerance in family:
                count += 1
                failures += not check(name, model, feeds, tolerance, irrun, folder)
    print(f"{count - failures} of {count} models give what ONNX Runtime gives")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
