"""Times our runtime beside ONNX Runtime and OpenVINO: Tools/bench --help."""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import types
from importlib import metadata

import numpy as np
import onnx

import comparison
import foreign
import networks
import photograph
import report
import turns

HELP = """Times our runtime beside ONNX Runtime and OpenVINO, each in a process of its own.

The same file and inputs go into every runtime; outputs are compared before anything is timed. Then the runtimes take
turns, the others being stopped: irkit, ONNX Runtime, OpenVINO and a matrix product of 2048 × 2048 (OpenBLAS, whose rate
is what "of sgemm" refers to). Medians are given with the fastest and the slowest run. Networks have fresh weights; their
files are made once, in .build-bench. `photograph` is symunet-s on a picture of 768 × 512, whole processes from start to end.
--foreign takes networks that PyPI packages build instead, with their sizes bound, and closes with a count and a median."""
FOREIGN = foreign.every()
EPILOG = (
    "networks: " + ", ".join([*networks.NETWORKS, "photograph"]) + ". Without any: all but se-features.\n\n"
    "foreign networks: " + ", ".join(FOREIGN) + ". Without any: all but unet-full.")


def arguments():
    parser = argparse.ArgumentParser(
        prog="Tools/bench", description=HELP, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="NETWORK|MODEL.onnx", help="which networks, by name or file")
    parser.add_argument("--foreign", action="store_true", help="the table of foreign networks")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each runtime (3)")
    parser.add_argument("--turn", type=float, default=0.8, metavar="SECONDS", help="a turn's least length (0.8)")
    parser.add_argument("-j", "--threads", type=int, default=2, help="threads of each runtime (2)")
    parser.add_argument("--size", type=int, default=256, help="sides of pictures for files of models (256)")
    parser.add_argument(
        "--precision", choices=["f32", "bf16"], default="f32",
        help="f32 for all, or ours in bf16 and the others as they choose by themselves (f32)")
    parser.add_argument(
        "--processor-time", action="store_true",
        help="time that threads computed instead of time that passed, with -j 1: for a machine that others use")
    parser.add_argument("--json", metavar="FILE", help="write everything that was measured")
    parser.add_argument("--resume", action="store_true", help="take what the file of --json has instead of measuring it again")
    options = parser.parse_args(sys.argv[2:])
    if options.processor_time and options.threads > 1:
        parser.error("--processor-time needs -j 1: threads that wait compute too")
    if options.resume and not options.json:
        parser.error("--resume needs --json FILE")
    known = FOREIGN if options.foreign else [*networks.NETWORKS, "photograph"]
    for name in options.networks:
        if name not in known and not os.path.isfile(name):
            parser.error(f"{name} is neither a network nor a file; {EPILOG}")
    if min(options.rounds, options.threads, options.size) < 1:
        parser.error("--rounds, --threads and --size are at least 1")
    return options


def inputs_of(path, size):
    """Numbers in 0..<1 for each of the model's inputs, 0 where they are integers; open sides are `size`."""
    generator = np.random.default_rng(0)
    graph = onnx.load(path, load_external_data=False).graph
    constants = {i.name for i in graph.initializer}
    feeds = {}
    for value in graph.input:
        if value.name not in constants:
            dims = value.type.tensor_type.shape.dim
            shape = [d.dim_value or (1 if axis == 0 else size) for axis, d in enumerate(dims)]
            kind = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
            fractions = np.issubdtype(kind, np.floating)
            feeds[value.name] = generator.random(shape, dtype=np.float32).astype(kind) if fractions else np.zeros(shape, kind)
    return feeds


def title_of(path):
    """A file's name; of a pipeline's network, which is always `model.onnx`, its folder's."""
    folder, file = os.path.split(os.path.abspath(path))
    return os.path.basename(folder) if file == "model.onnx" else file


