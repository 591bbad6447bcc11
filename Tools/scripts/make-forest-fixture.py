#!/usr/bin/env python3
"""Writes Tests/Fixtures/forest: a small forest as train-forest.py writes it, pictures' features, and scikit-learn's predictions.

usage: make-forest-fixture.py OUT
Needs numpy, scikit-learn 1.9.1, onnx and onnxruntime.
"""
import importlib.util
import os
import sys

import numpy as np
import onnx
from sklearn.ensemble import RandomForestRegressor

path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "train-forest.py")
spec = importlib.util.spec_from_file_location("train_forest", path)
train_forest = importlib.util.module_from_spec(spec)
spec.loader.exec_module(train_forest)

random = np.random.default_rng(3)
features = random.standard_normal((60, 39)).astype(np.float32)
weights = np.concatenate([features[:, :5] > 0, (features[:, 5:6] > 0) * 2], axis=1) / 5
forest = RandomForestRegressor(12, max_depth=4, random_state=1).fit(features, weights)
out = sys.argv[1]
os.makedirs(out, exist_ok=True)
onnx.save(train_forest.model(forest, 39), f"{out}/model.onnx")
unseen = random.standard_normal((9, 39)).astype(np.float32)
np.savez_compressed(f"{out}/io.npz", features=unseen, weights=forest.predict(unseen).astype(np.float32))
