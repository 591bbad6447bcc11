#!/usr/bin/env python3
"""Says what composing the tasks of a pipeline is worth: on six mixtures of degradations that it has not learnt, against each task alone.

usage: check-composition.py BIN PIPELINE --calibration PHOTOGRAPHS --photographs PHOTOGRAPHS [--steps 1,4] [--blind PIPELINE] [--model NAME]
       [--write-calibration]
BIN is the folder of the built tools. Crops from the centres are degraded by irdegrade, restored by irrun with every component alone and
composed, without colour correction, and compared as 8-bit pictures. Of the paper's 1512 compositions, the one with the largest mean PSNR
over the calibration's crops is taken: in one step, compositions are weighted sums of what the components make of a crop, so that only
these are restored. It is never chosen by the photographs that are reported. Intervals are 95 % of a paired bootstrap over photographs.
--blind is a pipeline that learnt the mixtures themselves, as one task (dn); --model a restorer. --piqe N searches, instead of that, by
`--search screen --by niqe` for N photographs, each with one of the mixtures, and compares PIQE, which the search did not see.
--write-calibration puts eight candidates into the pipeline, as calibration.json: the best for all of the calibration's crops first, which irrun
then takes where it is told no weights, and each of the others for what it adds to those before it where the best is taken for each crop.
Needs numpy and pillow.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image

MIXTURES = ["motion11+noise12", "defocus2+noise15", "down2+noise20", "down3+noise10", "motion7+defocus1.5+noise8", "defocus1.5+down2+noise10"]
COMPONENTS = ["sr", "md", "dd", "dn", "d2", "d4"]


def vectors():
    """The paper's candidates: six weights in fifths that add up to 1, at most one of them negative and then -0.2."""
    def shares(left, count):
        if count == 1:
            yield (left,)
            return
        for part in range(left + 1):
            for rest in shares(left - part, count - 1):
                yield (part, *rest)

    found = list(shares(5, 6))
    for negative in range(6):
        found += [vector[:negative] + (-1,) + vector[negative:] for vector in shares(6, 5)]
    return np.array(found) / 5


def text(vector):
    return ",".join(f"{name}={weight:g}" for name, weight in zip(COMPONENTS, vector) if weight)


def run(*command):
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"check-composition: {' '.join(command)}: {result.stderr}")
    return result.stdout


def crops(source, folder, side, count):
    """Centres of photographs that are large enough, as files."""
    os.makedirs(folder)
    names = []
    for name in sorted(os.listdir(source)):
        picture = Image.open(f"{source}/{name}").convert("RGB")
        if min(picture.size) < side or len(names) == count:
            continue
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        names.append(os.path.splitext(name)[0])
        picture.crop((left, top, left + side, top + side)).save(f"{folder}/{names[-1]}.png")
    return names


def read(folder, names):
    return np.stack([np.asarray(Image.open(f"{folder}/{name}.png").convert("RGB"), np.float32) / 255 for name in names])


def psnr(pictures, clean):
    return -10 * np.log10(((pictures - clean) ** 2).mean((1, 2, 3)))


class Set:
    """Crops of photographs, clean, degraded and restored, in a folder."""

    def __init__(self, options, source, folder, count):
        self.options, self.folder = options, folder
        self.names = crops(source, f"{folder}/clean", options.crop, count)
        self.clean = read(f"{folder}/clean", self.names)
        run(f"{options.bin}/irdegrade", "-i", f"{folder}/clean", "-o", f"{folder}/degraded", "--tasks", ",".join(MIXTURES))

    def degraded(self, mixture):
        return f"{self.folder}/degraded/{mixture}"

    def restored(self, mixture, weights, steps, pipeline=None):
        """The folder of what a composition makes of the crops."""
        place = f"{self.folder}/{os.path.basename(pipeline or self.options.pipeline)}/{steps}/{mixture}/{weights}"
        if not os.path.exists(place):
            run(f"{self.options.bin}/irrun", "-m", pipeline or self.options.pipeline, "-i", self.degraded(mixture), "-o", place, "--weights", weights,
                "--steps", str(steps), "--color-fix", "none", "-j", str(self.options.threads))
        return place

    def scores(self, weights, steps, pipeline=None):
        """PSNR [mixtures, photographs]."""
        return np.stack([psnr(read(self.restored(m, weights, steps, pipeline), self.names), self.clean) for m in MIXTURES])


