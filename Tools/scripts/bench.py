#!/usr/bin/env python3
"""Times irbench, ONNX Runtime and OpenVINO on the same models and inputs, interleaved.

usage: bench.py IRBENCH THREADS ROUNDS SIZE MODEL...
Every runtime's output is compared with ONNX Runtime's before anything is timed; a round runs each runtime
RUNS times in turn, and the medians over all rounds are printed with ratios to ours.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
import onnxruntime
import openvino

RUNS = 3


def inputs_of(path, size):
    generator = np.random.default_rng(0)
    feeds = {}
    model = onnx.load(path, load_external_data=False)
    constants = {i.name for i in model.graph.initializer}
    for value in model.graph.input:
        if value.name in constants:
            continue
        dims = value.type.tensor_type.shape.dim
        shape = [d.dim_value or (1 if axis == 0 else size) for axis, d in enumerate(dims)]
        feeds[value.name] = generator.random(shape, dtype=np.float32)
    return feeds, [o.name for o in model.graph.output]


def with_onnxruntime(path, threads, feeds, outputs):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(outputs[:1], feeds)[0]


def with_openvino(path, threads, feeds, outputs):
    core = openvino.Core()
    settings = {"INFERENCE_NUM_THREADS": threads, "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    model = core.read_model(path)
    model.reshape({name: list(value.shape) for name, value in feeds.items()})
    compiled = core.compile_model(model, "CPU", settings)
    request = compiled.create_infer_request()
    return lambda: request.infer(feeds)[compiled.output(0)].copy()


def timed(call):
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return times


def main(irbench, threads, rounds, size, models):
    threads, rounds, size = int(threads), int(rounds), int(size)
    print(f"{threads} threads, {rounds} rounds of {RUNS}, float32, onnxruntime {onnxruntime.__version__}, openvino {openvino.__version__.split('-')[0]}")
    print("| model | GFLOP | ours | GFLOP/s | ONNX Runtime | OpenVINO | against the faster | largest difference |")
    print("|---|---|---|---|---|---|---|---|")
    for path in models:
        feeds, outputs = inputs_of(path, size)
        with tempfile.TemporaryDirectory() as folder:
            np.savez(f"{folder}/in.npz", **feeds)
            command = [irbench, path, "--input", f"{folder}/in.npz", "--output", f"{folder}/out.npz", "-j", str(threads), "--runs", str(RUNS), "--json"]

            def ours():
                return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

            peers = [with_onnxruntime(path, threads, feeds, outputs), with_openvino(path, threads, feeds, outputs)]
            expected = peers[0]()
            ours()
            found = np.load(f"{folder}/out.npz")[outputs[0]]
            spread = float(expected.max() - expected.min())
            differences = [float(np.abs(result - expected).max()) / spread for result in (found, peers[1]())]
            if max(differences) > 1e-3:
                sys.exit(f"bench: {path}: outputs differ by {differences} of the range: nothing is timed")
            times = [[], [], []]
            for _ in range(rounds):
                report = ours()
                times[0] += report["seconds"]
                times[1] += timed(peers[0])
                times[2] += timed(peers[1])
        medians = [statistics.median(t) for t in times]
        cells = [f"{m * 1000:.1f} ms ({min(t) * 1000:.1f} to {max(t) * 1000:.1f})" for m, t in zip(medians, times)]
        print(
            f"| {os.path.basename(path)} {'×'.join(str(n) for n in next(iter(feeds.values())).shape)} | {report['gflop']:.1f} | {cells[0]} "
            f"| {report['gflop'] / medians[0]:.0f} | {cells[1]} | {cells[2]} | {min(medians[1:]) / medians[0]:.2f}× | {differences[0]:.1e} |",
            flush=True)


main(*sys.argv[1:5], sys.argv[5:])
