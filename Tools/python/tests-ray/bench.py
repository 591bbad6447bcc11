"""irkit.ray with two actors beside irrun with two threads. usage: bench.py IRRUN PICTURE FOLDER PICTURES ROUNDS"""
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

import numpy
import ray
from PIL import Image

import irkit.ray

irrun, picture, folder, count, rounds = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])
base = Image.open(picture).convert("RGB").resize((1024, 1024), Image.Resampling.LANCZOS)
(folder / "in").mkdir()
for index in range(count):
    random = numpy.random.default_rng(index)
    x, y = (int(random.integers(0, limit)) for limit in (1024 - 768, 1024 - 512))
    crop = numpy.asarray(base.crop((x, y, x + 768, y + 512)))
    noisy = numpy.clip(crop + random.normal(0, 15, crop.shape), 0, 255).astype(numpy.uint8)
    Image.fromarray(noisy).save(folder / "in" / f"p{index:04}.jpg", quality=92)
paths = sorted(str(path) for path in (folder / "in").iterdir())


def by_irrun():
    subprocess.run([irrun, "--threads", "2", folder / "in", folder / "out", "--quiet"], check=True)


def by_ray():
    rows = irkit.ray.restore_dataset(paths, "restore", folder / "out", actors=2, cpus=1).take_all()
    assert len(rows) == count and all(row["status"] == "restored" for row in rows)


def by_ray_with_start():
    ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR")
    ray.data.DataContext.get_current().enable_progress_bars = False
    try:
        by_ray()
    finally:
        ray.shutdown()


times = {"irrun": [], "irkit.ray": [], "irkit.ray with a cluster's start": []}
for turn in range(rounds):
    order = [("irrun", by_irrun), ("irkit.ray with a cluster's start", by_ray_with_start)]
    for name, run in order if turn % 2 == 0 else reversed(order):
        start = time.monotonic()
        run()
        times[name].append(time.monotonic() - start)
        shutil.rmtree(folder / "out")
    ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR")
    ray.data.DataContext.get_current().enable_progress_bars = False
    start = time.monotonic()
    by_ray()
    times["irkit.ray"].append(time.monotonic() - start)
    ray.shutdown()
    shutil.rmtree(folder / "out")
alone = statistics.median(times["irrun"])
for name, seconds in times.items():
    median = statistics.median(seconds)
    print(f"{name}: {median:.1f} s ({min(seconds):.1f} to {max(seconds):.1f}), {count / median:.2f} pictures a second, "
          f"{100 * (median / alone - 1):+.1f} % beside irrun alone")
