#!/usr/bin/env python3
"""Holds frozen networks to ONNX's checker (full check) and to ONNX Runtime, at three sizes each.

usage: check-networks.py IREXPORT IRRUN [NETWORK…]
Each network is written with small settings, fresh weights and open sizes, in the oldest and the newest operator
set that ONNX Runtime takes; outputs may differ by 1e-4 of their range.
"""
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime as ort

SMALL = {
    "symunet": '{"width": 8, "enc_blk_nums": [1, 1], "middle_blk_num": 1, "dec_blk_nums": [1, 1], "restormer_heads": [1, 2]}',
    "se-symunet": '{"width": 8, "enc_blk_nums": [1, 1], "middle_blk_num": 1, "dec_blk_nums": [1, 1], "restormer_heads": [1, 2], '
    '"pos_embed_size": [48, 32], "clip": {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, '
    '"num_attention_heads": 2, "image_size": 28}}',
    "daair": '{"dim": 8, "num_blocks": [1, 1, 1, 1], "num_dec_blocks": [1, 1, 1]}',
    "restormer": '{"dim": 8, "num_blocks": [1, 1, 1, 1], "num_refinement_blocks": 1}',
    "promptir": '{"dim": 8, "num_blocks": [1, 1, 1, 1], "prompt_dims": [8, 16, 24], "prompt_sizes": [8, 6, 4]}',
    "moce-ir": '{"dim": 8, "num_blocks": [1, 1, 1, 1], "num_dec_blocks": [1, 1, 1]}',
    "nafnet": '{"width": 8, "enc_blk_nums": [1, 1], "middle_blk_num": 1, "dec_blk_nums": [1, 1]}',
    "swinir": '{"embed_dim": 12, "depths": [2, 2], "num_heads": [2, 3], "window_size": 4}',
    "dncnn": '{"nc": 8, "nb": 4}',
    "ffdnet": '{"nc": 8, "nb": 4}',
}


def run(*command):
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"check-networks: {' '.join(command)}: {result.stderr}")


def check(name, opset, tools, folder):
    irexport, irrun = tools
    model, settings = f"{folder}/{name}.onnx", f"{folder}/{name}.json"
    with open(settings, "w", encoding="utf-8") as file:
        file.write(SMALL[name])
    run(irexport, name, "--config", settings, "-o", model, "--opset", str(opset), "--seed", "4")
    loaded = onnx.load(model)
    onnx.checker.check_model(loaded, full_check=True)
    multiple = int({entry.key: entry.value for entry in loaded.metadata_props}["multiple"])
    session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
    random = np.random.default_rng(7)
    worst = 0.0
    for height, width in [(37, 51), (64, 41), (23, 35)] if multiple == 1 else [(5 * multiple, 7 * multiple), (9 * multiple, 3 * multiple), (7 * multiple, 11 * multiple)]:
        feeds = {}
        for given in session.get_inputs():
            shape = [{"H": height, "W": width}.get(extent, extent) for extent in given.shape]
            feeds[given.name] = random.random(shape, dtype=np.float32)
        np.savez(f"{folder}/in.npz", **feeds)
        run(irrun, "-m", model, "-i", f"{folder}/in.npz", "-o", f"{folder}/out.npz")
        ours = np.load(f"{folder}/out.npz")
        for output, theirs in zip(session.get_outputs(), session.run(None, feeds)):
            spread = max(float(theirs.max() - theirs.min()), 1e-6)
            worst = max(worst, float(np.abs(ours[output.name] - theirs).max()) / spread)
    print(f"{name}, operator set {opset}: checked, largest difference {worst:.1e} of the range")
    return worst <= 1e-4


def main():
    ort.set_default_logger_severity(3)
    tools, names = sys.argv[1:3], sys.argv[3:] or list(SMALL)
    with tempfile.TemporaryDirectory() as folder:
        results = [check(name, opset, tools, folder) for name in names for opset in (18, 23)]
    if not all(results):
        sys.exit("check-networks: some networks differ")


main()