def calibrated(calibration):
    """The candidates' PSNR [mixtures, photographs, candidates] in one step."""
    candidates, result = vectors(), []
    for mixture in MIXTURES:
        parts = np.stack([read(calibration.restored(mixture, f"{name}=1", 1), calibration.names) for name in COMPONENTS])
        errors = (parts - calibration.clean).reshape(len(COMPONENTS), len(calibration.names), -1)
        products = np.einsum("ips,jps->pij", errors, errors) / errors.shape[2]
        squares = np.einsum("ci,pij,cj->pc", candidates, products, candidates)
        result.append(-10 * np.log10(squares))
    return np.stack(result)


def write_calibration(path, scores, count=8):
    """Candidates that together do best where the best of them is taken for each crop, chosen one after the other."""
    flat, chosen = scores.reshape(-1, scores.shape[2]), []
    best = np.full(len(flat), -np.inf)
    for _ in range(count):
        chosen.append(int(np.maximum(best[:, None], flat).mean(0).argmax()))
        best = np.maximum(best, flat[:, chosen[-1]])
    wins = np.bincount(flat[:, chosen].argmax(1), minlength=count)
    entries = [{"weights": text(vectors()[index]), "wins": int(number)} for index, number in zip(chosen, wins)]
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"by": "psnr", "search": "grid", "sampler": "ddim", "steps": 1, "seed": 1, "pictures": len(flat), "candidates": entries}, file, indent=2)
        file.write("\n")
    print(f"{path}: {best.mean():.2f} dB where the best is taken for each of {len(flat)} crops; " + "; ".join(f"{entry['weights']} ({entry['wins']})" for entry in entries))


def interval(differences, seed=1):
    """The mean, and 95 % of the means of photographs drawn with repetition."""
    random = np.random.default_rng(seed)
    draws = random.integers(len(differences), size=(10000, len(differences)))
    low, high = np.percentile(differences[draws].mean(1), [2.5, 97.5])
    return f"{differences.mean():+.2f} [{low:+.2f}, {high:+.2f}]"


def row(name, scores, best=None):
    difference = "" if best is None else interval((scores - best).mean(0))
    print(f"| {name} | " + " | ".join(f"{value:.2f}" for value in scores.mean(1)) + f" | {scores.mean():.2f} | {difference} |", flush=True)


def piqe(options, paths):
    lines = run(f"{options.bin}/irquality", *paths, "--by", "piqe", "--json").splitlines()
    return np.array([json.loads(line)["scores"]["piqe"][0] for line in lines])


