#!/usr/bin/env python3
"""Times a training step (forward, backward, clip, AdamW, average) of irtrain beside PyTorch eager, interleaved.

usage: bench-train.py IRTRAIN MODEL.onnx THREADS ROUNDS [COUNT SIDE]
PyTorch runs the SymUNet of make-exported-networks.py as a module of its own, with layer normalization on [N, C, H, W],
which is the faster way there; its loss and ours are compared before anything is timed. Medians over all rounds.
"""
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import torch
from torch import nn

from onnx_torch import Network, loss_of

STEPS = 4


class PlanarNorm(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.body = nn.Module()
        self.body.weight = nn.Parameter(torch.ones(channels))
        self.body.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        mean, variance = x.mean(1, keepdim=True), x.var(1, keepdim=True, unbiased=False)
        return (x - mean) * torch.rsqrt(variance + 1e-5) * self.body.weight[:, None, None] + self.body.bias[:, None, None]


def symunet(path):
    """The module whose state the model's weights are."""
    place = os.path.join(os.path.dirname(os.path.abspath(__file__)), "make-exported-networks.py")
    spec = importlib.util.spec_from_file_location("exported", place)
    networks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(networks)
    networks.TokenNorm = PlanarNorm
    weights = Network(path).weights()
    stages = lambda name: sorted({int(k.split(".")[1]) for k in weights if k.startswith(name + ".")})
    count = lambda name: len({int(k.split(".")[len(name.split("."))]) for k in weights if k.startswith(name + ".")})
    heads = lambda name: weights[name + ".0.attn.temperature"].shape[0]
    module = networks.SymUNet(
        weights["intro.weight"].shape[0], [count(f"encoders.{i}") for i in stages("encoders")], count("middle_blks"),
        [count(f"decoders.{i}") for i in stages("decoders")], [heads(f"encoders.{i}") for i in stages("encoders")],
        heads("middle_blks"))
    # The exporter may have folded the norms' weights to [C, 1, 1] under names of its own, in the order of use.
    order = [f"{stage}.{i}" for stage in ("encoders", "middle_blks", "decoders") for i in stages(stage)]
    blocks = [n for prefix in order for n, m in module.named_modules() if n.startswith(prefix) and isinstance(m, networks.TransformerBlock)]
    names = [f"{block}.{norm}.body.{part}" for block in blocks for norm in ("norm1", "norm2") for part in ("weight", "bias")]
    folded = sorted((k for k in weights if k.startswith("unsqueeze")), key=lambda k: int(k.split("_")[1]))
    state = {k: v.detach() for k, v in weights.items() if k not in folded}
    state.update({name: weights[k].detach().flatten() for name, k in zip(names, folded)})
    module.load_state_dict(state)
    return module


def main(irtrain, path, threads, rounds, count=8, side=64):
    threads, rounds, count, side = int(threads), int(rounds), int(count), int(side)
    torch.set_num_threads(threads)
    generator = np.random.default_rng(0)
    target = generator.random((count, 3, side, side), dtype=np.float32)
    image = (target + 0.1 * generator.standard_normal(target.shape)).astype(np.float32)
    module = symunet(path)
    optimizer = torch.optim.AdamW(module.parameters(), 1e-3, weight_decay=1e-3)
    average = [p.detach().clone() for p in module.parameters()]
    x, y = torch.from_numpy(image), torch.from_numpy(target)

    def step():
        optimizer.zero_grad()
        loss = loss_of(module(x), y, "l1", 0.1)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 0.01)
        optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(average, list(module.parameters()), 0.001)
        return loss.item()

    with tempfile.TemporaryDirectory() as folder:
        np.savez(f"{folder}/batch.npz", image=image, target=target)
        command = [irtrain, "step", path, "--input", f"{folder}/batch.npz", "--steps", str(STEPS + 1), "-j", str(threads), "--json"]

        def ours():
            return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

        first, theirs = ours()["losses"][0], step()
        if abs(first - theirs) > 1e-4 * theirs:
            sys.exit(f"bench-train: the losses are {first} and {theirs}: nothing is timed")
        times = [[], []]
        for _ in range(rounds):
            report = ours()
            times[0] += report["seconds"][1:]
            for _ in range(STEPS):
                start = time.perf_counter()
                step()
                times[1].append(time.perf_counter() - start)
    medians = [statistics.median(t) for t in times]
    gflop = 2e-9 * report["multiplyAddCount"]
    cells = [f"{m * 1000:.0f} ms ({min(t) * 1000:.0f} to {max(t) * 1000:.0f})" for m, t in zip(medians, times)]
    print(f"{threads} threads, {rounds} rounds of {STEPS} steps, batch {count}×3×{side}×{side}, PyTorch {torch.__version__} eager")
    print("| model | GFLOP a step | irtrain | GFLOP/s | PyTorch | ratio | by definition |")
    print("|---|---|---|---|---|---|---|")
    slow = " ".join(report["referenceKernels"]) or "nothing"
    print(f"| {os.path.basename(path)} | {gflop:.2f} | {cells[0]} | {gflop / medians[0]:.0f} | {cells[1]} | {medians[1] / medians[0]:.2f}× | {slow} |")


main(*sys.argv[1:])
