"""ONNX's backend interface: `onnx.backend.test` counts what runs by it."""
from __future__ import annotations

from typing import Any

import onnx
from onnx.backend.base import Backend, BackendRep, namedtupledict

from ._session import InferenceSession


class IrkitRep(BackendRep):
    def __init__(self, session: InferenceSession) -> None:
        self._session = session

    def run(self, inputs: Any, **_options: Any) -> Any:
        """`inputs` by position or by name; the outputs by both."""
        ports = self._session.get_inputs()
        feed = inputs if isinstance(inputs, dict) else dict(zip([port.name for port in ports], inputs))
        names = [port.name for port in self._session.get_outputs()]
        return namedtupledict("Outputs", names)(*self._session.run(None, feed))


class IrkitBackend(Backend):
    @classmethod
    def prepare(cls, model: Any, device: str = "CPU", **options: Any) -> IrkitRep:
        onnx.checker.check_model(model)
        return IrkitRep(InferenceSession(model.SerializeToString(), **options))

    @classmethod
    def run_model(cls, model: Any, inputs: Any, device: str = "CPU", **options: Any) -> Any:
        return cls.prepare(model, device, **options).run(inputs)

    @classmethod
    def supports_device(cls, device: str) -> bool:
        return device.split(":")[0] == "CPU"


prepare = IrkitBackend.prepare
run_model = IrkitBackend.run_model
supports_device = IrkitBackend.supports_device
