#!/usr/bin/env python3
"""Times a training step (forward, backward, clip, AdamW, average) of irtrain beside PyTorch, interleaved.

usage: bench-train.py TOOLS THREADS ROUNDS COUNT SIDE VARIANTS MODEL...
TOOLS is the folder of irtrain and irexport, VARIANTS is eager or all. MODEL is a file or one of NETWORKS, which irexport makes
once in .build-bench. PyTorch runs the file's own nodes as a module; a SymUNet also as a module with layer normalization
on [N, C, H, W], which is the faster way there. Each is timed as it is and in channels_last, and with all also by
torch.compile and in bfloat16 (autocast). Gradients and losses are compared before anything is timed. Medians over all
rounds.
"""
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np
import torch
from torch import nn
from torch.fx.experimental.proxy_tensor import make_fx

from onnx_torch import Network, loss_of

STEPS = 4
# Settings of irexport, with fresh weights.
NETWORKS = {
    "symunet-32": ("symunet", {"width": 32}),
    "nafnet-16": ("nafnet", {"width": 16}),
    "dncnn": ("dncnn", {"in_nc": 3, "nc": 64, "nb": 17}),
}


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


class Variant:
    """A module with an optimizer of its own; `step` makes a whole training step."""

    def __init__(self, name, module, parameters, bfloat16=False, planar=False):
        self.name, self.module, self.parameters = name, module, parameters
        self.bfloat16, self.planar, self.times = bfloat16, planar, []
        self.optimizer = torch.optim.AdamW(parameters, 1e-3, weight_decay=1e-3)
        self.average = [p.detach().clone() for p in parameters]

    def step(self, x, y):
        if self.planar:
            x = x.contiguous(memory_format=torch.channels_last)
        self.optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bfloat16):
            prediction = self.module(x)
        loss = loss_of(prediction.float(), y, "l1", 0.1)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 0.01)
        self.optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(self.average, list(self.parameters), 0.001)
        return loss.item()

    @property
    def median(self):
        return statistics.median(self.times)


def modules(path, example):
    """By name: functions that make a module and the parameters it uses."""

    def traced():
        network = Network(path)
        # One step of the nodes' own code on real values leaves a graph of PyTorch's operations alone.
        graph = make_fx(network)(example)
        used = [p for p in graph.parameters()]
        return graph, used

    def written():
        module = symunet(path)
        return module, list(module.parameters())

    found = {"": traced}
    try:
        symunet(path)
        found["module, "] = written
    except Exception:  # noqa: BLE001: other networks have no such module
        pass
    return found


def variants(path, example, wanted):
    for prefix, make in modules(path, example).items():
        for planar in (False, True):
            layout = ", channels_last" if planar else ""
            for compiled in (False, True) if wanted == "all" else (False,):
                for bfloat16 in (False, True) if wanted == "all" else (False,):
                    module, parameters = make()
                    if planar:
                        module = module.to(memory_format=torch.channels_last)
                    if compiled:
                        module = torch.compile(module)
                    kind = "compile" if compiled else "eager"
                    name = f"{prefix}{kind}{layout}{', bfloat16' if bfloat16 else ''}"
                    yield Variant(name, module, parameters, bfloat16, planar)


def file_of(model, tools):
    if model not in NETWORKS:
        return model
    path, (name, settings) = f".build-bench/{model}.onnx", NETWORKS[model]
    if not os.path.exists(path):
        os.makedirs(".build-bench", exist_ok=True)
        with open(f"{path}.json", "w", encoding="utf-8") as file:
            json.dump(settings, file)
        command = [f"{tools}/irexport", name, "--config", f"{path}.json", "-o", path, "--reproducible"]
        subprocess.run(command, check=True, stdout=sys.stderr)
    return path


def measure(model, tools, threads, rounds, count, side, wanted):
    path = file_of(model, tools)
    check = os.path.join(os.path.dirname(os.path.abspath(__file__)), "check-gradients.py")
    subprocess.run([sys.executable, check, f"{tools}/irtrain", path], check=True, stdout=sys.stderr)
    generator = np.random.default_rng(0)
    target = generator.random((count, 3, side, side), dtype=np.float32)
    image = (target + 0.1 * generator.standard_normal(target.shape)).astype(np.float32)
    x, y = torch.from_numpy(image), torch.from_numpy(target)
    with tempfile.TemporaryDirectory() as folder:
        np.savez(f"{folder}/batch.npz", image=image, target=target)
        command = [f"{tools}/irtrain", "step", path, "--input", f"{folder}/batch.npz", "--steps", str(STEPS + 1), "-j", str(threads), "--json"]

        def ours():
            return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

        first, peers = ours()["losses"][0], []
        for peer in variants(path, x, wanted):
            begin = time.perf_counter()
            try:
                loss = peer.step(x, y)
            except Exception as problem:  # noqa: BLE001: a variant that does not run is said and left out
                print(f"bench-train: {model}: {peer.name}: {str(problem).splitlines()[0][:150]}", file=sys.stderr)
                continue
            print(f"bench-train: {model}: {peer.name}: first step after {time.perf_counter() - begin:.0f} s", file=sys.stderr)
            limit = 3e-2 if peer.bfloat16 else 1e-4
            if abs(first - loss) > limit * loss:
                sys.exit(f"bench-train: {model}: the losses are {first} and, {peer.name}, {loss}: nothing is timed")
            peer.step(x, y)
            peers.append(peer)
        times = []
        for _ in range(rounds):
            report = ours()
            times += report["seconds"][1:]
            for peer in peers:
                for _ in range(STEPS):
                    start = time.perf_counter()
                    peer.step(x, y)
                    peer.times.append(time.perf_counter() - start)
    median, gflop = statistics.median(times), 2e-9 * report["multiplyAddCount"]
    slow = " ".join(report["referenceKernels"]) or "nothing"
    print(f"| {os.path.basename(model)} | irtrain | {median * 1000:.0f} ms ({min(times) * 1000:.0f} to {max(times) * 1000:.0f}) | | {gflop / median:.0f} GFLOP/s, {report['arenaByteCount'] / 2**20:.0f} MiB, by definition: {slow} |")
    for peer in sorted(peers, key=lambda peer: peer.median):
        print(f"| | {peer.name} | {peer.median * 1000:.0f} ms ({min(peer.times) * 1000:.0f} to {max(peer.times) * 1000:.0f}) | {peer.median / median:.2f}× | |", flush=True)


def main(tools, threads, rounds, count, side, wanted, *models):
    warnings.filterwarnings("ignore")
    threads, rounds, count, side = int(threads), int(rounds), int(count), int(side)
    torch.set_num_threads(threads)
    print(f"{threads} threads, {rounds} rounds of {STEPS} steps, batch {count}×3×{side}×{side}, PyTorch {torch.__version__}")
    print("| model | trainer | a step | ratio | |")
    print("|---|---|---|---|---|", flush=True)
    for model in models:
        measure(model, tools, threads, rounds, count, side, wanted)


main(*sys.argv[1:])
