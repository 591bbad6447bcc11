#!/usr/bin/env python3
"""Writes a diffusers folder of Stable Diffusion 2's shapes with random float16 weights, to try large models without their files.

usage: make-diffusers-folder.py FOLDER [--channels N] [--width N] [--seed N] [--check NAMES]
The UNet has N input channels (8) and levels of N, 2 N, 4 N and 4 N channels (320, a multiple of 64); autoencoder and text tower are
Stable Diffusion 2's; taesd/ is for irexport's --taesd. --check compares names and shapes with the lists unet-sd2.txt, vae.txt,
clip-text-sd2.txt and taesd.txt of a folder, lines of `name 320x8x3x3`, instead of writing. Needs numpy.
"""
import argparse
import json
import os
import struct
import sys

import numpy as np

CONTEXT = 1024
LEAST_WIDTH = 64


def linear(name, outputs, inputs, bias=True):
    return [(f"{name}.weight", (outputs, inputs))] + ([(f"{name}.bias", (outputs,))] if bias else [])


def convolution(name, outputs, inputs, kernel=3):
    return [(f"{name}.weight", (outputs, inputs, kernel, kernel)), (f"{name}.bias", (outputs,))]


def norm(name, count):
    return [(f"{name}.weight", (count,)), (f"{name}.bias", (count,))]


def residual(name, inputs, outputs, time=None):
    tensors = norm(f"{name}.norm1", inputs) + convolution(f"{name}.conv1", outputs, inputs)
    if time:
        tensors += linear(f"{name}.time_emb_proj", outputs, time)
    tensors += norm(f"{name}.norm2", outputs) + convolution(f"{name}.conv2", outputs, outputs)
    return tensors + (convolution(f"{name}.conv_shortcut", outputs, inputs, 1) if inputs != outputs else [])


def transformer(name, width):
    block = f"{name}.transformer_blocks.0"
    tensors = norm(f"{name}.norm", width) + linear(f"{name}.proj_in", width, width)
    for part, source in (("attn1", width), ("attn2", CONTEXT)):
        tensors += linear(f"{block}.{part}.to_q", width, width, False)
        tensors += linear(f"{block}.{part}.to_k", width, source, False) + linear(f"{block}.{part}.to_v", width, source, False)
        tensors += linear(f"{block}.{part}.to_out.0", width, width)
    for index in (1, 2, 3):
        tensors += norm(f"{block}.norm{index}", width)
    tensors += linear(f"{block}.ff.net.0.proj", 8 * width, width) + linear(f"{block}.ff.net.2", width, 4 * width)
    return tensors + linear(f"{name}.proj_out", width, width)


def unet(channels, widths, outputs=4, blocks=2):
    time = 4 * widths[0]
    tensors = convolution("conv_in", widths[0], channels)
    tensors += linear("time_embedding.linear_1", time, widths[0]) + linear("time_embedding.linear_2", time, time)
    last, skips, width = len(widths) - 1, [widths[0]], widths[0]
    for level, count in enumerate(widths):
        name = f"down_blocks.{level}"
        for index in range(blocks):
            tensors += residual(f"{name}.resnets.{index}", width, count, time)
            tensors += transformer(f"{name}.attentions.{index}", count) if level < last else []
            width = count
            skips.append(width)
        if level < last:
            tensors += convolution(f"{name}.downsamplers.0.conv", width, width)
            skips.append(width)
    for index in (0, 1):
        tensors += residual(f"mid_block.resnets.{index}", width, width, time)
    tensors += transformer("mid_block.attentions.0", width)
    for position, level in enumerate(reversed(range(len(widths)))):
        name, count = f"up_blocks.{position}", widths[level]
        for index in range(blocks + 1):
            tensors += residual(f"{name}.resnets.{index}", width + skips.pop(), count, time)
            tensors += transformer(f"{name}.attentions.{index}", count) if level < last else []
            width = count
        if level > 0:
            tensors += convolution(f"{name}.upsamplers.0.conv", width, width)
    return tensors + norm("conv_norm_out", width) + convolution("conv_out", outputs, width)


