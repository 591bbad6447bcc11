#!/usr/bin/env python3
"""One runtime in a process of its own. usage: worker.py onnxruntime|openvino|sgemm THREADS [MODEL IN.npz OUT.npz f32|bf16]

Says a line of JSON when it is ready and has run once, then, for each line of input, a count of runs, a line with
their seconds. With bf16 OpenVINO computes in the precision that it chooses itself.
"""
import json
import os
import sys
import time

name, threads = sys.argv[1], int(sys.argv[2])
os.environ.update(OMP_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS=str(threads))

import numpy as np

SIDE = 2048


def resident(field):
    with open("/proc/self/status", encoding="ascii") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith(field))


def with_onnxruntime(model, feeds):
    import onnxruntime

    before = resident("VmRSS")
    start = time.perf_counter()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    for extent, value in [(extent, tensor.shape[axis]) for extent, axis, tensor in open_extents(model, feeds)]:
        options.add_free_dimension_override_by_name(extent, value)
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda: dict(zip(names, session.run(names, feeds))), time.perf_counter() - start, before


def open_extents(model, feeds):
    import onnx

    for value in onnx.load(model, load_external_data=False).graph.input:
        for axis, extent in enumerate(value.type.tensor_type.shape.dim):
            if extent.dim_param and value.name in feeds:
                yield extent.dim_param, axis, feeds[value.name]


def with_openvino(model, feeds):
    import openvino

    before = resident("VmRSS")
    start = time.perf_counter()
    settings = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY"}
    if sys.argv[6] == "f32":
        settings["INFERENCE_PRECISION_HINT"] = "f32"
    core = openvino.Core()
    graph = core.read_model(model)
    graph.reshape({name: list(value.shape) for name, value in feeds.items()})
    compiled = core.compile_model(graph, "CPU", settings)
    request = compiled.create_infer_request()

    def run():
        results = request.infer(feeds)
        values = [(output.get_names(), results[output].copy()) for output in compiled.outputs]
        # A tensor may have other names beside the output's own.
        return {name: value for names, value in values for name in names}

    return run, time.perf_counter() - start, before


def product():
    random = np.random.default_rng(0)
    a, b = (random.random((SIDE, SIDE), dtype=np.float32) for _ in range(2))
    c = np.empty_like(a)
    return lambda: np.matmul(a, b, out=c)


def say(**values):
    print(json.dumps(values), flush=True)


def main():
    if name == "sgemm":
        run, seconds, before = product(), 0.0, resident("VmRSS")
        run()
    else:
        model, source, target = sys.argv[3:6]
        with np.load(source) as file:
            feeds = {key: file[key] for key in file.files}
        run, seconds, before = {"onnxruntime": with_onnxruntime, "openvino": with_openvino}[name](model, feeds)
        np.savez(target, **run())
    say(loadSeconds=seconds, beforeByteCount=before, gflop=2e-9 * SIDE**3 if name == "sgemm" else None)
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            start = time.perf_counter()
            run()
            times.append(time.perf_counter() - start)
        say(seconds=times, peakByteCount=resident("VmHWM"))


main()
