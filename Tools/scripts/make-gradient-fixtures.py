#!/usr/bin/env python3
"""Writes what PyTorch computes for one training step of the exported networks: the loss and every weight's gradient.

usage: make-gradient-fixtures.py FOLDER   (Tests/Fixtures/exported; PyTorch 2.13)
Each network's folder gets gradients.npz: `image`, `target`, `loss`, `gradient/NAME` (L1 + 0.1 Fourier).
"""
import os
import sys

import numpy as np
import torch

from onnx_torch import Network, loss_of

for name in ("symunet-torchscript", "symunet-dynamo", "nafnet-torchscript", "restormer-dynamo"):
    folder = os.path.join(sys.argv[1], name)
    network = Network(os.path.join(folder, "model.onnx"))
    generator = np.random.default_rng(1)
    target = generator.random((2, 3, 32, 32), dtype=np.float32)
    image = (target + 0.1 * generator.standard_normal(target.shape)).astype(np.float32)
    loss = loss_of(network(torch.from_numpy(image)), torch.from_numpy(target), "l1", 0.1)
    loss.backward()
    tensors = {"image": image, "target": target, "loss": np.array(loss.item())}
    for weight in network.names:
        if network.weight(weight).grad is not None:
            tensors["gradient/" + weight] = network.weight(weight).grad.numpy()
    np.savez_compressed(os.path.join(folder, "gradients.npz"), **tensors)
    print(name, len(tensors) - 3, "weights", os.path.getsize(os.path.join(folder, "gradients.npz")), "bytes")
