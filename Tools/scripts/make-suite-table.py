#!/usr/bin/env python3
"""Runs onnx's own backend suite through the Python package, and writes what passes by operator.
usage: make-suite-table.py [--check] FILE   (--check compares instead of writing)"""
import collections
import re
import sys
import unittest

import onnx
import onnx.backend.test
from onnx.backend.test.loader import load_model_tests

import irkit
import irkit.backend

# Why a case does not pass, by its name and by what was said; the first that is found counts.
KINDS = [
    ("training in the file", r"ai\.onnx\.preview\.training"),
    ("classical machine learning", r"^test_ai_onnx_ml"),
    ("pictures in files inside a network", r"ImageDecoder"),
    ("texts", r"holds (object|string)|with texts"),
    ("element types of 8 bits with a fraction, of 4 and of 2 bits", r"float8|float4|int4|int2\b"),
    ("other random numbers than NumPy's", r"^test_bernoulli|^test_training_dropout"),
    ("onnx's runner does not compare scalars in sequences", r"Unable to compare expected type"),
    ("rounding", r"Max relative difference among violations"),
]


def operators():
    """The operator that each case is about: that of its model, or of the model that is not written in others."""
    found = {}
    for case in load_model_tests(kind="node"):
        model = case.model or onnx.load(f"{case.model_dir}/model.onnx", load_external_data=False)
        node = model.graph.node[0]
        found[case.name] = f"{node.domain}.{node.op_type}" if node.domain not in ("", "ai.onnx") else node.op_type
    plain = {name: each for name, each in found.items() if "_expanded" not in name}
    for name in found:
        base = name.split("_expanded")[0]
        found[name] = plain.get(base, found[name])
    return found


def run():
    """The outcome of each case on the CPU: None where it passes, else what was said."""
    suite = onnx.backend.test.BackendTest(irkit.backend, __name__)
    suite.exclude("cuda$")
    outcomes = {}
    for name, cases in sorted(suite.test_cases.items()):
        if "RealModel" in name:
            continue  # they are loaded from the net
        for test in unittest.defaultTestLoader.loadTestsFromTestCase(cases):
            result = unittest.TestResult()
            test.run(result)
            said = [text for _, text in result.errors + result.failures] + [text for _, text in result.skipped]
            if any("no matched include pattern" in text or "matched exclude pattern" in text for text in said):
                continue
            outcomes[re.sub("_cpu$", "", test._testMethodName)] = (said[0] if said else None)
    return outcomes


def kind(case, said):
    text = f"{case}\n" + "\n".join(said.strip().split("\n")[-30:])
    return next((name for name, pattern in KINDS if re.search(pattern, text)), "others")


def table(outcomes, names):
    by_operator = collections.defaultdict(list)
    for case, said in outcomes.items():
        by_operator[names.get(case, "models of several operators")].append((case, said))
    passed = sum(said is None for said in outcomes.values())
    yield "# ONNX's backend suite"
    yield ""
    yield f"onnx {onnx.__version__}'s own runner (`onnx.backend.test.BackendTest`) on the Python package, CPU cases without the model zoo:"
    yield f"**{passed} of {len(outcomes)} pass**. `Tools/python/suite` writes this page, and holds it to what it finds in `Tools/test`."
    yield ""
    yield "## What does not pass"
    yield ""
    yield "| kind | cases |"
    yield "|---|---|"
    kinds = collections.Counter(kind(case, said) for case, said in outcomes.items() if said is not None)
    for name, count in sorted(kinds.items(), key=lambda each: (-each[1], each[0])):
        yield f"| {name} | {count} |"
    yield ""
    yield "## By operator"
    yield ""
    yield "| operator | passes | of | does not pass |"
    yield "|---|---|---|---|"
    for name in sorted(by_operator, key=str.lower):
        cases = by_operator[name]
        reasons = collections.Counter(kind(case, said) for case, said in cases if said is not None)
        text = "; ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
        yield f"| {name} | {sum(said is None for _, said in cases)} | {len(cases)} | {text} |"


def main():
    file = sys.argv[-1]
    text = "\n".join(table(run(), operators())) + "\n"
    if sys.argv[1] != "--check":
        with open(file, "w", encoding="utf-8") as target:
            target.write(text)
    else:
        with open(file, encoding="utf-8") as source:
            if source.read() != text:
                with open(file + ".found", "w", encoding="utf-8") as target:
                    target.write(text)
                sys.exit(f"make-suite-table: {file} differs from what was found, which is in {file}.found")
    print(text.split("\n")[3])


main()
