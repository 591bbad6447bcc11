#!/usr/bin/env python3
"""Fits NIQE's Gaussian with pyiqa's functions and compares it with a file of `irquality fit`.

usage: check-niqe.py PHOTOGRAPHS MODEL (torch, pyiqa 0.1.16 without its dependencies, pillow, safetensors)
Features are counted in steps of 0.001, so that rounding moves a few of thousands by one step: 1e-4 may lie between.
"""
import importlib.util
import os
import sys
import types

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import load_file

torch.set_grad_enabled(False)


def pyiqa():
    """The few modules that are needed: the package itself imports networks and downloads."""
    root = importlib.util.find_spec("pyiqa").submodule_search_locations[0]
    for name in ("", ".archs", ".utils", ".utils.download_util", ".utils.registry", ".archs.fsim_arch", ".archs.arch_util"):
        module = types.ModuleType("pyiqa" + name)
        module.__path__ = [root + name.replace(".", "/")]
        sys.modules["pyiqa" + name] = module
    sys.modules["pyiqa.utils.download_util"].load_file_from_url = None
    sys.modules["pyiqa.archs.fsim_arch"]._construct_filters = None
    sys.modules["pyiqa.archs.arch_util"].get_url_from_name = str
    sys.modules["pyiqa.utils.registry"].ARCH_REGISTRY = types.SimpleNamespace(register=lambda: lambda value: value)
    from pyiqa.archs import func_util, niqe_arch
    from pyiqa import matlab_utils
    from pyiqa.utils.color_util import to_y_channel
    return niqe_arch.compute_feature, func_util, matlab_utils, to_y_channel


def features(path, compute, func, matlab, luma):
    """The sharp blocks' 36 numbers."""
    picture = np.asarray(Image.open(path).convert("RGB"), np.float32) / 255
    grey = func.diff_round(luma(torch.from_numpy(picture).permute(2, 0, 1)[None].contiguous(), 255, "yiq")).double()
    rows, columns = grey.shape[2] // 96, grey.shape[3] // 96
    grey, parts = grey[..., :96 * rows, :96 * columns], []
    window = matlab.fspecial(7, 7 / 6, 1).to(grey)
    mean = matlab.imfilter(grey, window, padding="replicate")
    deviation = (matlab.imfilter(grey**2, window, padding="replicate") - mean**2).abs().sqrt()
    sharpness = deviation.reshape(rows, 96, columns, 96).sum((1, 3)).T.reshape(-1)
    for scale in (1, 2):
        normal = func.normalize_img_with_gauss(grey, padding="replicate")
        parts.append(matlab.blockproc(normal, [96 // scale, 96 // scale], fun=compute))
        grey = matlab.imresize(grey / 255, scale=0.5, antialiasing=True) * 255
    result = torch.cat(parts, -1)[0]
    return result[(sharpness > 0.75 * sharpness.max()) & result.isfinite().all(1)].numpy()


def main():
    folder, path = sys.argv[1:]
    functions = pyiqa()
    names = sorted(name for name in os.listdir(folder) if name.lower().endswith((".jpg", ".png")))
    rows = np.concatenate([features(f"{folder}/{name}", *functions) for name in names])
    ours = load_file(path)
    worst = max(np.abs(ours["mean"] - rows.mean(0)).max(), np.abs(ours["covariance"] - np.cov(rows.T)).max())
    print(f"{len(rows)} blocks of {len(names)} photographs: the largest difference is {worst:.1e}")
    sys.exit(int(worst > 1e-4))


main()
