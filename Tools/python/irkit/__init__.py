"""irkit: image restoration networks and ONNX models on CPUs.

    restored = irkit.restore(picture)                     # a PIL image, a NumPy array or a path
    outputs = irkit.InferenceSession("model.onnx").run(None, {"input": array})
"""
from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._library import Cancelled, Error, InvalidArgument, OutOfMemory, Unreadable, Unsupported, version

if TYPE_CHECKING:
    from ._models import Model, models
    from ._restoration import RestorationWarning, Restorer, Step, restore
    from ._session import InferenceSession, IOBinding, ModelMetadata, NodeArg, RunOptions, SessionOptions

__version__ = version()

__all__ = [
    "Cancelled", "Error", "IOBinding", "InferenceSession", "InvalidArgument", "Model", "ModelMetadata", "NodeArg",
    "OutOfMemory", "RestorationWarning", "Restorer", "RunOptions", "SessionOptions", "Step", "Unreadable", "Unsupported",
    "get_available_providers", "models", "restore",
]

# NumPy takes longer to import than all else: these come when they are first asked for.
_places = {
    "_models": ("Model", "models"),
    "_restoration": ("RestorationWarning", "Restorer", "Step", "restore"),
    "_session": ("InferenceSession", "IOBinding", "ModelMetadata", "NodeArg", "RunOptions", "SessionOptions"),
}


def __getattr__(name: str) -> Any:
    for place, names in _places.items():
        if name in names:
            from importlib import import_module

            value = getattr(import_module(f".{place}", __name__), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def get_available_providers() -> list[str]:
    """The one provider that there is, by ONNX Runtime's name."""
    return ["CPUExecutionProvider"]
