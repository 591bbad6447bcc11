#!/usr/bin/env python3
"""Makes Tests/Fixtures/pytorch: files of torch.save in both of its formats, and what is in them.

usage: make-pytorch-files.py FOLDER      (PyTorch 2.13, CPU; safetensors)
"""
import collections
import os
import sys

import torch
from safetensors.torch import save_file
from torch import nn


def main(folder):
    os.makedirs(folder, exist_ok=True)
    torch.manual_seed(3)
    base = torch.randn(4, 6)
    tensors = {
        "params.module.intro.weight": torch.randn(3, 2, 1, 1),
        "params.module.intro.bias": torch.randn(3),
        "params.module.moved": base.t(),
        "params.module.part": base[1:3, 2:5],
        "params.module.scalar": torch.tensor(2.5),
        "params.module.empty": torch.empty(0, 4),
        "params.module.half": torch.randn(3).half(),
        "params.module.brain": torch.randn(3).bfloat16(),
        "params.module.double": torch.randn(2, 2).double(),
        "params.module.steps": torch.tensor([1, -2, 3]),
        "params.module.mask": torch.tensor([True, False]),
        "params.module.parameter": nn.Parameter(torch.randn(2)).detach(),
    }
    state = collections.OrderedDict((name[len("params."):], value) for name, value in tensors.items())
    state["module.parameter"] = nn.Parameter(tensors["params.module.parameter"])
    content = {"params": state, "epoch": 7, "lr": 1e-3, "name": "naïve", "betas": (0.9, 0.999), "more": [None, True, 2**70]}
    for name, options in [("zip", {}), ("legacy", {"_use_new_zipfile_serialization": False}), ("protocol4", {"pickle_protocol": 4})]:
        torch.save(content, f"{folder}/{name}.pth", **options)
    save_file({name: value.contiguous() for name, value in tensors.items()}, f"{folder}/content.safetensors")
    module = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    torch.save(module, f"{folder}/module.pth")
    save_file(dict(module.state_dict()), f"{folder}/module.safetensors")


main(sys.argv[1])
