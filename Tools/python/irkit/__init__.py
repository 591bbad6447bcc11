"""irkit: image restoration networks and ONNX models on CPUs.

    restored = irkit.restore(picture)                     # a PIL image, a NumPy array or a path
    outputs = irkit.InferenceSession("model.onnx").run(None, {"input": array})
"""
from ._library import Cancelled, Error, InvalidArgument, OutOfMemory, Unreadable, Unsupported, version
from ._models import Model, models
from ._restoration import RestorationWarning, Restorer, restore
from ._session import InferenceSession, IOBinding, ModelMetadata, NodeArg, RunOptions, SessionOptions

__version__ = version()

__all__ = [
    "Cancelled", "Error", "IOBinding", "InferenceSession", "InvalidArgument", "Model", "ModelMetadata", "NodeArg",
    "OutOfMemory", "RestorationWarning", "Restorer", "RunOptions", "SessionOptions", "Unreadable", "Unsupported",
    "get_available_providers", "models", "restore",
]


def get_available_providers() -> list[str]:
    """The one provider that there is, by ONNX Runtime's name."""
    return ["CPUExecutionProvider"]
