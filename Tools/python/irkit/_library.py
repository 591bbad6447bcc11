"""The C library, as `irkit.h` declares it."""
from __future__ import annotations

import os
import sys
from typing import Any, Callable, Optional

from . import _interface  # made of irkit.h by build-wheel

ffi: Any = _interface.ffi
lib: Any = ffi.dlopen(os.path.join(os.path.dirname(__file__), "libirkit.so"))


class Error(RuntimeError):
    """What irkit could not do, in words."""


class InvalidArgument(Error, ValueError):
    """What was passed in does not fit the call or the model."""


class Unreadable(Error, OSError):
    """A file that cannot be read, or is no model."""

    def __str__(self) -> str:
        return str(self.args[0])


class Unsupported(Error):
    """A model that cannot be run."""


class OutOfMemory(Error, MemoryError):
    """More memory than the options or the system allow."""


class Cancelled(Error):
    """The caller ended the call."""


_errors = {1: InvalidArgument, 2: Unreadable, 3: Unsupported, 4: OutOfMemory, 5: Cancelled}


def version() -> str:
    return text(lib.irkit_version())


def text(pointer: Any) -> str:
    """A text of C that stays its own."""
    return "" if pointer == ffi.NULL else str(ffi.string(pointer), "utf-8", "replace")


def taken(pointer: Any) -> str:
    """A text of C that becomes ours."""
    try:
        return text(pointer)
    finally:
        lib.irkit_text_release(pointer)


def checked(status: int, error: Any) -> None:
    """Raises what a call says went wrong; `error` is its place for the reason."""
    if status:
        raise _errors.get(status, Error)(taken(error[0]))


class Watch:
    """Passes the progress of a call on, and ends it where that raises or `cancel` says so.

    Python handles signals while it runs code of its own: a call that reports its progress every ten milliseconds is
    interrupted then, also if nobody asked for the progress.
    """

    def __init__(self, progress: Optional[Callable[[float], Any]] = None, cancel: Any = None) -> None:
        self._exception: Optional[BaseException] = None
        is_cancelled = getattr(cancel, "is_set", cancel)

        def goes_on(_context: Any, done: float) -> int:
            if progress is not None:
                progress(done)
            return int(is_cancelled is not None and bool(is_cancelled()))

        def failed(_kind: Any, exception: BaseException, _trace: Any) -> int:
            self._exception = exception
            return 1

        self.function = ffi.callback("int(void *, double)", goes_on, error=1, onerror=failed)

    def checked(self, status: int, error: Any) -> None:
        """As the function of this name; an exception of `progress` goes first."""
        if self._exception is not None:
            if error[0] != ffi.NULL:
                lib.irkit_text_release(error[0])
            raise self._exception
        checked(status, error)


_precisions = {"f32": 0, "bf16": 1, "auto": 2}


def run_options(
    threads: Optional[int], memory: Optional[int], float16_storage: bool = False, precision: str = "f32",
) -> Any:
    if precision not in _precisions:
        raise InvalidArgument(f"precision is {precision!r}, and must be one of {', '.join(_precisions)}")
    options = ffi.new("irkit_options *")
    options.size = ffi.sizeof("irkit_options")
    options.threads = threads or 0
    options.memory = memory or 0
    options.float16_storage = float16_storage
    options.precision = _precisions[precision]
    return options


def encoded(path: Any) -> bytes:
    """A path or a name as bytes of C."""
    name = os.fsencode(path)
    if b"\0" in name:
        raise InvalidArgument(f"{path!r} holds a zero byte")
    return name


if sys.byteorder != "little":
    raise ImportError("irkit runs on little-endian machines")
