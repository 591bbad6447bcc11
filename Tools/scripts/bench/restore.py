#!/usr/bin/env python3
"""Restores one picture as a short program would: usage: restore.py onnxruntime|openvino THREADS MODEL IN.png OUT.png"""
import sys

import numpy as np
from PIL import Image

name, threads, model, source, target = sys.argv[1:6]
MULTIPLE = 8
pixels = np.asarray(Image.open(source).convert("RGB"), dtype=np.float32) / 255
height, width = pixels.shape[:2]
pads = [(0, -height % MULTIPLE), (0, -width % MULTIPLE), (0, 0)]
image = np.ascontiguousarray(np.pad(pixels, pads, "reflect").transpose(2, 0, 1)[None])
if name == "onnxruntime":
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(threads)
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    restored = session.run(None, {session.get_inputs()[0].name: image})[0]
else:
    import openvino

    core = openvino.Core()
    graph = core.read_model(model)
    graph.reshape(list(image.shape))
    settings = {"INFERENCE_NUM_THREADS": int(threads), "INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    compiled = core.compile_model(graph, "CPU", settings)
    restored = compiled(image)[compiled.output(0)]
restored = restored[0, :, :height, :width].transpose(1, 2, 0)
Image.fromarray(np.rint(np.clip(restored, 0, 1) * 255).astype(np.uint8)).save(target)
