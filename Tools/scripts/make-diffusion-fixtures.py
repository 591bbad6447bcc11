#!/usr/bin/env python3
"""Makes Tests/Fixtures/diffusion with diffusers: walks of its schedulers, and TAESD with random weights.

usage: make-diffusion-fixtures.py FOLDER (PyTorch 2.13.0, diffusers 0.42.1, safetensors)

The walks ask a function instead of a network, which the tests compute likewise: y = (0.5 + t / 2000) z / (1 + |z|) + 0.1 c.
"""
import os
import sys

import torch
from diffusers import AutoencoderTiny, DDIMScheduler, DPMSolverMultistepScheduler, EulerDiscreteScheduler
from safetensors.torch import save_file

torch.set_grad_enabled(False)
torch.set_num_threads(1)

BETAS = dict(num_train_timesteps=1000, beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1)


def normal(shape, seed):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def scheduler(method, spacing, prediction, zero):
    shared = dict(BETAS, timestep_spacing=spacing, prediction_type=prediction, rescale_betas_zero_snr=zero)
    if method == "ddim":
        return DDIMScheduler(clip_sample=False, set_alpha_to_one=False, **shared)
    if method == "dpm++2m":
        return DPMSolverMultistepScheduler(algorithm_type="dpmsolver++", solver_order=2, solver_type="midpoint", **shared)
    return EulerDiscreteScheduler(**shared)


def walk(method, spacing, prediction, zero, steps, eta, tensors):
    """The latents of every step, of variance 1 whatever the scheduler's own scale is."""
    s = scheduler(method, spacing, prediction, zero)
    s.set_timesteps(steps)
    z = tensors["noise"].double() * float(s.init_noise_sigma)
    path = []
    for index, t in enumerate(s.timesteps):
        seen = s.scale_model_input(z, t)
        path.append(seen)
        y = (0.5 + float(t) / 2000) * seen / (1 + seen.abs()) + 0.1 * tensors["offset"].double()
        further = dict(eta=eta, variance_noise=tensors["fresh"][index : index + 1].double()) if eta else {}
        z = s.step(y, t, z, **further).prev_sample
    path.append(z)
    name = f"{method} {spacing} {prediction} {'zero' if zero else 'own'} {steps} {eta}"
    tensors[f"{name}/timesteps"] = s.timesteps.float()
    tensors[f"{name}/latents"] = torch.cat(path).float()


def walks():
    tensors = {"noise": normal((1, 4, 3, 5), 1), "offset": normal((1, 4, 3, 5), 2), "fresh": normal((10, 4, 3, 5), 3)}
    for method in ("ddim", "dpm++2m", "euler"):
        for spacing in ("leading", "trailing", "linspace"):
            for prediction in ("epsilon", "v_prediction", "sample"):
                walk(method, spacing, prediction, False, 7, 0.0, tensors)
        walk(method, "trailing", "v_prediction", True, 4, 0.0, tensors)
        walk(method, "trailing", "epsilon", False, 1, 0.0, tensors)
        walk(method, "leading", "epsilon", False, 10, 0.0, tensors)
    walk("ddim", "leading", "epsilon", False, 10, 0.5, tensors)
    walk("ddim", "trailing", "v_prediction", False, 7, 1.0, tensors)
    return tensors


def taesd():
    model = AutoencoderTiny(
        encoder_block_out_channels=(8, 8, 8, 8), decoder_block_out_channels=(8, 8, 8, 8),
        num_encoder_blocks=(1, 2, 1, 1), num_decoder_blocks=(1, 1, 2, 1)).eval()
    generator = torch.Generator().manual_seed(5)
    for _, p in sorted(model.named_parameters()):
        p.copy_(torch.randn(p.shape, generator=generator) * (p[0].numel() ** -0.5 if p.dim() > 1 else 0.1))
    image, latents = 2 * torch.rand((1, 3, 40, 56), generator=generator) - 1, 2 * normal((1, 4, 6, 5), 6)
    io = {"image": image, "encoded": model.encode(image).latents, "latents": latents, "decoded": model.decode(latents).sample}
    return model.state_dict(), io


def main():
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    save_file({k: v.contiguous() for k, v in walks().items()}, f"{folder}/walks.safetensors")
    weights, io = taesd()
    save_file({k: v.contiguous() for k, v in weights.items()}, f"{folder}/taesd.safetensors")
    save_file({k: v.contiguous() for k, v in io.items()}, f"{folder}/taesd-io.safetensors")


main()
