"""The networks that are timed, made once into a folder of their own: the same file for every runtime."""
import json
import os
import subprocess
import sys


class Network:
    """`make(tools, path)` writes the file; pictures are `size` on each side."""

    def __init__(self, title, size, file, make):
        self.title, self.size, self.file, self.make = title, size, file, make

    def path(self, tools, folder):
        path = os.path.join(folder, self.file)
        if not os.path.exists(path):
            os.makedirs(folder, exist_ok=True)
            print(f"bench: making {path}", file=sys.stderr, flush=True)
            self.make(tools, path)
        return path


def exported(name, config=None):
    """A network of irexport with fresh weights of which each one matters; `config` is a preset or settings."""

    def make(tools, path):
        command = [tools.irexport, name, "-o", path, "--fresh", "check", "--reproducible"]
        settings = path + ".json"
        if isinstance(config, dict):
            with open(settings, "w", encoding="utf-8") as file:
                json.dump(config, file)
        if config is not None:
            command += ["--config", settings if isinstance(config, dict) else config]
        subprocess.run(command, check=True, stdout=sys.stderr)

    return make


def from_pytorch(script):
    """A network that PyTorch exports, in an environment with PyTorch in it."""

    def make(tools, path):
        python = subprocess.run([tools.torch], check=True, capture_output=True, text=True).stdout.strip()
        subprocess.run([python, os.path.join(os.path.dirname(__file__), script), path], check=True, stdout=sys.stderr)

    return make


DNCNN = {"in_nc": 3, "nc": 64, "nb": 17}
SWINIR = {"embed_dim": 60, "depths": [6, 6, 6, 6], "num_heads": [6, 6, 6, 6], "window_size": 8, "img_range": 1.0}
symunet = exported("symunet", "symunet")

NETWORKS = {
    "symunet": Network("SymUNet, width 48", 256, "symunet.onnx", symunet),
    "symunet-512": Network("SymUNet, width 48", 512, "symunet.onnx", symunet),
    "restormer": Network("Restormer, dim 48", 256, "restormer.onnx", exported("restormer", "deraining")),
    "promptir": Network("PromptIR, dim 48", 256, "promptir.onnx", exported("promptir", "promptir")),
    "nafnet": Network("NAFNet, width 32", 256, "nafnet.onnx", exported("nafnet", "gopro-32")),
    "dncnn": Network("DnCNN, 17 × 64, colour", 256, "dncnn.onnx", exported("dncnn", DNCNN)),
    "se-symunet": Network("SE-SymUNet, CLIP ViT-L/14 inside", 256, "se-symunet.onnx", exported("se-symunet", "se-symunet")),
    "se-features": Network("SE-SymUNet, CLIP's features given", 256, "se-features.onnx", exported("se-symunet", "features")),
    "swinir": Network("SwinIR, dim 60, 4 × 6 blocks", 256, "swinir.onnx", exported("swinir", SWINIR)),
    "rrdb": Network("RRDB, 2 × 64, from PyTorch", 256, "rrdb.onnx", from_pytorch("rrdb.py")),
}
DEFAULT = [name for name in NETWORKS if name != "se-features"]
