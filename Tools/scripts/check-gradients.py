#!/usr/bin/env python3
"""Compares irtrain's loss and gradient of every weight with PyTorch's.

usage: check-gradients.py IRTRAIN MODEL.onnx [COUNT HEIGHT WIDTH [STEPS]]
One batch of random images; gradients as |difference| / |gradient| in the Euclidean norm of each weight (those that are
a thousandth of the largest or less are measured against that). With STEPS, also the weights after that many steps.
"""
import json
import subprocess
import sys
import tempfile

import numpy as np
import torch

from onnx_torch import Network, loss_of

LIMIT = 1e-4


def main(irtrain, path, count=2, height=64, width=64, steps=1):
    count, height, width, steps = int(count), int(height), int(width), int(steps)
    generator = np.random.default_rng(0)
    network = Network(path)
    channels = network.model.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    target = generator.random((count, channels, height, width), dtype=np.float32)
    image = (target + 0.1 * generator.standard_normal(target.shape)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        np.savez(f"{folder}/batch.npz", image=image, target=target)
        command = [irtrain, "step", path, "--input", f"{folder}/batch.npz", "--output", f"{folder}/out.npz", "--steps", str(steps), "--json", "--fourier-weight", "0.1"]
        report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        found = dict(np.load(f"{folder}/out.npz"))
    names = [n for n in network.names if f"weight/{n}" in found]
    optimizer = torch.optim.AdamW([network.weight(n) for n in names], 1e-3, betas=(0.9, 0.999), weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, 1e-7)
    x, y = torch.from_numpy(image), torch.from_numpy(target)
    worst, worst_loss = ("", 0.0), 0.0
    for step in range(steps):
        optimizer.zero_grad()
        loss = loss_of(network(x), y, "l1", 0.1)
        loss.backward()
        worst_loss = max(worst_loss, abs(loss.item() - found["loss"][step]) / abs(loss.item()))
        if step == 0:
            gradients = {n: network.weight(n).grad.numpy().copy() for n in names}
            norms = {n: float(np.linalg.norm(g)) for n, g in gradients.items()}
            largest = max(norms.values())
            for name, gradient in gradients.items():
                distance = float(np.linalg.norm(gradient - found[f"gradient/{name}"]))
                relative = distance / max(norms[name], 1e-3 * largest)
                if relative > worst[1]:
                    worst = (name, relative)
        torch.nn.utils.clip_grad_norm_([network.weight(n) for n in names], 0.01)
        optimizer.step()
        schedule.step()
    missing = [n for n in network.names if n not in names and network.weight(n).grad is not None]
    print(f"{path}: {len(names)} weights, loss within {worst_loss:.1e}, gradients within {worst[1]:.1e} ({worst[0]})")
    if missing:
        sys.exit(f"check-gradients: PyTorch has gradients of {missing}, irtrain trains them not")
    if steps > 1:
        moved = sum(np.abs(network.weight(n).detach().numpy() - found[f"weight/{n}"]).sum() for n in names)
        total = sum(np.abs(network.weight(n).detach().numpy()).sum() for n in names)
        print(f"after {steps} steps the weights differ by {moved / total:.1e} of their size; losses {report['losses'][0]:.5f} to {report['losses'][-1]:.5f}")
        if moved / total > 1e-2:
            sys.exit("check-gradients: the weights are others")
    if not (worst[1] <= LIMIT and worst_loss <= LIMIT):
        sys.exit(f"check-gradients: beyond {LIMIT}")


main(*sys.argv[1:])
