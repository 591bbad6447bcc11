#!/usr/bin/env python3
"""Ten steps of train-torch and of irtrain from the same model, data and seed must end in the same weights.

usage: check-train-torch.py IRTRAIN MODEL.onnx FOLDER
"""
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
from onnx import numpy_helper

STEPS = 10


def weights(path):
    return {t.name: numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}


def main(irtrain, model, folder):
    common = [model, "--clean", folder, "--tasks", "noise25,rain:2,haze", "--steps", str(STEPS), "--batch", "2", "--crop", "32", "--seed", "3", "--rate", "5e-4", "--warm-up", "3", "--average", "0.9"]
    with tempfile.TemporaryDirectory() as place:
        ours, theirs = f"{place}/ours.onnx", f"{place}/theirs.onnx"
        subprocess.run([irtrain, *common, "-o", ours, "--validate-every", "0"], check=True)
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "train_torch.py")
        subprocess.run([sys.executable, script, "--irtrain", irtrain, *common, "-o", theirs, "--device", "cpu"], check=True)
        start, a, b = weights(model), weights(ours), weights(theirs)
    if set(a) != set(b) or set(a) != set(start):
        sys.exit("check-train-torch: the files hold other weights")
    moved = sum(float(np.abs(a[k].astype(np.float64) - start[k]).sum()) for k in a)
    apart = sum(float(np.abs(a[k].astype(np.float64) - b[k]).sum()) for k in a)
    print(f"{STEPS} steps moved the weights by {moved:.3f}, the two trainers are {apart / moved:.1e} of that apart")
    # Adam's first steps divide rounding by rounding where a gradient is nearly 0.
    if not apart < 0.01 * moved:
        sys.exit("check-train-torch: the trainers go different ways")


main(*sys.argv[1:])
