#!/usr/bin/env python3
"""Makes docs/images/astronaut-composed.jpg: one photograph under each expert, and composed.

usage: make-composed-picture.py IRRUN PIPELINE
PIPELINE is unires-s. docs/images/astronaut.png gets out of focus (a disc of 2.5 pixels) and noisy (σ = 8 of 255,
seed 1). Above: that, sr, md, dd; below: dn, d2, sr=.2,dd=.4,d2=.4, the original. PSNR of each is said. Needs numpy and Pillow.
"""
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image

irrun, pipeline = sys.argv[1:]
images = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "images")
clean = np.asarray(Image.open(f"{images}/astronaut.png").convert("RGB"), np.float64)
y, x = np.mgrid[-3:4, -3:4]
disc = np.clip(3 - np.hypot(x, y), 0, 1)
disc /= disc.sum()
wide = np.pad(clean, ((3, 3), (3, 3), (0, 0)), mode="reflect")
h, w = clean.shape[:2]
bad = sum(disc[a, b] * wide[a:a + h, b:b + w] for a in range(7) for b in range(7)) + np.random.default_rng(1).normal(0, 8, clean.shape)
with tempfile.TemporaryDirectory() as folder:
    Image.fromarray(np.clip(np.rint(bad), 0, 255).astype(np.uint8)).save(f"{folder}/bad.png")
    pictures = [f"{folder}/bad.png"]
    for name in ("sr=1", "md=1", "dd=1", "dn=1", "d2=1", "sr=.2,dd=.4,d2=.4"):
        pictures.append(f"{folder}/{name}.png")
        result = subprocess.run([irrun, "-m", pipeline, "-i", pictures[0], "-o", pictures[-1], "--steps", "1", "--color-fix", "none", "--json", "--weights", name],
                                capture_output=True, text=True)
        if result.returncode != 0:
            sys.exit(f"make-composed-picture: {result.stderr}")
        error = np.asarray(Image.open(pictures[-1]).convert("RGB"), np.float64) - clean
        print(json.loads(result.stdout)["pipeline"]["weights"], f"{-10 * np.log10((error ** 2).mean() / 255 ** 2):.2f} dB")
    pictures.append(f"{images}/astronaut.png")
    sheet = Image.new("RGB", (4 * 240 + 18, 2 * 240 + 6), (255, 255, 255))
    for index, path in enumerate(pictures):
        part = Image.open(path).convert("RGB").crop((40, 0, 280, 240))
        sheet.paste(part, (index % 4 * 246, index // 4 * 246))
    sheet.save(f"{images}/astronaut-composed.jpg", quality=88, optimize=True)
