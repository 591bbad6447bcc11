"""Results as tables and JSON."""
import json
import os
import platform
import statistics
import subprocess

import comparison

LONGEST_MESSAGE = 200
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


def size(feeds):
    """The last two sides of the first input."""
    return "×".join(str(n) for n in next(iter(feeds.values())).shape[-2:]) if feeds else ""


def cell(text):
    """A message as a cell of a table."""
    line = " ".join(text.replace("|", "/").split())
    return line if len(line) <= LONGEST_MESSAGE else line[: LONGEST_MESSAGE - 1] + "…"


def peer(result, difference, tolerance):
    if "median" not in result:
        return cell(result.get("error", "–"))
    return milliseconds(result) + (f", differs by {difference:.1e}" if difference > tolerance else "")


HEAD = (
    "| network | GFLOP | ours | GFLOP/s | of sgemm | ONNX Runtime | OpenVINO | against the faster | of the fastest runs "
    "| peak MiB: ours, ONNX Runtime, OpenVINO | largest difference |\n"
    "|---|---|---|---|---|---|---|---|---|---|---|")


def ratio(entry, key):
    """The faster peer's seconds over ours, None where there is no such number."""
    peer = None if "problem" in entry else faster_peer(entry["runtimes"], key)
    return None if peer is None else peer / entry["runtimes"]["irkit"][key]


def times(number):
    return "–" if number is None else f"{number:.2f}×"


def title(entry):
    return f"{entry['title']}, {entry['size']}" if entry["size"] else entry["title"]


def row(entry):
    if "problem" in entry:
        return f"| {title(entry)} | – | {cell(entry['problem'])} |" + " – |" * 8
    results = entry["runtimes"]
    ours = results["irkit"]
    rate = entry["gflop"] / ours["median"]
    share = rate / entry["sgemmGFLOPPerSecond"]
    peers = [
        peer(results.get(name, {}), entry["differences"].get(name, 0), comparison.TOLERANCES[entry["precision"]])
        for name in ("onnxruntime", "openvino")]
    peaks = ", ".join(mebibytes(results.get(name, {}).get("peakByteCount")) for name in TITLES)
    return (
        f"| {title(entry)} | {entry['gflop']:.1f} | {milliseconds(ours)} | {rate:.0f} | {share:.0%} | {peers[0]} "
        f"| {peers[1]} | {times(ratio(entry, 'median'))} | {times(ratio(entry, 'fastest'))} | {peaks} | {entry['difference']:.1e} |")


def closing_line(entries):
    """How many networks there are, how many of them are no slower than the faster peer, and the median ratio."""

    def said(key):
        ratios = [ratio(entry, key) for entry in entries]
        known = [number for number in ratios if number is not None]
        median = statistics.median(known) if known else None
        return f"{sum(number >= 1 for number in known)} at least 1.00× the faster peer, median {times(median)}"

    problems = sum("problem" in entry for entry in entries)
    without = f", {problems} of them not timed" if problems else ""
    return f"{len(entries)} networks{without}: {said('median')}; of the fastest runs {said('fastest')}"


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
