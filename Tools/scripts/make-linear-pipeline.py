#!/usr/bin/env python3
"""Makes a small pipeline in closed form: a linear model of UniRes' kind, for trying compositions and searches without trained weights.

usage: make-linear-pipeline.py PHOTOGRAPHS OUT [--count 120] [--seed 1]
PHOTOGRAPHS is a folder of clean photographs. The autoencoder is the principal components of blocks of 4×4 pixels, 16 of 48, whitened.
The denoiser is linear: for each task and each of some time steps, least squares from the noisy latents and the latents of the degraded
picture, 3×3 of each, to the clean ones; between the time steps it is interpolated. Tasks are learnt apart, as UniRes' are: shrinking
with little noise, motion, defocus, and noise; the empty text has learnt all. It restores a little and invents nothing.
Needs numpy, pillow and onnx. Takes about a minute.
"""
import argparse
import json
import os

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

SIDE, BLOCK, CHANNELS, WINDOW = 192, 4, 16, 3
PROMPTS = ["Super-resolution", "Motion-deblur", "Defocus-deblur", "Denoise", ""]
KNOTS = [0, 60, 140, 250, 380, 520, 680, 840, 999]
SCHEDULER = {"_class_name": "DDIMScheduler", "num_train_timesteps": 1000, "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
             "prediction_type": "sample", "rescale_betas_zero_snr": True, "timestep_spacing": "trailing", "set_alpha_to_one": True,
             "steps_offset": 0, "clip_sample": False}


def photographs(folder, count, random):
    """Squares of photographs [N, 3, S, S] in -1...1."""
    result = []
    for name in sorted(os.listdir(folder))[:count]:
        picture = np.asarray(Image.open(f"{folder}/{name}").convert("RGB"), np.float32) / 127.5 - 1
        y, x = (int(random.integers(extent - SIDE + 1)) for extent in picture.shape[:2])
        result.append(picture[y:y + SIDE, x:x + SIDE].transpose(2, 0, 1))
    return np.stack(result)


def blurred(pictures, kernel):
    """Convolved with a kernel, edges mirrored."""
    pad = kernel.shape[0] // 2
    wide = np.pad(pictures, ((0, 0), (0, 0), (pad, pad), (pad, pad)), mode="reflect")
    return sum(kernel[y, x] * wide[:, :, y:y + SIDE, x:x + SIDE] for y in range(2 * pad + 1) for x in range(2 * pad + 1) if kernel[y, x])


def kernel(kind, angle=0.0):
    y, x = np.mgrid[-6:7, -6:7]
    if kind == "gauss":
        k = np.exp(-(x ** 2 + y ** 2) / (2 * 1.8 ** 2))
    elif kind == "disc":
        k = np.clip(2.5 + 0.5 - np.hypot(x, y), 0, 1)
    else:
        k = np.zeros((13, 13))
        for place in np.linspace(-4, 4, 65):
            fy, fx = place * np.sin(angle) + 6, place * np.cos(angle) + 6
            iy, ix = int(fy), int(fx)
            for dy, dx in ((0, 0), (0, 1), (1, 0), (1, 1)):
                k[iy + dy, ix + dx] += abs(1 - dy - (fy - iy)) * abs(1 - dx - (fx - ix))
    return (k / k.sum()).astype(np.float32)


def degraded(pictures, task, random):
    """As a task is given them; noise is in levels of 0...255, of which 127.5 are 1."""
    def noise(level):
        return level / 127.5 * random.standard_normal(pictures.shape).astype(np.float32)

    if task == 0:
        return blurred(pictures, kernel("gauss")) + noise(4)
    if task == 1:
        parts = [blurred(part, kernel("motion", angle)) for part, angle in zip(np.array_split(pictures, 8), np.arange(8) * np.pi / 8)]
        return np.concatenate(parts) + noise(2)
    if task == 2:
        return blurred(pictures, kernel("disc")) + noise(2)
    return pictures + noise(25)