def measure(title, path, feeds, exact, options, tools):
    runtimes, errors, found = [], {}, {}
    with tempfile.TemporaryDirectory() as folder:
        source = f"{folder}/in.npz"
        np.savez(source, **feeds)
        try:
            # Peers first: the others are compared with the first that runs.
            every = turns.commands(tools, options.threads, path, source, folder, options.precision)
            for name in sorted(every, key=lambda name: name == "irkit"):
                try:
                    runtimes.append(turns.Runtime(name, every[name], options.processor_time))
                    found[name] = dict(np.load(f"{folder}/{name}.npz"))
                except turns.RuntimeFailed as failure:
                    errors[name] = str(failure)
                    print(f"bench: {title}: {failure}", file=sys.stderr, flush=True)
            if "irkit" in errors:
                raise turns.RuntimeFailed(errors["irkit"])
            if len(found) == 1:
                raise comparison.Incomparable("no other runtime runs it")
            differences = comparison.compare(found, feeds, options.precision, exact)
            product = turns.sgemm(options.threads, options.processor_time)
            runtimes = sorted(runtimes, key=lambda runtime: list(every).index(runtime.name)) + [product]
            turns.take_turns(runtimes, options.rounds, options.turn)
        finally:
            for runtime in runtimes:
                runtime.end()
    results = {runtime.name: report.summary(runtime) for runtime in runtimes if runtime != product}
    results.update({name: {"error": text} for name, text in errors.items()})
    ours = next(runtime for runtime in runtimes if runtime.name == "irkit")
    return {
        "title": title, "size": report.size(feeds),
        "gflop": ours.ready["gflop"], "sgemmGFLOPPerSecond": product.ready["gflop"] / product.median,
        "precision": options.precision, "runtimes": results, "difference": differences["irkit"], "differences": differences,
    }


def prepared(name, options, tools):
    """Title, file, inputs and exact outputs of a network or a file; the file is made where it is missing."""
    if options.foreign and name in FOREIGN:
        path = FOREIGN[name].path(tools, ".build-bench")
        return FOREIGN[name].title, path, foreign.inputs_of(path), foreign.exact_outputs_of(path)
    network = networks.NETWORKS.get(name)
    if network is None or options.foreign:
        return title_of(name), name, inputs_of(name, options.size), {}
    path = network.path(tools, ".build-bench")
    return network.title, path, inputs_of(path, network.size), {}


def entry_of(name, options, tools, known):
    """A network's results, or its title and the problem why it has none."""
    if name in known and "problem" not in known[name] and known[name]["precision"] == options.precision:
        return known[name]
    title, feeds = name, {}
    try:
        title, path, feeds, exact = prepared(name, options, tools)
        return measure(title, path, feeds, exact, options, tools)
    except (turns.RuntimeFailed, comparison.Incomparable, RuntimeError, OSError, subprocess.CalledProcessError) as problem:
        print(f"bench: {name}: {problem}", file=sys.stderr, flush=True)
        return {"title": title, "size": report.size(feeds), "precision": options.precision, "problem": str(problem)}


def main():
    options = arguments()
    root = os.getcwd()
    bin_folder = sys.argv[1]
    tools = types.SimpleNamespace(
        root=root, torch="Tools/scripts/torch-venv", foreign="Tools/scripts/foreign-networks",
        **{name: os.path.join(bin_folder, name) for name in ("irbench", "irexport", "irrun")})
    versions = {name: metadata.version(name).split("-")[0] for name in ("onnxruntime", "openvino", "numpy")}
    everything = {**report.machine(options.threads), "versions": versions, "rounds": options.rounds, "networks": {}}
    if options.resume and os.path.exists(options.json):
        with open(options.json, encoding="utf-8") as file:
            everything["networks"] = json.load(file)["networks"]
    known = dict(everything["networks"])
    print(
        f"{everything['processor']}, {options.threads} threads, {options.rounds} rounds, "
        f"{'time of the processor, ' if options.processor_time else ''}"
        f"{'float32' if options.precision == 'f32' else 'bfloat16, the others as they choose'}, "
        f"onnxruntime {versions['onnxruntime']}, openvino {versions['openvino']}, irkit {everything['commit']}\n")
    begin, entries = time.time(), []
    default = [name for name in FOREIGN if name != "unet-full"] if options.foreign else [*networks.DEFAULT, "photograph"]
    wanted = options.networks or default
    tabulated = [name for name in wanted if name != "photograph"]
    if tabulated:
        print(report.HEAD, flush=True)
    for name in tabulated:
        entries.append(entry_of(name, options, tools, known))
        everything["networks"][name] = entries[-1]
        print(report.row(entries[-1]), flush=True)
        if options.json:
            report.write(options.json, everything)
    failed = any("problem" in entry for entry in entries)
    if options.foreign:
        print(f"\n{report.closing_line(entries)}", flush=True)
    if "photograph" in wanted:
        try:
            with tempfile.TemporaryDirectory() as folder:
                entry = photograph.measure(tools, options.threads, max(5, options.rounds), folder)
            print(f"\n{report.PHOTOGRAPH_HEAD}\n{report.photograph_row(entry)}", flush=True)
            everything["networks"]["photograph"] = entry
            if options.json:
                report.write(options.json, everything)
        except (RuntimeError, OSError) as problem:
            failed = True
            print(f"bench: photograph: {problem}", file=sys.stderr, flush=True)
    print(f"\n{time.time() - begin:.0f} s in all", file=sys.stderr)
    sys.exit(1 if failed else 0)


main()