def middle(name, width):
    attention = f"{name}.attentions.0"
    tensors = residual(f"{name}.resnets.0", width, width) + residual(f"{name}.resnets.1", width, width)
    tensors += norm(f"{attention}.group_norm", width)
    for part in ("to_q", "to_k", "to_v", "to_out.0"):
        tensors += linear(f"{attention}.{part}", width, width)
    return tensors


def autoencoder(widths, latents=4, blocks=2):
    tensors, width, last = convolution("encoder.conv_in", widths[0], 3), widths[0], len(widths) - 1
    for level, count in enumerate(widths):
        name = f"encoder.down_blocks.{level}"
        for index in range(blocks):
            tensors += residual(f"{name}.resnets.{index}", width, count)
            width = count
        tensors += convolution(f"{name}.downsamplers.0.conv", width, width) if level < last else []
    tensors += middle("encoder.mid_block", width) + norm("encoder.conv_norm_out", width)
    tensors += convolution("encoder.conv_out", 2 * latents, width)
    tensors += convolution("decoder.conv_in", width, latents) + middle("decoder.mid_block", width)
    for position, count in enumerate(reversed(widths)):
        name = f"decoder.up_blocks.{position}"
        for index in range(blocks + 1):
            tensors += residual(f"{name}.resnets.{index}", width, count)
            width = count
        tensors += convolution(f"{name}.upsamplers.0.conv", width, width) if position < last else []
    tensors += norm("decoder.conv_norm_out", width) + convolution("decoder.conv_out", 3, width)
    return tensors + convolution("quant_conv", 2 * latents, 2 * latents, 1) + convolution("post_quant_conv", latents, latents, 1)


def tiny_autoencoder(width=64, latents=4):
    """TAESD: blocks of three convolutions, a convolution between them for each stage; only the outermost of those have biases."""
    def blocks(side, first, count):
        layers = range(first, first + count)
        return [tensor for layer in layers for part in (0, 2, 4) for tensor in convolution(f"{side}.layers.{layer}.conv.{part}", width, width)]

    tensors, layer = [], 0
    for stage, count in enumerate((1, 3, 3, 3)):
        tensors += convolution(f"encoder.layers.{layer}", width, width if stage else 3)[:1 if stage else 2]
        tensors += blocks("encoder", layer + 1, count)
        layer += 1 + count
    tensors += convolution(f"encoder.layers.{layer}", latents, width) + convolution("decoder.layers.0", width, latents)
    layer = 2
    for count in (3, 3, 3):
        tensors += blocks("decoder", layer, count) + convolution(f"decoder.layers.{layer + count + 1}", width, width)[:1]
        layer += count + 2
    return tensors + blocks("decoder", layer, 1) + convolution(f"decoder.layers.{layer + 1}", 3, width)


def text_tower(width, layers):
    tensors = [("embeddings.token_embedding.weight", (49408, width)), ("embeddings.position_embedding.weight", (77, width))]
    for layer in range(layers):
        name = f"encoder.layers.{layer}"
        for part in ("q_proj", "k_proj", "v_proj", "out_proj"):
            tensors += linear(f"{name}.self_attn.{part}", width, width)
        tensors += norm(f"{name}.layer_norm1", width) + norm(f"{name}.layer_norm2", width)
        tensors += linear(f"{name}.mlp.fc1", 4 * width, width) + linear(f"{name}.mlp.fc2", width, 4 * width)
    return tensors + norm("final_layer_norm", width)


def is_norm(name):
    return ".norm" in name or "layer_norm" in name or name.startswith("conv_norm") or "_norm." in name


def values(name, shape, random):
    """Weights that keep the size of what they multiply, and norms near 1; all of them matter."""
    numbers = random.standard_normal(shape, dtype=np.float32)
    if len(shape) == 1:
        return (1 + 0.1 * numbers if is_norm(name) and name.endswith("weight") else 0.05 * numbers).astype(np.float16)
    fan = 1 if "embedding" in name and not name.startswith("time") else int(np.prod(shape[1:]))
    return (0.5 * fan ** -0.5 * numbers).astype(np.float16)