def blocks(pictures):
    """[N, C, S, S] -> [N, S/4, S/4, C·16], in the order of a convolution's weights."""
    n, c, s, _ = pictures.shape
    return pictures.reshape(n, c, s // BLOCK, BLOCK, s // BLOCK, BLOCK).transpose(0, 2, 4, 1, 3, 5).reshape(n, s // BLOCK, s // BLOCK, -1)


def windows(latents):
    """[N, h, w, C] -> [N, h, w, C·9], zeros beyond the edges, in the order of a convolution's weights."""
    pad = WINDOW // 2
    wide = np.pad(latents, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    h, w = latents.shape[1:3]
    parts = [wide[:, y:y + h, x:x + w] for y in range(WINDOW) for x in range(WINDOW)]
    return np.stack(parts, -1).reshape(*latents.shape[:3], -1)


def cumulative():
    """The schedule's ᾱ with zero terminal signal."""
    betas = np.linspace(SCHEDULER["beta_start"] ** 0.5, SCHEDULER["beta_end"] ** 0.5, 1000) ** 2
    roots = np.sqrt(np.cumprod(1 - betas))
    return ((roots - roots[-1]) * roots[0] / (roots[0] - roots[-1])) ** 2


def fitted(clean, shown, share, random):
    """Least squares from windows of noisy and of shown latents to clean ones: [C, 2C·9] and [C]."""
    gram, cross = 0, 0
    for a, b in zip(np.array_split(clean, 12), np.array_split(shown, 12)):
        noisy = np.sqrt(share) * a + np.sqrt(1 - share) * random.standard_normal(a.shape)
        rows = windows(np.concatenate([noisy, b], -1))[:, 1:-1, 1:-1].reshape(-1, 2 * CHANNELS * WINDOW ** 2)
        rows = np.concatenate([rows, np.ones((len(rows), 1))], 1)
        gram, cross = gram + rows.T @ rows, cross + rows.T @ a[:, 1:-1, 1:-1].reshape(-1, CHANNELS)
    # A ridge: noise alone says nothing, and its products are nearly singular.
    solution = np.linalg.solve(gram + 1e-4 * np.trace(gram) / len(gram) * np.eye(len(gram)), cross)
    return solution[:-1].T, solution[-1]


def denoiser(weights, biases):
    """The UNet's place: all tasks' and time steps' predictions, weighted by the prompt and the time."""
    count = len(PROMPTS) * len(KNOTS)
    constants = {"weight": weights.reshape(count * CHANNELS, 2 * CHANNELS, WINDOW, WINDOW), "bias": biases.reshape(-1),
                 "prompts": np.arange(len(PROMPTS), dtype=np.int64)[None], "knots": np.array(KNOTS[1:-1], np.float32)[None], "zero": np.float32(0),
                 "one": np.float32(1), "starts": np.array(KNOTS[:-1], np.float32)[None], "spans": np.diff(np.array(KNOTS, np.float32))[None],
                 "axis1": np.array([1], np.int64), "axis2": np.array([2], np.int64), "column": np.array([-1, 1], np.int64),
                 "grid": np.array([0, count, 1, 1, 1], np.int64), "first": np.array([0], np.int64), "last": np.array([len(KNOTS) - 1], np.int64)}
    node = helper.make_node
    nodes = [
        # Shares of the time steps: rising ramps between neighbours, r[k] = clip((t - start[k]) / span[k]), give [1, r] - [r, 0].
        node("Reshape", ["timestep", "column"], ["time"]), node("Sub", ["time", "starts"], ["since"]), node("Div", ["since", "spans"], ["slope"]),
        node("Clip", ["slope", "zero", "one"], ["ramp"]), node("Pad", ["ramp", "pad_front", "one", "axis1"], ["above"]),
        node("Pad", ["ramp", "pad_back", "zero", "axis1"], ["below"]), node("Sub", ["above", "below"], ["times"]),
        node("Reshape", ["prompt", "column"], ["asked"]), node("Equal", ["asked", "prompts"], ["is_asked"]),
        node("Cast", ["is_asked"], ["tasks"], to=TensorProto.FLOAT), node("Unsqueeze", ["tasks", "axis2"], ["tasks3"]),
        node("Unsqueeze", ["times", "axis1"], ["times3"]), node("Mul", ["tasks3", "times3"], ["shares"]),
        node("Reshape", ["shares", "grid"], ["shares5"]),
        node("Conv", ["sample", "weight", "bias"], ["all"], pads=[1, 1, 1, 1]),
        node("Shape", ["all"], ["sizes"]), node("Slice", ["sizes", "zero1", "one1"], ["batch"]), node("Slice", ["sizes", "two1", "four1"], ["sides"]),
        node("Concat", ["batch", "parts", "sides"], ["apart"], axis=0), node("Reshape", ["all", "apart"], ["all5"]),
        node("Mul", ["all5", "shares5"], ["weighted"]), node("ReduceSum", ["weighted", "axis1"], ["out_sample"], keepdims=0),
    ]
    constants |= {"pad_front": np.array([1, 0], np.int64), "pad_back": np.array([0, 1], np.int64), "zero1": np.array([0], np.int64),
                  "one1": np.array([1], np.int64), "two1": np.array([2], np.int64), "four1": np.array([4], np.int64),
                  "parts": np.array([count, CHANNELS], np.int64)}
    for name in ("knots", "first", "last"):
        del constants[name]
    return model(nodes, constants, [("sample", TensorProto.FLOAT, ["N", 2 * CHANNELS, "h", "w"]), ("timestep", TensorProto.FLOAT, ["N"]),
                                    ("prompt", TensorProto.INT64, ["N"])], ("out_sample", ["N", CHANNELS, "h", "w"]))


def model(nodes, constants, inputs, output):
    graph = helper.make_graph(nodes, "part", [helper.make_tensor_value_info(*port) for port in inputs],
                              [helper.make_tensor_value_info(output[0], TensorProto.FLOAT, output[1])],
                              [numpy_helper.from_array(np.asarray(value, np.float32 if np.asarray(value).dtype.kind == "f" else None), name)
                               for name, value in constants.items()])
    result = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.checker.check_model(result, full_check=True)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs")
    parser.add_argument("out")
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    random = np.random.default_rng(options.seed)
    clean = photographs(options.photographs, options.count, random)

    rows = blocks(clean).reshape(-1, 3 * BLOCK ** 2).astype(np.float64)
    mean = rows.mean(0)
    values, vectors = np.linalg.eigh(np.cov(rows.T))
    order = values.argsort()[::-1][:CHANNELS]
    deviation, basis = np.sqrt(values[order]), vectors[:, order]
    encode = (basis / deviation).T
    latents = (blocks(clean) - mean) @ encode.T
    loss = ((latents * deviation @ basis.T + mean - blocks(clean)) ** 2).mean()
    print(f"the autoencoder alone: {10 * np.log10(4 / loss):.2f} dB")

    shares = cumulative()[KNOTS]
    shown = [(blocks(degraded(clean, task, random)) - mean) @ encode.T for task in range(4)]
    weights, biases = [], []
    for task in range(len(PROMPTS)):
        for share in shares:
            seen = shown[task] if task < 4 else np.concatenate([part[task::4] for task, part in enumerate(shown)])
            truth = latents if task < 4 else np.concatenate([latents[task::4] for task in range(4)])
            weight, bias = fitted(truth, seen, share, random)
            weights.append(weight)
            biases.append(bias)

    parts = {
        "unet": denoiser(np.stack(weights), np.stack(biases)),
        "vae_encoder": model([helper.make_node("Conv", ["sample", "weight", "bias"], ["latent_sample"], strides=[BLOCK, BLOCK])],
                             {"weight": encode.reshape(CHANNELS, 3, BLOCK, BLOCK), "bias": -encode @ mean},
                             [("sample", TensorProto.FLOAT, ["N", 3, "H", "W"])], ("latent_sample", ["N", CHANNELS, "h", "w"])),
        "vae_decoder": model([helper.make_node("ConvTranspose", ["latent_sample", "weight"], ["blocks"], strides=[BLOCK, BLOCK]),
                              helper.make_node("Shape", ["blocks"], ["sizes"]), helper.make_node("Slice", ["sizes", "two", "four"], ["sides"]),
                              helper.make_node("Div", ["sides", "block"], ["counts"]), helper.make_node("Concat", ["ones", "counts"], ["repeats"], axis=0),
                              helper.make_node("Tile", ["mean", "repeats"], ["means"]), helper.make_node("Add", ["blocks", "means"], ["sample"])],
                             {"weight": (basis * deviation).T.reshape(CHANNELS, 3, BLOCK, BLOCK), "mean": mean.reshape(1, 3, BLOCK, BLOCK),
                              "two": np.array([2]), "four": np.array([4]), "block": np.array([BLOCK, BLOCK]), "ones": np.array([1, 1])},
                             [("latent_sample", TensorProto.FLOAT, ["N", CHANNELS, "h", "w"])], ("sample", ["N", 3, "H", "W"])),
    }
    for name, part in parts.items():
        os.makedirs(f"{options.out}/{name}", exist_ok=True)
        onnx.save(part, f"{options.out}/{name}/model.onnx")
    os.makedirs(f"{options.out}/scheduler", exist_ok=True)
    for path, value in (("scheduler/scheduler_config.json", SCHEDULER),
                        ("model_index.json", {"_class_name": "OnnxUniResPipeline", "scaling_factor": 1.0, "condition_scaling_factor": 1.0, "prompts": PROMPTS})):
        with open(f"{options.out}/{path}", "w", encoding="utf-8") as file:
            json.dump(value, file, indent=2)
            file.write("\n")
    print(f"{options.out}: written")


if __name__ == "__main__":
    main()
