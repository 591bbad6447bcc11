#!/usr/bin/env python3
"""Exports small SymUNet, Restormer and NAFNet networks with both of PyTorch's ONNX exporters.

usage: make-exported-networks.py OUT
Writes OUT/<network>-<exporter>/{model.onnx,io.npz}: random weights from a fixed seed, dynamic height
and width, and in io.npz what PyTorch computes for one input, by the names of the model's inputs and
outputs. Versions: Tests/Fixtures/exported/README.md.
"""
import os
import sys
import warnings

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from torch import nn

warnings.simplefilter("ignore")


class ChannelNorm(nn.Module):
    """Layer normalization over the channels of an image, written on [N, C, H, W]."""

    def __init__(self, channels, epsilon):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.epsilon = epsilon

    def forward(self, x):
        mean = x.mean(1, keepdim=True)
        variance = (x - mean).pow(2).mean(1, keepdim=True)
        y = (x - mean) / (variance + self.epsilon).sqrt()
        return y * self.weight.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)


class TokenNorm(nn.Module):
    """The same on a [N, H W, C] view, as Restormer's code has it."""

    def __init__(self, channels):
        super().__init__()
        self.body = nn.Module()
        self.body.weight = nn.Parameter(torch.ones(channels))
        self.body.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        height, width = x.shape[-2:]
        tokens = x.flatten(2).transpose(1, 2)
        mean = tokens.mean(-1, keepdim=True)
        variance = tokens.var(-1, keepdim=True, unbiased=False)
        tokens = (tokens - mean) / torch.sqrt(variance + 1e-5) * self.body.weight + self.body.bias
        return tokens.transpose(1, 2).reshape(x.shape[0], -1, height, width)


