#!/usr/bin/env python3
"""Compares irtrain's loss and gradient of every weight with PyTorch's.

usage: check-gradients.py IRTRAIN MODEL.onnx [COUNT HEIGHT WIDTH [STEPS]] [--router-weight W --task-count N]
One batch of random images; gradients as |difference| / |gradient| in the Euclidean norm of each weight (those that are
a thousandth of the largest or less are measured against that). With STEPS, also the weights after that many steps.
With --router-weight the routers' cross-entropy with random tasks is part of the loss. Controllers (DaAIR) take no
gradient and follow their leaders, here as there.
"""
import argparse
import json
import subprocess
import sys
import tempfile

import numpy as np
import torch

from onnx_torch import Network, leader_of, loss_of, router_outputs

LIMIT = 1e-4


def options():
    parser = argparse.ArgumentParser()
    parser.add_argument("irtrain")
    parser.add_argument("path")
    for name, default in (("count", 2), ("height", 64), ("width", 64), ("steps", 1)):
        parser.add_argument(name, type=int, nargs="?", default=default)
    parser.add_argument("--router-weight", type=float, default=0.0)
    parser.add_argument("--task-count", type=int, default=3)
    return parser.parse_args()


def main(irtrain, path, count, height, width, steps, router_weight, task_count):
    generator = np.random.default_rng(0)
    network = Network(path)
    channels = network.model.graph.input[0].type.tensor_type.shape.dim[1].dim_value
    target = generator.random((count, channels, height, width), dtype=np.float32)
    image = (target + 0.1 * generator.standard_normal(target.shape)).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        tasks = generator.integers(0, task_count, count)
        np.savez(f"{folder}/batch.npz", image=image, target=target, **({"tasks": tasks} if router_weight else {}))
        command = [irtrain, "step", path, "--input", f"{folder}/batch.npz", "--output", f"{folder}/out.npz", "--steps", str(steps), "--json", "--fourier-weight", "0.1"]
        if router_weight:
            command += ["--router-weight", str(router_weight), "--task-count", str(task_count)]
        report = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        found = dict(np.load(f"{folder}/out.npz"))
    names = [n for n in network.names if f"weight/{n}" in found]
    followers = {n: leader_of(n) for n in names if leader_of(n) in names}
    moving = [n for n in names if n not in followers]
    routers = router_outputs(network) if router_weight else []
    optimizer = torch.optim.AdamW([network.weight(n) for n in moving], 1e-3, betas=(0.9, 0.999), weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps, 1e-7)
    x, y = torch.from_numpy(image), torch.from_numpy(target)
    worst, worst_loss = ("", 0.0), 0.0
    for step in range(steps):
        optimizer.zero_grad()
        prediction, logits = network(x, keep=routers) if routers else (network(x), {})
        loss = loss_of(prediction, y, "l1", 0.1)
        terms = [torch.nn.functional.cross_entropy(v.reshape(count, -1), torch.from_numpy(tasks)) for v in logits.values()]
        loss = loss + router_weight * sum(terms) / max(len(terms), 1)
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
        torch.nn.utils.clip_grad_norm_([network.weight(n) for n in moving], 0.01)
        optimizer.step()
        with torch.no_grad():
            for name, leader in followers.items():
                network.weight(name).lerp_(network.weight(leader), 1 - 0.999)
        schedule.step()
    missing = [n for n in network.names if n not in names and network.weight(n).grad is not None]
    print(f"{path}: {len(names)} weights, loss within {worst_loss:.1e}, gradients within {worst[1]:.1e} ({worst[0]}), {len(routers)} routers, {len(followers)} controllers' weights")
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


main(**vars(options()))
