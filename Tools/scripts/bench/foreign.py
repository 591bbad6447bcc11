"""The second table: networks that nobody here has written, built by PyPI packages (Tools/scripts/make-foreign-networks.py)."""
import os
import subprocess
import sys

import numpy as np

import networks

MAKER = os.path.join(os.path.dirname(__file__), "..", "make-foreign-networks.py")


def made_by(name):
    def make(tools, path):
        subprocess.run([tools.foreign, os.path.dirname(path), name], check=True, stdout=sys.stderr)

    return make


def every():
    """All of them by name; a file's inputs lie beside it."""
    listed = subprocess.run([sys.executable, MAKER, "--list"], check=True, capture_output=True, text=True).stdout
    lines = [line.split("\t") for line in listed.splitlines()]
    return {name: networks.Network(title, None, os.path.join("foreign", name + ".onnx"), made_by(name)) for name, title in lines}


def inputs_of(path):
    with np.load(path.removesuffix(".onnx") + ".npz") as file:
        return {name: file[name] for name in file.files if not name.startswith("exact:")}


def exact_outputs_of(path):
    """Outputs in float64, of networks that carry rounding on; else none."""
    with np.load(path.removesuffix(".onnx") + ".npz") as file:
        return {name.removeprefix("exact:"): file[name] for name in file.files if name.startswith("exact:")}