class TransposedAttention(nn.Module):
    def __init__(self, channels, heads):
        super().__init__()
        self.heads = heads
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.qkv = nn.Conv2d(channels, 3 * channels, 1, bias=False)
        self.qkv_dwconv = nn.Conv2d(3 * channels, 3 * channels, 3, 1, 1, groups=3 * channels, bias=False)
        self.project_out = nn.Conv2d(channels, channels, 1, bias=False)

    def forward(self, x):
        n, c, height, width = x.shape
        q, k, v = self.qkv_dwconv(self.qkv(x)).chunk(3, dim=1)
        q, k, v = (t.reshape(n, self.heads, c // self.heads, height * width) for t in (q, k, v))
        q, k = F.normalize(q, dim=-1), F.normalize(k, dim=-1)
        attention = ((q @ k.transpose(-2, -1)) * self.temperature).softmax(dim=-1)
        return self.project_out((attention @ v).reshape(n, c, height, width))


class GatedFeedForward(nn.Module):
    def __init__(self, channels):
        super().__init__()
        hidden = int(channels * 2.66)
        self.project_in = nn.Conv2d(channels, 2 * hidden, 1, bias=False)
        self.dwconv = nn.Conv2d(2 * hidden, 2 * hidden, 3, 1, 1, groups=2 * hidden, bias=False)
        self.project_out = nn.Conv2d(hidden, channels, 1, bias=False)

    def forward(self, x):
        a, b = self.dwconv(self.project_in(x)).chunk(2, dim=1)
        return self.project_out(F.gelu(a) * b)


class TransformerBlock(nn.Module):
    def __init__(self, channels, heads):
        super().__init__()
        self.norm1, self.attn = TokenNorm(channels), TransposedAttention(channels, heads)
        self.norm2, self.ffn = TokenNorm(channels), GatedFeedForward(channels)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.ffn(self.norm2(x))


def blocks(count, *arguments):
    return nn.Sequential(*[TransformerBlock(*arguments) for _ in range(count)])


def padded(x, multiple, mode):
    """`x` with rows below and columns on the right up to a multiple."""
    height, width = x.shape[-2:]
    return F.pad(x, (0, (multiple - width % multiple) % multiple, 0, (multiple - height % multiple) % multiple), mode)


class SymUNet(nn.Module):
    def __init__(self, width=8, encoder=(1, 1), middle=1, decoder=(1, 1), heads=(1, 2), middle_heads=4):
        super().__init__()
        self.multiple = 2 ** len(encoder) * 4
        self.intro, self.ending = nn.Conv2d(3, width, 3, 1, 1), nn.Conv2d(width, 3, 3, 1, 1)
        self.encoders, self.downs = nn.ModuleList(), nn.ModuleList()
        self.ups, self.decoders = nn.ModuleList(), nn.ModuleList()
        for count, head in zip(encoder, heads):
            self.encoders.append(blocks(count, width, head))
            self.downs.append(nn.Conv2d(width, 2 * width, 2, 2))
            width *= 2
        self.middle_blks = blocks(middle, width, middle_heads)
        for count, head in zip(decoder, heads[::-1]):
            self.ups.append(nn.Sequential(nn.Conv2d(width, 2 * width, 1, bias=False), nn.PixelShuffle(2)))
            width //= 2
            self.decoders.append(blocks(count, width, head))

    def forward(self, image):
        height, width = image.shape[-2:]
        input = padded(image, self.multiple, "reflect")
        x, skips = self.intro(input), []
        for encoder, down in zip(self.encoders, self.downs):
            x = encoder(x)
            skips.append(x)
            x = down(x)
        x = self.middle_blks(x)
        for up, decoder, skip in zip(self.ups, self.decoders, skips[::-1]):
            x = decoder(up(x) + skip)
        return (self.ending(x) + input)[:, :, :height, :width]


class Restormer(nn.Module):
    """Height and width are multiples of 8."""

    def __init__(self, dim=4, counts=(1, 1, 1, 1), refinement=1, heads=(1, 2, 4, 8)):
        super().__init__()
        down = lambda c: nn.Sequential(nn.Conv2d(c, c // 2, 3, 1, 1, bias=False), nn.PixelUnshuffle(2))
        up = lambda c: nn.Sequential(nn.Conv2d(c, 2 * c, 3, 1, 1, bias=False), nn.PixelShuffle(2))
        self.patch_embed = nn.Conv2d(3, dim, 3, 1, 1, bias=False)
        self.encoder_level1, self.down1_2 = blocks(counts[0], dim, heads[0]), down(dim)
        self.encoder_level2, self.down2_3 = blocks(counts[1], 2 * dim, heads[1]), down(2 * dim)
        self.encoder_level3, self.down3_4 = blocks(counts[2], 4 * dim, heads[2]), down(4 * dim)
        self.latent, self.up4_3 = blocks(counts[3], 8 * dim, heads[3]), up(8 * dim)
        self.reduce_chan_level3 = nn.Conv2d(8 * dim, 4 * dim, 1, bias=False)
        self.decoder_level3, self.up3_2 = blocks(counts[2], 4 * dim, heads[2]), up(4 * dim)
        self.reduce_chan_level2 = nn.Conv2d(4 * dim, 2 * dim, 1, bias=False)
        self.decoder_level2, self.up2_1 = blocks(counts[1], 2 * dim, heads[1]), up(2 * dim)
        self.decoder_level1 = blocks(counts[0], 2 * dim, heads[0])
        self.refinement = blocks(refinement, 2 * dim, heads[0])
        self.output = nn.Conv2d(2 * dim, 3, 3, 1, 1, bias=False)

    def forward(self, image):
        first = self.encoder_level1(self.patch_embed(image))
        second = self.encoder_level2(self.down1_2(first))
        third = self.encoder_level3(self.down2_3(second))
        x = self.latent(self.down3_4(third))
        x = self.decoder_level3(self.reduce_chan_level3(torch.cat([self.up4_3(x), third], 1)))
        x = self.decoder_level2(self.reduce_chan_level2(torch.cat([self.up3_2(x), second], 1)))
        x = self.decoder_level1(torch.cat([self.up2_1(x), first], 1))
        return self.output(self.refinement(x)) + image


class NAFBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(c, 2 * c, 1), nn.Conv2d(2 * c, 2 * c, 3, 1, 1, groups=2 * c)
        self.conv3, self.sca = nn.Conv2d(c, c, 1), nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(c, c, 1))
        self.conv4, self.conv5 = nn.Conv2d(c, 2 * c, 1), nn.Conv2d(c, c, 1)
        self.norm1, self.norm2 = ChannelNorm(c, 1e-6), ChannelNorm(c, 1e-6)
        self.beta, self.gamma = nn.Parameter(torch.zeros(1, c, 1, 1)), nn.Parameter(torch.zeros(1, c, 1, 1))

    @staticmethod
    def gate(x):
        a, b = x.chunk(2, dim=1)
        return a * b

    def forward(self, x):
        y = self.gate(self.conv2(self.conv1(self.norm1(x))))
        x = x + self.conv3(y * self.sca(y)) * self.beta
        return x + self.conv5(self.gate(self.conv4(self.norm2(x)))) * self.gamma


class NAFNet(nn.Module):
    def __init__(self, width=8, encoder=(1, 1), middle=1, decoder=(1, 1)):
        super().__init__()
        stack = lambda count, c: nn.Sequential(*[NAFBlock(c) for _ in range(count)])
        self.multiple = 2 ** len(encoder)
        self.intro, self.ending = nn.Conv2d(3, width, 3, 1, 1), nn.Conv2d(width, 3, 3, 1, 1)
        self.encoders, self.downs = nn.ModuleList(), nn.ModuleList()
        self.ups, self.decoders = nn.ModuleList(), nn.ModuleList()
        for count in encoder:
            self.encoders.append(stack(count, width))
            self.downs.append(nn.Conv2d(width, 2 * width, 2, 2))
            width *= 2
        self.middle_blks = stack(middle, width)
        for count in decoder:
            self.ups.append(nn.Sequential(nn.Conv2d(width, 2 * width, 1, bias=False), nn.PixelShuffle(2)))
            width //= 2
            self.decoders.append(stack(count, width))

    def forward(self, image):
        height, width = image.shape[-2:]
        input = padded(image, self.multiple, "constant")
        x, skips = self.intro(input), []
        for encoder, down in zip(self.encoders, self.downs):
            x = encoder(x)
            skips.append(x)
            x = down(x)
        x = self.middle_blks(x)
        for up, decoder, skip in zip(self.ups, self.decoders, skips[::-1]):
            x = decoder(up(x) + skip)
        return (self.ending(x) + input)[:, :, :height, :width]


def perturb(network):
    """Moves every parameter that starts at a constant, so that each matters to the output."""
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            last = name.rsplit(".", 1)[-1]
            if last in ("beta", "gamma"):
                parameter.normal_(0, 0.5)
            elif parameter.dim() == 1 or last == "temperature":
                parameter.add_(torch.randn_like(parameter), alpha=0.2)


def without_source(model):
    """Removes what the exporter notes of the Python source, paths among it, half of a small file."""
    for nodes in [model.graph.node] + [function.node for function in model.functions]:
        for node in nodes:
            node.ClearField("doc_string")
            del node.metadata_props[:]
    return model


# Name, network, the size it is traced with, the size of the stored input and output.
networks = [
    ("symunet", SymUNet, (40, 56), (37, 45)),
    ("restormer", Restormer, (32, 48), (24, 40)),
    ("nafnet", NAFNet, (40, 56), (37, 45)),
]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    for seed, (name, build, traced, stored) in enumerate(networks):
        torch.manual_seed(seed)
        network = build().eval()
        perturb(network)
        example, image = torch.rand(1, 3, *traced), torch.rand(1, 3, *stored)
        with torch.no_grad():
            output = network(image)
        for exporter in ("dynamo", "torchscript"):
            folder = os.path.join(sys.argv[1], f"{name}-{exporter}")
            os.makedirs(folder, exist_ok=True)
            path = os.path.join(folder, "model.onnx")
            axes = {2: "height", 3: "width"}
            if exporter == "dynamo":
                size = torch.export.Dim.DYNAMIC
                torch.onnx.export(
                    network, (example,), path, dynamo=True, external_data=False, verbose=False,
                    input_names=["input"], output_names=["output"], dynamic_shapes=({2: size, 3: size},),
                )
            else:
                torch.onnx.export(
                    network, (example,), path, dynamo=False, opset_version=17,
                    input_names=["input"], output_names=["output"],
                    dynamic_axes={"input": axes, "output": axes},
                )
            onnx.save(without_source(onnx.load(path)), path)
            onnx.checker.check_model(path, full_check=True)
            np.savez(
                os.path.join(folder, "io.npz"), input=image.numpy(), output=output.numpy())


if __name__ == "__main__":
    main()
