#!/usr/bin/env python3
"""Makes docs/images/astronaut{,-noisy}.png: usage: make-demo-images.py ASTRONAUT.png

ASTRONAUT.png is NASA's portrait of Eileen Collins (public domain) as scikit-image ships it. The noise is
Gaussian with σ = 25 of 255, seed 1, rounded and clipped to 8 bits. Needs numpy and Pillow.
"""
import os
import sys

import numpy as np
from PIL import Image

folder = os.path.join(os.path.dirname(__file__), "..", "..", "docs", "images")
clean = np.asarray(Image.open(sys.argv[1]).convert("RGB"))[:320, 64:384]
noise = np.random.default_rng(1).normal(0, 25, clean.shape)
noisy = np.clip(np.rint(clean + noise), 0, 255).astype(np.uint8)
Image.fromarray(clean).save(os.path.join(folder, "astronaut.png"), optimize=True)
Image.fromarray(noisy).save(os.path.join(folder, "astronaut-noisy.png"), optimize=True)
