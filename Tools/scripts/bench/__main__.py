"""Times our runtime beside ONNX Runtime and OpenVINO: Tools/bench --help."""
import argparse
import os
import sys
import tempfile
import time
import types
from importlib import metadata

import numpy as np
import onnx

import comparison
import networks
import photograph
import report
import turns

HELP = """Times our runtime beside ONNX Runtime and OpenVINO, each in a process of its own.

The same file and inputs go into every runtime; outputs are compared before anything is timed. Then the runtimes take
turns, the others being stopped: irkit, ONNX Runtime, OpenVINO and a matrix product of 2048 × 2048 (OpenBLAS, whose rate
is what "of sgemm" refers to). Medians are given with the fastest and the slowest run. Networks have fresh weights; their
files are made once, in .build-bench. `photograph` is symunet-s on a picture of 768 × 512, whole processes from start to end."""
EPILOG = "networks: " + ", ".join([*networks.NETWORKS, "photograph"]) + ". Without any: all but se-features."


def arguments():
    parser = argparse.ArgumentParser(
        prog="Tools/bench", description=HELP, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="NETWORK|MODEL.onnx", help="which networks, by name or file")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each runtime (3)")
    parser.add_argument("--turn", type=float, default=0.8, metavar="SECONDS", help="a turn's least length (0.8)")
    parser.add_argument("-j", "--threads", type=int, default=2, help="threads of each runtime (2)")
    parser.add_argument("--size", type=int, default=256, help="sides of pictures for files of models (256)")
    parser.add_argument(
        "--precision", choices=["f32", "bf16"], default="f32",
        help="f32 for all, or ours in bf16 and the others as they choose by themselves (f32)")
    parser.add_argument("--json", metavar="FILE", help="write everything that was measured")
    options = parser.parse_args(sys.argv[2:])
    for name in options.networks:
        if name not in networks.NETWORKS and name != "photograph" and not os.path.isfile(name):
            parser.error(f"{name} is neither a network nor a file; {EPILOG}")
    if min(options.rounds, options.threads, options.size) < 1:
        parser.error("--rounds, --threads and --size are at least 1")
    return options


def inputs_of(path, size):
    """Numbers in 0..<1 for each of the model's inputs, open sides being `size`."""
    generator = np.random.default_rng(0)
    graph = onnx.load(path, load_external_data=False).graph
    constants = {i.name for i in graph.initializer}
    feeds = {}
    for value in graph.input:
        if value.name not in constants:
            dims = value.type.tensor_type.shape.dim
            shape = [d.dim_value or (1 if axis == 0 else size) for axis, d in enumerate(dims)]
            feeds[value.name] = generator.random(shape, dtype=np.float32)
    return feeds


def measure(title, path, size, options, tools):
    feeds = inputs_of(path, size)
    runtimes, errors, found = [], {}, {}
    with tempfile.TemporaryDirectory() as folder:
        source = f"{folder}/in.npz"
        np.savez(source, **feeds)
        try:
            # ONNX Runtime first: the others are compared with it.
            every = turns.commands(tools, options.threads, path, source, folder, options.precision)
            for name in sorted(every, key=lambda name: name != "onnxruntime"):
                try:
                    runtimes.append(turns.Runtime(name, every[name]))
                    found[name] = dict(np.load(f"{folder}/{name}.npz"))
                except turns.RuntimeFailed as failure:
                    errors[name] = str(failure)
                    print(f"bench: {title}: {failure}", file=sys.stderr, flush=True)
            if "irkit" in errors:
                raise turns.RuntimeFailed(errors["irkit"])
            differences = comparison.compare(found, feeds, options.precision)
            product = turns.sgemm(options.threads)
            turns.take_turns(runtimes + [product], options.rounds, options.turn)
            product.end()
        finally:
            for runtime in runtimes:
                runtime.end()
    results = {runtime.name: report.summary(runtime) for runtime in runtimes}
    results.update({name: {"error": text} for name, text in errors.items()})
    ours = next(runtime for runtime in runtimes if runtime.name == "irkit")
    return {
        "title": title, "size": "×".join(str(n) for n in next(iter(feeds.values())).shape[-2:]),
        "gflop": ours.ready["gflop"], "sgemmGFLOPPerSecond": product.ready["gflop"] / product.median,
        "precision": options.precision, "runtimes": results, "difference": differences["irkit"], "differences": differences,
    }


def main():
    options = arguments()
    root = os.getcwd()
    bin_folder = sys.argv[1]
    tools = types.SimpleNamespace(
        root=root, torch="Tools/scripts/torch-venv",
        **{name: os.path.join(bin_folder, name) for name in ("irbench", "irexport", "irrun")})
    versions = {name: metadata.version(name).split("-")[0] for name in ("onnxruntime", "openvino", "numpy")}
    everything = {**report.machine(options.threads), "versions": versions, "rounds": options.rounds, "networks": {}}
    print(
        f"{everything['processor']}, {options.threads} threads, {options.rounds} rounds, "
        f"{'float32' if options.precision == 'f32' else 'bfloat16, the others as they choose'}, "
        f"onnxruntime {versions['onnxruntime']}, openvino {versions['openvino']}, irkit {everything['commit']}\n")
    begin, failed = time.time(), False
    wanted = options.networks or [*networks.DEFAULT, "photograph"]
    if wanted != ["photograph"]:
        print(report.HEAD, flush=True)
    for name in sorted(wanted, key=lambda name: name == "photograph"):
        try:
            if name == "photograph":
                with tempfile.TemporaryDirectory() as folder:
                    entry = photograph.measure(tools, options.threads, max(5, options.rounds), folder)
                print(f"\n{report.PHOTOGRAPH_HEAD}\n{report.photograph_row(entry)}", flush=True)
            else:
                network = networks.NETWORKS.get(name)
                path = network.path(tools, ".build-bench") if network else name
                title, size = (network.title, network.size) if network else (os.path.basename(name), options.size)
                entry = measure(title, path, size, options, tools)
                print(report.row(entry), flush=True)
        except (turns.RuntimeFailed, comparison.Incomparable, RuntimeError, OSError) as problem:
            failed = True
            print(f"bench: {name}: {problem}", file=sys.stderr, flush=True)
            continue
        everything["networks"][name] = entry
        if options.json:
            report.write(options.json, everything)
    print(f"\n{time.time() - begin:.0f} s in all", file=sys.stderr)
    sys.exit(1 if failed else 0)


main()
