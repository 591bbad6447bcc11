#!/usr/bin/env python3
"""Puts the weights of a trained SymUNet into a wider one that restores the same, to be trained on.

usage: widen-symunet.py TRAINED.onnx FRESH.onnx OUT.onnx [SEED]
FRESH is a SymUNet of `irexport symunet` with as many blocks and heads, and more channels. Each channel is there several
times, and what reads it takes a random share of each copy, so that copies learn apart (Net2Net, Chen et al. 2016). Needs
onnx, which .venv-onnx has.
"""
import sys

import numpy as np

from onnx_weights import transfer


def origins(new, old):
    """The old channel of each new one: copies lie side by side, so that those of a head stay in it."""
    return np.arange(new) * old // new


def parts_of(name):
    """Parts that are split apart behind a weight's output, each widened by itself."""
    return 3 if ".qkv" in name else 2 if ".project_in." in name or ".ffn.dwconv." in name else 1


def rows_of(name, new, old):
    """The old output channel of each new one."""
    if name.startswith("ups."):
        # Four neighbours of a pixel are a channel behind the shuffle.
        inner = origins(new // 4, old // 4)
        return (inner[:, None] * 4 + np.arange(4)).ravel()
    parts = parts_of(name)
    own = origins(new // parts, old // parts)
    return np.concatenate([own + part * (old // parts) for part in range(parts)])


def shares(columns, rows, random):
    """For each new output the share of each copy of an input: they add up to one."""
    weights = random.uniform(0.25, 1, (rows, len(columns)))
    sums = np.zeros((rows, columns.max() + 1))
    np.add.at(sums.T, columns, weights.T)
    return weights / sums[:, columns]


def widened(name, trained, fresh, random):
    if trained.ndim != fresh.ndim:
        sys.exit(f"{name}: {trained.shape} does not go into {fresh.shape}")
    if trained.shape == fresh.shape:
        return trained
    result = trained[rows_of(name, fresh.shape[0], len(trained))] if fresh.shape[0] != len(trained) else trained
    if trained.ndim == 4 and fresh.shape[1] != trained.shape[1]:
        columns = origins(fresh.shape[1], trained.shape[1])
        factors = shares(columns, fresh.shape[0], random)
        result = result[:, columns] * factors[:, :, None, None]
    if result.shape != fresh.shape:
        sys.exit(f"{name}: {trained.shape} does not go into {fresh.shape}")
    return result


def main():
    if len(sys.argv) not in (4, 5):
        sys.exit(__doc__)
    random = np.random.default_rng(int(sys.argv[4]) if len(sys.argv) == 5 else 1)
    transfer(*sys.argv[1:4], lambda name, trained, fresh: widened(name, trained, fresh, random))


main()