def write_weights(path, tensors, random):
    """safetensors: a length, JSON, and the numbers in order."""
    header, offset = {}, 0
    for name, shape in tensors:
        end = offset + 2 * int(np.prod(shape))
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in tensors:
            file.write(values(name, shape, random).tobytes())


def write_settings(path, settings):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(settings, file, indent=2)


def check(parts, folder):
    for name, tensors in parts.items():
        ours = {key: "x".join(map(str, shape)) for key, shape in tensors}
        with open(f"{folder}/{name}.txt", encoding="utf-8") as file:
            theirs = dict(line.split() for line in file if line.strip())
        if ours != theirs:
            differing = sorted(set(ours.items()) ^ set(theirs.items()))
            sys.exit(f"{name}: {len(differing)} lines differ, the first is {differing[0]}")
        print(f"{name}: {len(ours)} tensors are alike")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?")
    parser.add_argument("--channels", type=int, default=8)
    parser.add_argument("--width", type=int, default=320)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--check", metavar="NAMES")
    options = parser.parse_args()
    if options.width % LEAST_WIDTH:
        parser.error(f"--width must be a multiple of {LEAST_WIDTH}")
    widths = [options.width, 2 * options.width, 4 * options.width, 4 * options.width]
    parts = {"unet-sd2": unet(options.channels, widths), "vae": autoencoder([128, 256, 512, 512]), "clip-text-sd2": text_tower(CONTEXT, 23),
             "taesd": tiny_autoencoder()}
    if options.check:
        check(parts, options.check)
        return
    if not options.folder:
        parser.error("a folder is missing")
    random = np.random.default_rng(options.seed)
    folder = options.folder
    write_weights(f"{folder}/unet/diffusion_pytorch_model.safetensors", parts["unet-sd2"], random)
    write_weights(f"{folder}/vae/diffusion_pytorch_model.safetensors", parts["vae"], random)
    write_weights(f"{folder}/taesd/diffusion_pytorch_model.safetensors", parts["taesd"], random)
    text = [(f"text_model.{name}", shape) for name, shape in parts["clip-text-sd2"]]
    write_weights(f"{folder}/text_encoder/model.safetensors", text, random)
    write_settings(f"{folder}/unet/config.json", {
        "_class_name": "UNet2DConditionModel", "in_channels": options.channels, "out_channels": 4, "block_out_channels": widths,
        "layers_per_block": 2, "attention_head_dim": [width // 64 for width in widths], "use_linear_projection": True,
        "cross_attention_dim": CONTEXT, "norm_num_groups": 32, "norm_eps": 1e-5, "act_fn": "silu",
        "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"], "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3})
    write_settings(f"{folder}/vae/config.json", {
        "_class_name": "AutoencoderKL", "in_channels": 3, "out_channels": 3, "latent_channels": 4, "block_out_channels": [128, 256, 512, 512],
        "layers_per_block": 2, "norm_num_groups": 32, "act_fn": "silu", "scaling_factor": 0.18215,
        "down_block_types": ["DownEncoderBlock2D"] * 4, "up_block_types": ["UpDecoderBlock2D"] * 4})
    write_settings(f"{folder}/text_encoder/config.json", {
        "hidden_size": CONTEXT, "intermediate_size": 4 * CONTEXT, "num_attention_heads": 16, "num_hidden_layers": 23, "hidden_act": "gelu",
        "vocab_size": 49408, "max_position_embeddings": 77, "layer_norm_eps": 1e-5})
    write_settings(f"{folder}/scheduler/scheduler_config.json", {
        "_class_name": "DDIMScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear", "num_train_timesteps": 1000,
        "prediction_type": "epsilon", "set_alpha_to_one": False, "steps_offset": 1, "clip_sample": False})
    count = sum(int(np.prod(shape)) for shape in (shape for _, shape in parts["unet-sd2"]))
    print(f"{folder}: a UNet of {count} parameters")


if __name__ == "__main__":
    main()
