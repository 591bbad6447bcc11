#!/usr/bin/env python3
"""Trains a frozen model in PyTorch, on a GPU where there is one, and writes the weights back into the file by name.

Batches come from `irtrain batches`, so tasks, crops and their order are those of an irtrain run with the same seed; loss,
optimizer, schedule, clipping and averaging are those of irtrain, by the same options. Options that are not listed below
(--clean, --pairs, --tasks, --batch, --crop, --seed, --all) go to `irtrain batches`.

Under torchrun each process takes its share of the images of every batch and makes no others; gradients are averaged over the
processes, by NCCL on GPUs and by Gloo on CPUs. The first process writes the files.
"""
import argparse
import json
import math
import os
import signal
import subprocess
import sys
import time

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F

from onnx_torch import Network, leader_of, loss_of, router_outputs


RANK, WORLD = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))


def options():
    parser = argparse.ArgumentParser(prog="train-torch", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--irtrain", default="irtrain", help="the irtrain to make batches with")
    parser.add_argument("-o", "--output", required=True, help="the trained model")
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--loss", choices=["l1", "l2", "charbonnier", "psnr"], default="l1")
    parser.add_argument("--fourier-weight", type=float, default=0.1)
    parser.add_argument("--router-weight", type=float, default=0.0)
    parser.add_argument("--optimizer", choices=["adamw", "adam", "muon"], default="adamw")
    parser.add_argument("--rate", type=float, default=1e-3)
    parser.add_argument("--final-rate", type=float, default=1e-7)
    parser.add_argument("--warm-up", type=int, default=0)
    parser.add_argument("--decay-steps", type=int, help="last steps, over which the rate decays; by default all after the warm-up")
    parser.add_argument("--weight-decay", type=float, default=1e-3)
    parser.add_argument("--beta1", type=float, default=0.9)
    parser.add_argument("--beta2", type=float, default=0.999)
    parser.add_argument("--clip", type=float, default=0.01)
    parser.add_argument("--average", type=float, default=0.999)
    parser.add_argument("--controller-decay", type=float, default=0.999)
    parser.add_argument("--device", default=f"cuda:{os.environ.get('LOCAL_RANK', 0)}" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--bfloat16", action="store_true", help="compute in bfloat16 where that is safe (autocast)")
    parser.add_argument("--checkpoint-every", type=int, default=1000)
    parser.add_argument("--log-every", type=int, default=50)
    parser.add_argument("--resume", action="store_true", help="go on from OUT.torch-checkpoint where there is one")
    found, rest = parser.parse_known_args()
    if found.steps < 1 or not found.output.endswith(".onnx"):
        parser.error("--steps must be positive and --output end in .onnx")
    return found, rest


def rate_at(o, step):
    if step < o.warm_up:
        return o.rate * (step + 1) / o.warm_up
    length = max(min(o.steps - o.warm_up, o.steps if o.decay_steps is None else o.decay_steps), 1)
    share = min(max((step - (o.steps - length)) / length, 0), 1)
    return o.final_rate + (o.rate - o.final_rate) * 0.5 * (1 + math.cos(math.pi * share))


class Muon(torch.optim.Optimizer):
    """irtrain's: torch.optim.Muon rounds to bfloat16, and takes no convolutions."""

    def __init__(self, parameters, rate, weight_decay, momentum=0.95):
        super().__init__(parameters, {"lr": rate, "weight_decay": weight_decay, "momentum": momentum})

    @staticmethod
    def moves(parameter):
        return parameter.ndim >= 2 and parameter.shape[0] >= 8 and parameter.shape[1] >= 8

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                mean = self.state[p].setdefault("momentum", torch.zeros_like(p))
                mean.lerp_(p.grad, 1 - group["momentum"])
                x = p.grad.lerp(mean, group["momentum"]).flatten(1)
                is_tall = x.shape[0] > x.shape[1]
                x = x.T if is_tall else x
                x = x / (x.norm() + 1e-15)
                for _ in range(5):
                    square = x @ x.T
                    x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
                x = 0.2 * math.sqrt(max(x.shape)) * (x.T if is_tall else x)
                p.mul_(1 - group["lr"] * group["weight_decay"]).sub_(group["lr"] * x.reshape(p.shape))


def optimizers(o, parameters):
    """One for matrices, where Muon moves them, and one for the rest."""
    matrices = [p for p in parameters if o.optimizer == "muon" and Muon.moves(p)]
    rest = [p for p in parameters if not (o.optimizer == "muon" and Muon.moves(p))]
    kind = torch.optim.Adam if o.optimizer == "adam" else torch.optim.AdamW
    found = [kind(rest, o.rate, betas=(o.beta1, o.beta2), weight_decay=o.weight_decay)] if rest else []
    return found + ([Muon(matrices, o.rate, o.weight_decay)] if matrices else [])


class Batches:
    """The stream of `irtrain batches`."""

    def __init__(self, o, rest, start):
        share = ["--share", f"{RANK}/{WORLD}"] if WORLD > 1 else []
        command = [o.irtrain, "batches", o.model, "--steps", str(o.steps), "--from", str(start)] + share + rest
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=1 << 24, start_new_session=True)
        line = self.process.stdout.readline()
        if not line:
            sys.exit(self.process.wait() or 3)
        self.header = json.loads(line)

    def next(self):
        h = self.header
        shape = (h["count"], h["channels"], h["height"], h["width"])
        size = 4 * int(np.prod(shape))
        length = 2 * size + 4 * h["count"] * (2 if h.get("noise") else 1)
        data = self.process.stdout.read(length)
        if len(data) != length:
            sys.exit(self.process.wait() or 3)
        image, target = (torch.from_numpy(np.frombuffer(data, "<f4", size // 4, k * size).reshape(shape).copy()) for k in (0, 1))
        tasks = torch.from_numpy(np.frombuffer(data, "<i4", h["count"], 2 * size).astype(np.int64))
        noise = torch.from_numpy(np.frombuffer(data, "<f4", h["count"], length - 4 * h["count"]).copy()) if h.get("noise") else None
        return image, target, tasks, noise


def say(text):
    if RANK == 0:
        print(text, file=sys.stderr, flush=True)


def averaged(parameters, loss, is_stopped):
    """Averages the gradients over the processes; the mean loss, and whether any process was asked to stop."""
    if WORLD == 1:
        return loss.item(), is_stopped
    gradients = [p.grad for p in parameters if p.grad is not None]
    extra = torch.stack([loss.detach(), torch.tensor(float(is_stopped), device=loss.device)])
    flat = torch.cat([g.flatten() for g in gradients] + [extra])
    dist.all_reduce(flat)
    flat /= WORLD
    start = 0
    for gradient in gradients:
        gradient.copy_(flat[start:start + gradient.numel()].view_as(gradient))
        start += gradient.numel()
    return flat[-2].item(), flat[-1].item() > 0


def save(path, write):
    """Beside its place, then renamed: there is always a whole file."""
    partial = f"{path}.partial"
    write(partial)
    os.replace(partial, path)


def main():
    o, rest = options()
    torch.manual_seed(0)
    if WORLD > 1:
        if o.device.startswith("cuda"):
            torch.cuda.set_device(o.device)
        dist.init_process_group("nccl" if o.device.startswith("cuda") else "gloo")
    network = Network(o.model).to(o.device)
    routers = router_outputs(network) if o.router_weight else []
    if o.router_weight and not routers:
        sys.exit(f"train-torch: {o.model} has no weight called ….router.weight: --router-weight 0")
    followers = {n: leader_of(n) for n in network.names if leader_of(n) in network.names}
    # Statistics that batch normalization was given are no weights.
    fixed = {name for node in network.model.graph.node if node.op_type == "BatchNormalization" for name in node.input[3:]}
    names = [n for n in network.names if n not in fixed]
    moving = [n for n in names if n not in followers]
    movers = optimizers(o, [network.weight(n) for n in moving])
    average = {n: network.weight(n).detach().clone() for n in names}
    step, checkpoint = 0, o.output[:-5] + ".torch-checkpoint"
    settings = {k: v for k, v in vars(o).items() if k not in ("device", "resume", "irtrain", "checkpoint_every", "log_every")} | {"data": rest}
    found = [None]
    if o.resume and RANK == 0 and os.path.exists(checkpoint):
        found[0] = torch.load(checkpoint, map_location="cpu")
    if WORLD > 1:
        # The first process alone writes checkpoints; the others may have other disks.
        dist.broadcast_object_list(found, src=0, device=torch.device(o.device))
    if found[0]:
        state = found[0]
        if state["settings"] != settings:
            sys.exit(f"train-torch: {checkpoint} is of a run with other settings")
        step = state["step"]
        with torch.no_grad():
            for n, value in state["weights"].items():
                network.weight(n).copy_(value)
        average = {n: value.to(o.device) for n, value in state["average"].items()}
        # Checkpoints of AdamW and Adam alone had one state.
        for mover, own in zip(movers, state.get("optimizers") or [state["optimizer"]]):
            mover.load_state_dict(own)
    batches = Batches(o, rest, step)
    stopped = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda n, _: stopped.append(n))

    def write_checkpoint():
        if RANK:
            return
        state = {"step": step, "settings": settings, "weights": {n: network.weight(n).detach() for n in names}, "average": average, "optimizers": [mover.state_dict() for mover in movers]}
        save(checkpoint, lambda path: torch.save(state, path))
        save(o.output, lambda path: network.save(path, average if o.average else None))

    log = open(os.devnull if RANK else o.output[:-5] + ".jsonl", "a" if step else "w", buffering=1)
    begin, first, total, count = time.time(), step, 0.0, 0
    while step < o.steps:
        image, target, tasks, noise = (t if t is None else t.to(o.device, non_blocking=True) for t in batches.next())
        for mover in movers:
            for group in mover.param_groups:
                group["lr"] = rate_at(o, step)
        with torch.autocast(torch.device(o.device).type, torch.bfloat16, enabled=o.bfloat16):
            prediction, logits = network(image, keep=routers, noise=noise) if routers else (network(image, noise=noise), {})
        loss = loss_of(prediction.float(), target, o.loss, o.fourier_weight)
        if routers:
            terms = [F.cross_entropy(v.float().reshape(len(tasks), -1), tasks) for v in logits.values()]
            loss = loss + o.router_weight * sum(terms) / len(terms)
        network.zero_grad(set_to_none=True)
        loss.backward()
        value, must_stop = averaged([network.weight(n) for n in moving], loss, bool(stopped))
        if o.clip:
            torch.nn.utils.clip_grad_norm_([network.weight(n) for n in moving], o.clip)
        for mover in movers:
            mover.step()
        step += 1
        with torch.no_grad():
            for follower, leader in followers.items():
                network.weight(follower).lerp_(network.weight(leader), 1 - o.controller_decay)
            decay = min(o.average, step / (step + 9))
            if o.average:
                torch._foreach_lerp_(list(average.values()), [network.weight(n).detach() for n in names], 1 - decay)
        total, count = total + value, count + 1
        if not math.isfinite(total):
            sys.exit(f"train-torch: step {step}: the loss is {total}: the run has diverged")
        if step % o.log_every == 0 or step == o.steps:
            pace = (time.time() - begin) / (step - first)
            log.write(json.dumps({"step": step, "loss": total / count, "rate": rate_at(o, step - 1), "seconds": time.time() - begin}) + "\n")
            say(f"{step}/{o.steps}, {pace:.3f} s a step, {pace * (o.steps - step) / 60:.0f} min left, loss {total / count:.5f}")
            total, count = 0.0, 0
        if must_stop:
            break
        if step % o.checkpoint_every == 0:
            write_checkpoint()
    write_checkpoint()
    batches.process.kill()
    if WORLD > 1:
        # No process ends while another still needs it.
        dist.barrier()
        dist.destroy_process_group()
    if step < o.steps:
        say(f"train-torch: interrupted after step {step}; go on with --resume")
        sys.exit(128 + (stopped or [signal.SIGTERM])[0])


main()