def natural(options, test, steps):
    """PIQE of what a search by NIQE finds, against each component."""
    names = test.names[:options.piqe]
    pairs = [(MIXTURES[index % len(MIXTURES)], name) for index, name in enumerate(names)]
    place, chosen = f"{test.folder}/searched", {}
    os.makedirs(place)
    # The degraded crops, each of its mixture, in one folder.
    mixed = f"{test.folder}/mixed"
    os.makedirs(mixed)
    for mixture, name in pairs:
        os.link(f"{test.degraded(mixture)}/{name}.png", f"{mixed}/{name}.png")
    for mixture, name in pairs:
        out = run(f"{options.bin}/irrun", "-m", options.pipeline, "-i", f"{test.degraded(mixture)}/{name}.png", "-o", f"{place}/{name}.png", "--search", "screen",
                  "--by", "niqe", "--steps", str(steps), "--color-fix", "none", "-j", str(options.threads), "--json")
        found = json.loads(out.splitlines()[0])["pipeline"]["weights"]
        chosen[found] = chosen.get(found, 0) + 1
    searched = piqe(options, [f"{place}/{name}.png" for name in names])
    degraded = piqe(options, [f"{mixed}/{name}.png" for name in names])
    print(f"\n{len(names)} photographs, {steps} steps, PIQE, lower is better; difference of the search to each:\n\n| | PIQE | search less this |\n|---|---|---|")
    print(f"| degraded | {degraded.mean():.2f} | {interval(searched - degraded)} |")
    print(f"| `--search screen --by niqe` | {searched.mean():.2f} | |")
    for component in COMPONENTS:
        out = f"{test.folder}/alone/{component}"
        run(f"{options.bin}/irrun", "-m", options.pipeline, "-i", mixed, "-o", out, "--weights", f"{component}=1", "--steps", str(steps),
            "--color-fix", "none", "-j", str(options.threads))
        alone = piqe(options, [f"{out}/{name}.png" for name in names])
        print(f"| {component} | {alone.mean():.2f} | {interval(searched - alone)} |", flush=True)
    print("\nchosen: " + "; ".join(f"{weights} ({count})" for weights, count in sorted(chosen.items(), key=lambda entry: -entry[1])))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bin")
    parser.add_argument("pipeline")
    parser.add_argument("--calibration", required=True)
    parser.add_argument("--photographs", required=True)
    parser.add_argument("--calibration-count", type=int, default=48)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--crop", type=int, default=256)
    parser.add_argument("--steps", default="1,4")
    parser.add_argument("--blind")
    parser.add_argument("--model")
    parser.add_argument("--write-calibration", action="store_true")
    parser.add_argument("--piqe", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.piqe:
            natural(options, Set(options, options.photographs, f"{folder}/test", options.piqe), max(map(int, options.steps.split(","))))
            return
        calibration = Set(options, options.calibration, f"{folder}/calibration", options.calibration_count)
        scores, candidates = calibrated(calibration), vectors()
        means = scores.mean(1)
        if options.write_calibration:
            write_calibration(f"{options.pipeline}/calibration.json", scores)
        best, own = int(means.mean(0).argmax()), means.argmax(1)
        single = [int(np.flatnonzero((candidates == vector).all(1))[0]) for vector in np.eye(6)]
        print(f"calibration on {len(calibration.names)} photographs, one step: {text(candidates[best])} {means.mean(0)[best]:.2f} dB; alone "
              + ", ".join(f"{name} {means.mean(0)[index]:.2f}" for name, index in zip(COMPONENTS, single)))
        print("by mixture: " + "; ".join(f"{mixture}: {text(candidates[index])}" for mixture, index in zip(MIXTURES, own)))
        test = Set(options, options.photographs, f"{folder}/test", options.count)
        degraded = np.stack([psnr(read(test.degraded(mixture), test.names), test.clean) for mixture in MIXTURES])
        for steps in map(int, options.steps.split(",")):
            scores = {name: test.scores(f"{name}=1", steps) for name in COMPONENTS}
            winner = max(COMPONENTS, key=lambda name: scores[name].mean())
            print(f"\n{len(test.names)} photographs, {steps} step{'s' if steps > 1 else ''}, PSNR in dB; difference to the best single task here, {winner}:\n")
            print("| | " + " | ".join(MIXTURES) + " | mean | difference |\n" + "|---" * (len(MIXTURES) + 3) + "|")
            row("degraded", degraded, scores[winner])
            for name in COMPONENTS:
                row(name, scores[name], None if name == winner else scores[winner])
            row(f"composed: {text(candidates[best])}", test.scores(text(candidates[best]), steps), scores[winner])
            chosen = np.stack([psnr(read(test.restored(mixture, text(candidates[index]), steps), test.names), test.clean) for mixture, index in zip(MIXTURES, own)])
            row("composed for each mixture", chosen, scores[winner])
            if options.blind:
                row("blind, trained on the mixtures", test.scores("dn=1", steps, options.blind), scores[winner])
        if options.model:
            for mixture in MIXTURES:
                run(f"{options.bin}/irrun", "-m", options.model, "-i", test.degraded(mixture), "-o", f"{folder}/model/{mixture}", "-j", str(options.threads))
            row(f"`{options.model}`", np.stack([psnr(read(f"{folder}/model/{mixture}", test.names), test.clean) for mixture in MIXTURES]), scores[winner])


main()
