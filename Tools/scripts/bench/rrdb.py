#!/usr/bin/env python3
"""Writes a plain network of residual-in-residual dense blocks (Wang et al., 2018, arXiv 1809.00219) as PyTorch exports
it, fresh weights from a fixed seed, height and width open. usage: rrdb.py OUT.onnx"""
import os
import sys
import warnings

import onnx
import torch
from torch import nn
from torch.nn import functional

WIDTH, GROWTH, BLOCKS = 64, 32, 2


class DenseBlock(nn.Module):
    def __init__(self):
        super().__init__()
        outputs = [GROWTH] * 4 + [WIDTH]
        self.layers = nn.ModuleList(nn.Conv2d(WIDTH + i * GROWTH, c, 3, 1, 1) for i, c in enumerate(outputs))

    def forward(self, x):
        known = [x]
        for layer in self.layers[:-1]:
            known.append(functional.leaky_relu(layer(torch.cat(known, 1)), 0.2))
        return x + 0.2 * self.layers[-1](torch.cat(known, 1))


class RRDB(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(DenseBlock(), DenseBlock(), DenseBlock())

    def forward(self, x):
        return x + 0.2 * self.blocks(x)


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Conv2d(3, WIDTH, 3, 1, 1), nn.Conv2d(WIDTH, 3, 3, 1, 1)
        self.trunk, self.trunk_conv = nn.Sequential(*[RRDB() for _ in range(BLOCKS)]), nn.Conv2d(WIDTH, WIDTH, 3, 1, 1)
        self.high = nn.Conv2d(WIDTH, WIDTH, 3, 1, 1)

    def forward(self, image):
        x = self.first(image)
        x = x + self.trunk_conv(self.trunk(x))
        return image + self.last(functional.leaky_relu(self.high(x), 0.2))


def main(path):
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    network = Network().eval()
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, a=0.2)
            nn.init.uniform_(layer.bias, -0.1, 0.1)
    axes = {2: "H", 3: "W"}
    unfinished = path + ".part"
    torch.onnx.export(
        network, (torch.rand(1, 3, 64, 64),), unfinished, dynamo=False, opset_version=17, input_names=["image"],
        output_names=["restored"], dynamic_axes={"image": axes, "restored": axes})
    onnx.checker.check_model(unfinished, full_check=True)
    os.replace(unfinished, path)


main(sys.argv[1])
