#!/usr/bin/env python3
"""Puts the weights of a trained DaAIR into one with more experts, to be trained on.

usage: add-experts.py TRAINED.onnx FRESH.onnx OUT.onnx EXPERT...
FRESH is the same network of `irexport daair` with more `tasks`. Trained experts keep their places; each further one
begins as a copy of the trained EXPERT (0, 1, ...) that is named for it, in order. What routers say of the new ones
stays fresh. Needs onnx, which .venv-onnx has.
"""
import sys

from onnx_weights import transfer


def widened(name, trained, fresh, copies):
    if trained.shape == fresh.shape:
        return trained
    if trained.shape[1:] != fresh.shape[1:] or len(fresh) != len(trained) + len(copies):
        sys.exit(f"{name}: {trained.shape} does not go into {fresh.shape} with {len(copies)} more experts")
    result = fresh.copy()
    result[: len(trained)] = trained
    if ".router." not in name:
        result[len(trained) :] = trained[copies]
    return result


def main():
    if len(sys.argv) < 5 or not all(e.isdigit() for e in sys.argv[4:]):
        sys.exit(__doc__)
    copies = [int(e) for e in sys.argv[4:]]
    transfer(*sys.argv[1:4], lambda name, trained, fresh: widened(name, trained, fresh, copies))


main()
