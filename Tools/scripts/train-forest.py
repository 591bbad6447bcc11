#!/usr/bin/env python3
"""Trains the forest that says a picture's composition without a search, and writes it into a pipeline's folder.

usage: train-forest.py SCORES FOLDER [--trees 100] [--depth 8] [--folds 5] [--seed 1]
SCORES is what `irrun --search screen|grid --scores SCORES` wrote: a line of JSON for each picture with its features, its candidates and
their scores. FOLDER/forest/model.onnx then holds an ai.onnx.ml.TreeEnsembleRegressor, features [N, 39] -> weights [N, 6], whose
predictions of all pictures are held to scikit-learn's. Said are the mean ranks of what the forest chooses for pictures that it was not
trained on, beside those of the candidate that is best on average.
Needs numpy, scikit-learn, onnx and onnxruntime.
"""
import argparse
import json
import os

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import KFold

COMPONENTS = ["sr", "md", "dd", "dn", "d2", "d4"]


def weights(text):
    pairs = dict(part.split("=") for part in text.split(","))
    return [float(pairs.get(name, 0)) for name in COMPONENTS]


def model(forest, features):
    """The trees as lists of nodes: a feature at most its threshold leads to the node that is called true."""
    nodes = {name: [] for name in ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids")}
    targets = {name: [] for name in ("treeids", "nodeids", "ids", "weights")}
    for number, estimator in enumerate(forest.estimators_):
        tree = estimator.tree_
        for node in range(tree.node_count):
            leaf = tree.children_left[node] < 0
            # The largest float32 that scikit-learn, whose thresholds are float64, sends the same way.
            value = np.float32(tree.threshold[node])
            if not leaf and value > tree.threshold[node]:
                value = np.nextafter(value, np.float32(-np.inf))
            for name, entry in (("treeids", number), ("nodeids", node), ("featureids", 0 if leaf else int(tree.feature[node])),
                                ("values", 0.0 if leaf else float(value)), ("modes", "LEAF" if leaf else "BRANCH_LEQ"),
                                ("truenodeids", 0 if leaf else int(tree.children_left[node])),
                                ("falsenodeids", 0 if leaf else int(tree.children_right[node]))):
                nodes[name].append(entry)
            if leaf:
                for target in range(len(COMPONENTS)):
                    for name, entry in (("treeids", number), ("nodeids", node), ("ids", target),
                                        ("weights", float(tree.value[node, target, 0]) / len(forest.estimators_))):
                        targets[name].append(entry)
    attributes = {f"nodes_{k}": v for k, v in nodes.items()} | {f"target_{k}": v for k, v in targets.items()}
    node = helper.make_node("TreeEnsembleRegressor", ["features"], ["weights"], domain="ai.onnx.ml", n_targets=len(COMPONENTS),
                            aggregate_function="SUM", post_transform="NONE", **attributes)
    graph = helper.make_graph([node], "forest", [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", features])],
                              [helper.make_tensor_value_info("weights", TensorProto.FLOAT, ["N", len(COMPONENTS)])])
    result = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 3)])
    result.ir_version = 10
    onnx.checker.check_model(result)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scores")
    parser.add_argument("folder")
    parser.add_argument("--trees", type=int, default=100)
    parser.add_argument("--depth", type=int, default=8)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with open(options.scores, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file if line.strip()]
    candidates = np.array([weights(text) for text in lines[0]["candidates"]])
    features = np.array([line["features"] for line in lines], np.float32)
    best = np.array([weights(line["best"]) for line in lines])
    # Ranks, 0 being best; candidates without a score are last.
    sign = 1 if lines[0]["lowerIsBetter"] else -1
    table = np.array([[np.inf if s is None else sign * s for s in line["scores"]] for line in lines])
    ranks = table.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")

    def forest():
        return RandomForestRegressor(options.trees, max_depth=options.depth, random_state=options.seed)

    def nearest(predicted):
        return ((candidates[None] - predicted[:, None]) ** 2).sum(2).argmin(1)

    folds = min(options.folds, len(lines))
    if folds > 1:
        chosen, fixed = [], []
        for known, held in KFold(folds, shuffle=True, random_state=options.seed).split(features):
            picks = nearest(forest().fit(features[known], best[known]).predict(features[held]))
            chosen += [ranks[i, pick] for i, pick in zip(held, picks)]
            fixed += [ranks[i, ranks[known].mean(0).argmin()] for i in held]
        print(f"mean rank of {len(candidates)} on {len(lines)} pictures not trained on: forest {np.mean(chosen):.1f}, "
              f"one candidate for all {np.mean(fixed):.1f}, chance {(len(candidates) - 1) / 2:.1f}")
    final = forest().fit(features, best)
    written = model(final, features.shape[1])
    found = ort.InferenceSession(written.SerializeToString(), providers=["CPUExecutionProvider"]).run(None, {"features": features})[0]
    worst = float(np.abs(found - final.predict(features)).max())
    if worst > 1e-5:
        raise SystemExit(f"train-forest: ONNX Runtime's predictions differ by {worst} from scikit-learn's")
    os.makedirs(f"{options.folder}/forest", exist_ok=True)
    onnx.save(written, f"{options.folder}/forest/model.onnx.new")
    os.replace(f"{options.folder}/forest/model.onnx.new", f"{options.folder}/forest/model.onnx")
    print(f"{options.folder}/forest/model.onnx: {options.trees} trees; ONNX Runtime differs by {worst:.1e} from scikit-learn")


if __name__ == "__main__":
    main()
