#!/usr/bin/env python3
"""Ten steps of train-torch, in one process and in two, and of irtrain from the same model, data and seed must end in the
same weights.

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


def check(irtrain, model, folder, optimizer):
    common = [model, "--clean", folder, "--tasks", "noise25,rain:2,haze", "--steps", str(STEPS), "--batch", "2", "--crop", "32", "--seed", "3", "--rate", "5e-4", "--warm-up", "3", "--average", "0.9", "--optimizer", optimizer]
    with tempfile.TemporaryDirectory() as place:
        ours, theirs, shared = f"{place}/ours.onnx", f"{place}/theirs.onnx", f"{place}/shared.onnx"
        subprocess.run([irtrain, *common, "-o", ours, "--validate-every", "0"], check=True)
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "train_torch.py")
        rest = [script, "--irtrain", irtrain, *common, "--device", "cpu", "-o"]
        subprocess.run([sys.executable, *rest, theirs], check=True)
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
        subprocess.run([*torchrun, *rest, shared], check=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
        start, a = weights(model), weights(ours)
        peers = {"one process": weights(theirs), "two processes": weights(shared)}
    moved = sum(float(np.abs(a[k].astype(np.float64) - start[k]).sum()) for k in start)
    for name, b in peers.items():
        if set(a) != set(b) or set(a) != set(start):
            sys.exit("check-train-torch: the files hold other weights")
        apart = sum(float(np.abs(a[k].astype(np.float64) - b[k]).sum()) for k in a)
        print(f"{STEPS} steps of {optimizer} moved the weights by {moved:.3f}, irtrain and PyTorch in {name} are {apart / moved:.1e} of that apart")
        # Adam's first steps divide rounding by rounding where a gradient is nearly 0.
        if not apart < 0.01 * moved:
            sys.exit("check-train-torch: the trainers go different ways")


def main(irtrain, model, folder):
    for optimizer in ("adamw", "muon"):
        check(irtrain, model, folder, optimizer)


main(*sys.argv[1:])
