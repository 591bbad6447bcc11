"""Results as tables and JSON."""
import json
import os
import platform
import statistics
import subprocess

import comparison

TITLES = {"irkit": "ours", "onnxruntime": "ONNX Runtime", "openvino": "OpenVINO"}


def machine(threads):
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        lines = [line.split(":", 1) for line in file if ":" in line]
    info = {key.strip(): value.strip() for key, value in lines}
    flags = info.get("flags", "").split()
    sets = [name for name in ("avx512f", "avx2", "fma") if name in flags]
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
    return {
        "processor": info.get("model name", platform.machine()), "instructionSets": sets, "cores": os.cpu_count(),
        "threads": threads, "commit": commit,
    }


def summary(runtime):
    if not runtime.seconds:
        return {"error": "not run"}
    times = sorted(runtime.seconds)
    return {
        "median": statistics.median(times), "fastest": times[0], "slowest": times[-1], "seconds": runtime.seconds,
        "loadSeconds": runtime.ready.get("loadSeconds"),
        **{key: runtime.answer[key] for key in ("peakByteCount", "plannedByteCount", "runByteCount") if key in runtime.answer},
    }


def milliseconds(result):
    digits = 0 if result["median"] >= 1 else 1
    return "{:.{d}f} ms ({:.{d}f} to {:.{d}f})".format(
        *(1e3 * result[key] for key in ("median", "fastest", "slowest")), d=digits)


def mebibytes(count):
    return "–" if count is None else f"{count / 2**20:.0f}"


def faster_peer(results, key="median"):
    peers = [results[name][key] for name in ("onnxruntime", "openvino") if key in results.get(name, {})]
    return min(peers) if peers else None


def peer(result, difference, tolerance):
    if "median" not in result:
        return result.get("error", "–")
    return milliseconds(result) + (f", differs by {difference:.1e}" if difference > tolerance else "")


HEAD = (
    "| network | GFLOP | ours | GFLOP/s | of sgemm | ONNX Runtime | OpenVINO | against the faster | of the fastest runs "
    "| peak MiB: ours, ONNX Runtime, OpenVINO | largest difference |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|")


def row(entry):
    results = entry["runtimes"]
    ours = results["irkit"]
    rate = entry["gflop"] / ours["median"]
    share = rate / entry["sgemmGFLOPPerSecond"]

    def ratio(key):
        peer = faster_peer(results, key)
        return "–" if peer is None else f"{peer / ours[key]:.2f}×"

    peers = [
        peer(results.get(name, {}), entry["differences"].get(name, 0), comparison.TOLERANCES[entry["precision"]])
        for name in ("onnxruntime", "openvino")]
    peaks = ", ".join(mebibytes(results.get(name, {}).get("peakByteCount")) for name in TITLES)
    return (
        f"| {entry['title']}, {entry['size']} | {entry['gflop']:.1f} | {milliseconds(ours)} | {rate:.0f} | {share:.0%} | {peers[0]} "
        f"| {peers[1]} | {ratio('median')} | {ratio('fastest')} | {peaks} | {entry['difference']:.1e} |")


def photograph_row(entry):
    results = entry["runtimes"]
    ours = results["irkit"]
    peer = faster_peer(results)
    peaks = ", ".join(mebibytes(results[name]["peakByteCount"]) for name in TITLES)
    return (
        f"| {entry['title']} | {milliseconds(ours)} | {milliseconds(results['onnxruntime'])} "
        f"| {milliseconds(results['openvino'])} | {peer / ours['median']:.2f}× | {peaks} | {entry['difference']} |")


PHOTOGRAPH_HEAD = (
    "| whole process | ours | ONNX Runtime | OpenVINO | against the faster | peak MiB: ours, ONNX Runtime, OpenVINO "
    "| largest difference of 255 |\n|---|---|---|---|---|---|---|")


def write(path, report):
    part = path + ".part"
    with open(part, "w", encoding="utf-8") as file:
        json.dump(report, file, indent=1)
        file.write("\n")
    os.replace(part, path)
