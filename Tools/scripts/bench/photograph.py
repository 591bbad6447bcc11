"""One photograph through whole processes: start, load, decode, restore, encode, write."""
import os
import subprocess
import sys
import time

import numpy as np

HEIGHT, WIDTH = 512, 768
PEER = os.path.join(os.path.dirname(__file__), "restore.py")


def picture():
    """A scene of soft and hard edges and texture with noise on it, 8 bits."""
    random = np.random.default_rng(3)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH] / 100.0
    planes = []
    for shift in (0.0, 0.4, 0.9):
        plane = 110 + 60 * np.sin(x + shift) * np.cos(1.3 * y - shift) + 25 * (np.sin(7 * x * y / 4 + shift) > 0.2)
        planes.append(plane + 12 * np.sin(40 * x + 9 * y))
    noisy = np.stack(planes, -1) + random.normal(0, 20, (HEIGHT, WIDTH, 3))
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def commands(tools, threads, model, source, folder):
    peers = {
        name: [sys.executable, PEER, name, str(threads), model, source, f"{folder}/{name}.png"]
        for name in ("onnxruntime", "openvino")
    }
    ours = [tools.irrun, "-m", model, "-i", source, "-o", f"{folder}/irkit.png", "-j", str(threads)]
    return {"irkit": ours, **peers}


# Waits for a command and says the most bytes that it took. A process begins with what its parent holds, until it has become
# another program, and that counts: the parent must be small.
WATCH = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
sys.exit(code)
"""


def run(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def seconds_of(command):
    """Seconds of a process, from its start to its end."""
    start = time.perf_counter()
    run(command)
    return time.perf_counter() - start


def peak_of(command):
    """The most bytes of a process."""
    return int(run([sys.executable, "-S", "-c", WATCH, *command]))


def measure(tools, threads, rounds, folder):
    from PIL import Image

    source, model = f"{folder}/photograph.png", os.path.join(tools.root, "Models", "SymUNet", "symunet-s.onnx")
    Image.fromarray(picture()).save(source)
    every = commands(tools, threads, model, source, folder)
    times, peaks = {name: [] for name in every}, {}
    for turn in range(rounds + 1):
        names = list(every)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            # The first reads programs and libraries from the disk.
            if turn == 0:
                peaks[name] = peak_of(every[name])
            else:
                times[name].append(seconds_of(every[name]))
    pictures = {name: np.asarray(Image.open(f"{folder}/{name}.png")).astype(int) for name in every}
    difference = max(int(np.abs(pictures[name] - pictures["onnxruntime"]).max()) for name in every)
    changed = float(np.abs(pictures["irkit"] - picture().astype(int)).mean())
    if difference > 1 or changed < 1:
        raise RuntimeError(f"photograph: pictures differ by {difference} of 255, and from the source by {changed:.1f}")
    runtimes = {
        name: {
            "median": float(np.median(times[name])), "fastest": min(times[name]), "slowest": max(times[name]),
            "seconds": times[name], "peakByteCount": peaks[name],
        }
        for name in every
    }
    return {"title": f"symunet-s, a photograph of {WIDTH}×{HEIGHT}", "runtimes": runtimes, "difference": difference}
