#!/usr/bin/env python3
"""Holds the screening of compositions to the full search: the rank correlation of their scores, picture by picture.

usage: check-screen.py IRRUN PIPELINE PICTURE... [--by piqe] [--steps 10] [--candidates 100] [--crop 256] [--least RHO]
A search restores every candidate to the end (`--search grid`), a screening judges sums of what single tasks make (`--search screen`);
both try the same candidates, an even choice of the paper's 1512. Said are Spearman's rho of the two lists of scores, the rank in the
full search of what the screening chooses, and the passes of the UNet that each took. Exits with 1 where the mean rho is below --least.
Needs numpy.
"""
import argparse
import json
import subprocess
import sys
import tempfile

import numpy as np


def vectors():
    """The paper's candidates in fifths: six weights that add up to 1, at most one of them negative and then -1."""
    def shares(left, count):
        if count == 1:
            yield (left,)
            return
        for part in range(left + 1):
            for rest in shares(left - part, count - 1):
                yield (part, *rest)

    yield from shares(5, 6)
    for negative in range(6):
        for vector in shares(6, 5):
            yield vector[:negative] + (-1,) + vector[negative:]


def ranks(values):
    """Ranks from 1, equal values sharing the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return ((last - counts + 1 + last) / 2)[place]


def search(options, method, picture, candidates, folder):
    command = [options.irrun, "-m", options.pipeline, "-i", picture, "-o", f"{folder}/out.png", "--search", method, "--by", options.by,
               "--steps", str(options.steps), "--search-crop", str(options.crop), "--candidates", candidates, "--scores", f"{folder}/{method}.jsonl"]
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"check-screen: {picture}: {result.stderr}")
    with open(f"{folder}/{method}.jsonl", encoding="utf-8") as file:
        return json.loads(file.readlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("irrun")
    parser.add_argument("pipeline")
    parser.add_argument("pictures", nargs="+")
    parser.add_argument("--by", default="piqe")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--candidates", type=int, default=100)
    parser.add_argument("--crop", type=int, default=256)
    parser.add_argument("--least", type=float, default=-1)
    options = parser.parse_args()
    everything = list(vectors())
    assert len(everything) == 1512
    chosen = [everything[i * len(everything) // options.candidates] for i in range(options.candidates)]
    found = []
    with tempfile.TemporaryDirectory() as folder:
        candidates = f"{folder}/candidates.txt"
        with open(candidates, "w", encoding="utf-8") as file:
            for vector in chosen:
                file.write(",".join(f"{name}={weight / 5}" for name, weight in zip(("sr", "md", "dd", "dn", "d2", "d4"), vector) if weight) + "\n")
        for picture in options.pictures:
            screen, grid = (search(options, method, picture, candidates, folder) for method in ("screen", "grid"))
            pairs = [(a, b) for a, b in zip(screen["scores"], grid["scores"]) if a is not None and b is not None]
            a, b = (ranks(np.array(column)) for column in zip(*pairs))
            rho = float(np.corrcoef(a, b)[0, 1])
            scores = np.array([np.nan if s is None else s for s in grid["scores"]]) * (1 if grid["lowerIsBetter"] else -1)
            rank = 1 + int(np.nansum(scores < scores[grid["candidates"].index(screen["best"])]))
            found.append(rho)
            print(f"{picture}: rho {rho:.3f} over {len(pairs)} candidates; the screening's choice is number {rank} of the full search; "
                  f"{screen['passes']} passes for {grid['passes']}", flush=True)
    print(f"{len(found)} pictures: rho {np.mean(found):.3f} in the mean, {min(found):.3f} to {max(found):.3f}")
    sys.exit(0 if np.mean(found) >= options.least else 1)


main()
