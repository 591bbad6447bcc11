"""A cluster of two actors on this machine."""
import hashlib
import json
import os
import pathlib
import signal
import threading
import time

import numpy
import pytest
import ray
from PIL import Image

import irkit
import irkit.ray


@pytest.fixture(scope="module", autouse=True)
def cluster():
    ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR")
    ray.data.DataContext.get_current().enable_progress_bars = False
    yield
    ray.shutdown()


def pictures(folder, count, sides=(64, 80), suffix="png"):
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for index in range(count):
        random = numpy.random.default_rng(index)
        rows, columns = numpy.mgrid[0 : sides[0], 0 : sides[1]]
        clean = 128 + 60 * numpy.sin((rows + index) / 5)[..., None] + [0, 20, -20] + 0 * columns[..., None]
        noisy = numpy.clip(clean + random.normal(0, 20, clean.shape), 0, 255).astype(numpy.uint8)
        paths.append(folder / f"p{index:03}.{suffix}")
        Image.fromarray(noisy).save(paths[-1])
    return [str(path) for path in paths]


def rows_of(dataset):
    return {row["path"]: row for row in dataset.take_all()}


def samples(path):
    return numpy.asarray(Image.open(path))


def test_does_what_a_restorer_does(tmp_path):
    paths = pictures(tmp_path / "in" / "a", 3) + pictures(tmp_path / "in" / "b", 2)
    broken = tmp_path / "in" / "b" / "broken.png"
    broken.write_bytes(b"no picture")
    out = tmp_path / "out"
    rows = rows_of(irkit.ray.restore_dataset([*paths, broken], "restore", out, actors=2, batch_size=2, strength=0.5))
    assert sorted(rows) == sorted([*paths, str(broken)])
    restorer = irkit.Restorer("restore", strength=0.5, threads=1)
    for path in paths:
        row = rows[path]
        assert row["status"] == "restored" and not row["error"] and row["seconds"] > 0
        target = out / pathlib.Path(path).relative_to(tmp_path / "in")
        assert row["output"] == str(target)
        assert (samples(target) == restorer.restore(samples(path))).all()
    assert rows[str(broken)]["status"] == "failed" and "broken.png" not in os.listdir(out / "b")
    assert "UnidentifiedImageError" in rows[str(broken)]["error"]
    assert not [name for _, _, names in os.walk(out) for name in names if name.endswith(".partial")]

    # Again: all is there; what was made otherwise, is another, or of another input is made.
    times = {path: os.stat(rows[path]["output"]).st_mtime_ns for path in paths}
    pathlib.Path(rows[paths[0]]["output"]).write_bytes(b"another")
    pictures(tmp_path / "in" / "b", 1, sides=(48, 48))
    again = rows_of(irkit.ray.restore_dataset(paths, "restore", out, actors=2, base=str(tmp_path / "in"), strength=0.5))
    changed = {paths[0], paths[3]}
    for path in paths:
        assert again[path]["status"] == ("restored" if path in changed else "kept")
        assert (os.stat(again[path]["output"]).st_mtime_ns == times[path]) == (path not in changed)
    other = rows_of(irkit.ray.restore_dataset(paths, "restore", out, actors=1, base=str(tmp_path / "in"), strength=0.7))
    assert {row["status"] for row in other.values()} == {"restored"}


def test_takes_datasets_and_addresses(tmp_path):
    paths = pictures(tmp_path / "in", 2, suffix="jpg")
    dataset = ray.data.read_binary_files(f"file://{tmp_path}/in", include_paths=True)
    rows = irkit.ray.restore_dataset(dataset, irkit.models()["symunet-s"], f"file://{tmp_path}/out", actors=1).take_all()
    assert sorted(row["status"] for row in rows) == ["restored", "restored"], rows
    for path in paths:
        result = Image.open(tmp_path / "out" / os.path.basename(path))
        assert result.format == "JPEG" and result.size == (80, 64)


def test_says_what_cannot_be(tmp_path):
    with pytest.raises(ValueError, match="out is"):
        irkit.ray.restore_dataset(["a.png"])
    with pytest.raises(OSError, match="no-such"):
        irkit.ray.restore_dataset(["a.png"], "no-such", tmp_path)
    with pytest.raises(ValueError, match="one place"):
        irkit.ray.restore_dataset(["file:///x/a.png", "/x/a.png"], "restore", tmp_path, base="/x")


def workers():
    """The processes of this cluster's actors, by their titles, that descend from this one."""
    parents = {}
    titles = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                stat = pathlib.Path(f"/proc/{name}/stat").read_text()
                titles[int(name)] = pathlib.Path(f"/proc/{name}/cmdline").read_bytes()
            except OSError:
                continue
            parents[int(name)] = int(stat.rsplit(")", 1)[1].split()[1])

    def is_ours(process):
        while process in parents:
            if process == os.getpid():
                return True
            process = parents[process]
        return False

    return [process for process, title in titles.items() if title.startswith(b"ray::") and b"_Worker" in title and is_ours(process)]


def test_killed_actors_lose_nothing(tmp_path):
    paths = pictures(tmp_path / "in", 24, sides=(160, 200))
    out = tmp_path / "out"
    before = {}
    killed = []
    is_over = threading.Event()

    def kill():
        while not is_over.is_set():
            notes = list((out / ".irkit").glob("*.json")) if (out / ".irkit").exists() else []
            found = workers()
            # A block has six pictures: at eight, however they are shared, one that is being restored has some.
            if len(notes) >= 8 and found:
                for note in notes:
                    record = json.loads(note.read_text())
                    target = out / record["output"]
                    before[record["output"]] = (os.stat(target).st_mtime_ns, record["content"])
                for process in found:
                    os.kill(process, signal.SIGKILL)
                killed.extend(found)
                return
            time.sleep(0.02)

    thread = threading.Thread(target=kill)
    thread.start()
    rows = rows_of(irkit.ray.restore_dataset(paths, "restore", out, actors=2, batch_size=6))
    is_over.set()
    thread.join()
    assert killed, "no actor was found to kill"
    assert sorted(rows) == sorted(paths) and {row["status"] for row in rows.values()} <= {"restored", "kept"}
    # Their batches were done again, but for the pictures that were there.
    assert "kept" in {row["status"] for row in rows.values()}
    restorer = irkit.Restorer("restore", threads=1)
    for path in paths:
        assert (samples(rows[path]["output"]) == restorer.restore(samples(path))).all()
    assert len(before) >= 8
    for name, (changed, content) in before.items():
        assert os.stat(out / name).st_mtime_ns == changed
        assert hashlib.sha256((out / name).read_bytes()).hexdigest() == content
