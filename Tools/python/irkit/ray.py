"""Pictures restored by the machines of a cluster, with Ray Data.

    rows = irkit.ray.restore_dataset(paths, model="restore", out="s3://bucket/restored")
    failed = rows.filter(expr="status == 'failed'")
"""
from __future__ import annotations

import hashlib
import io
import json
import os
import posixpath
import time
import warnings
from typing import Any, Iterable, Optional, Sequence, Union
from urllib.parse import urlparse

import numpy
import pyarrow.fs
import ray.data

from ._library import InvalidArgument, version
from ._models import path_of
from ._restoration import RestorationWarning, Restorer, opened, save

#: The folder of the output folder in which is noted what each output was made of.
_NOTES = ".irkit"


def restore_dataset(
    source: Union["ray.data.Dataset", Sequence[Any]], model: Any = "symunet-s", out: Any = None, *,
    base: Optional[str] = None, actors: Optional[int] = None, cpus: int = 1, batch_size: int = 8,
    filesystem: Any = None, **options: Any,
) -> "ray.data.Dataset":
    """Restores pictures into the folder `out`, and gives a row for each: `path`, `output`, `status` (`restored`, `kept`,
    `failed`), `error`, `warnings`, `seconds`.

    `source` is paths, or a dataset with a column `path`, and one of `bytes` where they are read already, as by
    `ray.data.read_binary_files(…, include_paths=True)`. Paths and `out` are folders that all machines see, or addresses
    that pyarrow's file systems know; `filesystem` is one of these for all of them. Outputs keep the part of their path
    below `base`, by default below the folder that all paths share, or their name alone where `source` is a dataset.

    Each of `actors` keeps one model and computes on `cpus` threads; by default there are as many as the cluster has
    processors for. An output whose input, model and options are those that it was made of is kept: what was restored
    before a machine died, or in an earlier run, is not restored again. `options` are those of `Restorer`.
    """
    if out is None:
        raise InvalidArgument("out is the folder of the results")
    if "threads" in options:
        raise InvalidArgument("threads are those of cpus")
    if not ray.is_initialized():
        ray.init()
    count = actors or max(1, int(ray.cluster_resources().get("CPU", 1)) // cpus)
    if isinstance(source, ray.data.Dataset):
        rows = source
        _outputs((str(row["path"]) for row in rows.select_columns(["path"]).iter_rows()), base)
    else:
        paths = [os.fspath(path) for path in source]
        base = _shared_folder(paths) if base is None else base
        outputs = _outputs(paths, base)
        # A block is a batch; every actor has one.
        batch_size = max(1, min(batch_size, -(-len(paths) // count)))
        blocks = -(-max(1, len(paths)) // batch_size)
        rows = ray.data.from_items([{"path": path} for path in outputs.values()], override_num_blocks=blocks)
    made = rows.map_batches(
        _Worker, fn_constructor_args=(path_of(model), os.fspath(out), base, filesystem, {**options, "threads": cpus}),
        batch_size=batch_size, batch_format="numpy", num_cpus=cpus, compute=ray.data.ActorPoolStrategy(size=count))
    return made.materialize()


def _outputs(paths: Iterable[str], base: Optional[str]) -> dict[str, str]:
    """The path that each output is made of."""
    outputs: dict[str, str] = {}
    for path in paths:
        other = outputs.setdefault(_name(path, base), path)
        if other != path:
            raise InvalidArgument(f"{other} and {path} would be written to one place: state a base above both")
    return outputs


class _Worker:
    """An actor: a model that stays, and the files that it reads and writes."""

    def __init__(
        self, model: str, out: str, base: Optional[str], filesystem: Any, options: dict[str, Any]
    ) -> None:
        self._base, self._filesystem = base, filesystem
        self._restorer = Restorer(model, **options)
        self._target, self._out = _place(out, filesystem)
        digest = hashlib.sha256()
        with open(model, "rb") as file:
            digest.update(hashlib.sha256(file.read()).digest())
        # Threads and memory are no part of what a picture becomes.
        known = {key: value for key, value in options.items() if key not in ("threads", "memory", "profile")}
        digest.update(json.dumps([version(), known], sort_keys=True).encode())
        self._common = digest.digest()

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        contents = batch.get("bytes", [None] * len(batch["path"]))
        rows = [self._row(str(path), content) for path, content in zip(batch["path"], contents)]
        return {key: numpy.array([row[key] for row in rows], dtype=kind) for key, kind in (
            ("path", object), ("output", object), ("status", object), ("error", object), ("warnings", object),
            ("seconds", float))}

    def _row(self, path: str, content: Optional[bytes]) -> dict[str, Any]:
        start = time.monotonic()
        row = {"path": path, "output": "", "status": "failed", "error": "", "warnings": ""}
        try:
            name = _name(path, self._base)
            row["output"] = posixpath.join(self._out, name)
            if content is None:
                filesystem, place = _place(path, self._filesystem)
                with filesystem.open_input_stream(place) as stream:
                    content = stream.read()
            row["status"], row["warnings"] = self._restore(bytes(content), path, name, row["output"])
        except Exception as error:  # one picture's fault is not its batch's
            row["error"] = f"{type(error).__name__}: {error}"
        return {**row, "seconds": time.monotonic() - start}

    def _restore(self, content: bytes, path: str, name: str, output: str) -> tuple[str, str]:
        note = posixpath.join(self._out, _NOTES, hashlib.sha256(name.encode()).hexdigest() + ".json")
        key = hashlib.sha256(self._common + hashlib.sha256(content).digest()).hexdigest()
        if self._is_done(output, note, key):
            return "kept", ""
        from PIL import Image

        suffix = posixpath.splitext(name)[1].lower()
        format = Image.registered_extensions().get(suffix)
        if format is None:
            raise InvalidArgument(f"{name}: the extension is not that of a format that Pillow writes")
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", RestorationWarning)
            restored = self._restorer.restore(opened(io.BytesIO(content), path))
        buffer = io.BytesIO()
        save(restored, buffer, format)
        result = buffer.getvalue()
        self._write(output, result)
        record = {"output": name, "key": key, "content": hashlib.sha256(result).hexdigest()}
        self._write(note, json.dumps(record).encode())
        return "restored", "\n".join(str(each.message) for each in caught)

    def _is_done(self, output: str, note: str, key: str) -> bool:
        try:
            with self._target.open_input_stream(note) as stream:
                record = json.loads(stream.read())
            if record["key"] != key:
                return False
            with self._target.open_input_stream(output) as stream:
                return bool(hashlib.sha256(stream.read()).hexdigest() == record["content"])
        except (OSError, ValueError, KeyError):
            return False

    def _write(self, path: str, content: bytes) -> None:
        self._target.create_dir(posixpath.dirname(path), recursive=True)
        # Object stores show what is whole; folders show what is being written.
        is_folder = self._target.type_name in ("local", "hdfs")
        place = f"{posixpath.dirname(path)}/.{os.getpid()}.{posixpath.basename(path)}.partial" if is_folder else path
        with self._target.open_output_stream(place) as stream:
            stream.write(content)
        if is_folder:
            self._target.move(place, path)


def _place(path: str, filesystem: Any) -> tuple[Any, str]:
    """The file system that a path lies in, and its path there."""
    if filesystem is not None:
        return filesystem, path
    if "://" in path:
        found, place = pyarrow.fs.FileSystem.from_uri(path)
        return found, place
    return pyarrow.fs.LocalFileSystem(), os.path.abspath(path)


def _parts(path: str) -> str:
    return posixpath.normpath(urlparse(path).netloc + urlparse(path).path) if "://" in path else os.path.abspath(path)


def _shared_folder(paths: Sequence[str]) -> Optional[str]:
    return posixpath.commonpath([posixpath.dirname(_parts(path)) for path in paths]) if paths else None


def _name(path: str, base: Optional[str]) -> str:
    """The part of a path below the base; its name where there is no base."""
    parts = _parts(path)
    if base is None:
        return posixpath.basename(parts)
    name = posixpath.relpath(parts, _parts(base))
    if name in (".", "..") or name.startswith("../"):
        raise InvalidArgument(f"{path} does not lie below {base}")
    return name
