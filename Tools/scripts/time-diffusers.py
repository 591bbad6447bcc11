#!/usr/bin/env python3
"""Times one pass of a diffusers folder's UNet, encoder and decoder in PyTorch, to lay beside Tools/bench of the frozen files.

usage: time-diffusers.py FOLDER [--size 512] [--threads 2] [--runs 3] [--precision f32|bf16]
FOLDER is what `irexport unires --weights` reads, or what make-diffusers-folder.py writes. Pictures are SIZE pixels a side, latents an eighth. Said are
the median, the fastest and the slowest of the runs after one to warm up, and the peak memory of the process up to there.
Needs torch and diffusers.
"""
import argparse
import resource
import statistics
import time

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel


def timed(name, runs, call):
    call()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{name}: {statistics.median(times):.2f} s ({min(times):.2f} to {max(times):.2f}), {peak:.0f} MiB", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.set_grad_enabled(False)
    kind = torch.bfloat16 if options.precision == "bf16" else torch.float32
    generator, side = torch.Generator().manual_seed(0), options.size // 8

    def random(*shape):
        return torch.rand(shape, generator=generator).to(kind)

    vae = AutoencoderKL.from_pretrained(options.folder, subfolder="vae", torch_dtype=kind).eval()
    picture, latents = random(1, 3, options.size, options.size), random(1, vae.config.latent_channels, side, side)
    timed("encoder", options.runs, lambda: vae.encode(picture))
    timed("decoder", options.runs, lambda: vae.decode(latents))
    del vae
    unet = UNet2DConditionModel.from_pretrained(options.folder, subfolder="unet", torch_dtype=kind).eval()
    sample, text = random(1, unet.config.in_channels, side, side), random(1, 77, unet.config.cross_attention_dim)
    timed("unet", options.runs, lambda: unet(sample, torch.tensor(500), encoder_hidden_states=text))


main()
