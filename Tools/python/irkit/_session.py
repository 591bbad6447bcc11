"""Models under the names that ONNX Runtime gives them."""
from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, field
from typing import Any, Mapping, Optional, Sequence, Union

import numpy

from ._library import InvalidArgument, Watch, checked, encoded, ffi, lib, run_options, text

# NumPy's types by the numbers of ONNX's TensorProto.DataType.
_dtypes = {
    1: "float32", 2: "uint8", 3: "int8", 4: "uint16", 5: "int16", 6: "int32", 7: "int64", 9: "bool", 10: "float16",
    11: "float64", 12: "uint32", 13: "uint64",
}
_numbers = {numpy.dtype(name): number for number, name in _dtypes.items()}
_BFLOAT16 = 16


def _dtype(number: int) -> numpy.dtype[Any]:
    if number == _BFLOAT16:
        import ml_dtypes  # NumPy has no bfloat16 of its own

        bfloat16: numpy.dtype[Any] = numpy.dtype(ml_dtypes.bfloat16)
        return bfloat16
    return numpy.dtype(_dtypes[number])


def _number(dtype: numpy.dtype[Any], name: str) -> int:
    if dtype.name == "bfloat16":
        return _BFLOAT16
    try:
        return _numbers[dtype]
    except KeyError:
        raise InvalidArgument(f"input {name} holds {dtype}, an element type that is not supported") from None


def as_array(value: Any) -> numpy.ndarray:
    """A dense array of a value, its own memory where that goes: arrays, DLPack, the buffer protocol, numbers."""
    if not isinstance(value, numpy.ndarray) and hasattr(value, "__dlpack__"):
        value = numpy.from_dlpack(value)
    array = numpy.asarray(value)
    return array if array.flags.c_contiguous else array.copy(order="C")


@dataclass(frozen=True)
class NodeArg:
    """An input or an output as the model declares it."""

    name: str
    #: `tensor(float)`, `seq(tensor(int64))`, …
    type: str
    #: Numbers, names of open sizes, or None; empty where no shape is declared.
    shape: list[Union[int, str, None]]


@dataclass(frozen=True)
class ModelMetadata:
    producer_name: str
    graph_name: str
    domain: str
    description: str
    custom_metadata_map: dict[str, str] = field(default_factory=dict)


@dataclass
class SessionOptions:
    """The options that have a meaning here; others may be set and do nothing."""

    #: 0: as many as processors.
    intra_op_num_threads: int = 0
    #: The most bytes that a run may take; 0: three quarters of what the system has left.
    memory: int = 0
    #: The numbers that products are computed with: f32, bf16 (operands rounded to 8 bits of precision, sums in float32;
    #: twice the rate on processors that multiply bfloat16) or auto (bf16 on these).
    precision: str = "f32"


@dataclass
class RunOptions:
    """`terminate` may be set by another thread to end a run."""

    terminate: bool = False


class InferenceSession:
    """A model; runs of several threads take turns. `providers` may be given and mean nothing."""

    def __init__(
        self, path_or_bytes: Union[str, bytes, os.PathLike[str]], sess_options: Optional[SessionOptions] = None,
        providers: Optional[Sequence[Any]] = None, provider_options: Any = None, *, threads: Optional[int] = None,
        memory: Optional[int] = None, precision: Optional[str] = None,
    ) -> None:
        if providers and any(_provider(each) != "CPUExecutionProvider" for each in providers):
            warnings.warn(f"irkit runs on CPUs: the providers {list(providers)} are ignored", stacklevel=2)
        wanted = sess_options or SessionOptions()
        options = run_options(
            threads or wanted.intra_op_num_threads, memory or getattr(wanted, "memory", 0),
            precision=precision or str(getattr(wanted, "precision", "f32")))
        place, error = ffi.new("irkit_session **"), ffi.new("char **")
        if isinstance(path_or_bytes, (bytes, bytearray, memoryview)):
            source = ffi.from_buffer(path_or_bytes)
            checked(lib.irkit_session_read(source, len(source), options, place, error), error)
        else:
            checked(lib.irkit_session_open(encoded(path_or_bytes), options, place, error), error)
        self._handle = ffi.gc(place[0], lib.irkit_session_close)
        self._inputs = _ports(self._handle, lib.irkit_session_input_count, lib.irkit_session_input)
        self._outputs = _ports(self._handle, lib.irkit_session_output_count, lib.irkit_session_output)

    def get_inputs(self) -> list[NodeArg]:
        return list(self._inputs)

    def get_outputs(self) -> list[NodeArg]:
        return list(self._outputs)

    def get_providers(self) -> list[str]:
        return ["CPUExecutionProvider"]

    def get_modelmeta(self) -> ModelMetadata:
        pairs = []
        key, value = ffi.new("char **"), ffi.new("char **")
        for index in range(lib.irkit_session_property_count(self._handle)):
            lib.irkit_session_property(self._handle, index, key, value)
            pairs.append((text(key[0]), text(value[0])))
        own = dict(pairs[:4])
        return ModelMetadata(
            own["producer_name"], own["graph_name"], own["domain"], own["description"], dict(pairs[4:]))

    def run(
        self, output_names: Optional[Sequence[str]], input_feed: Mapping[str, Any],
        run_options: Optional[RunOptions] = None, *, progress: Any = None, cancel: Any = None,
    ) -> list[Any]:
        """Computes outputs: arrays, lists of them for sequences, None for an optional without an element.

        The memory of an array is the library's own, kept as long as the array. `progress` is called with the share that
        is done; `cancel` is a function or an event that ends the run with `Cancelled`.
        """
        if cancel is None and run_options is not None:
            cancel = lambda: run_options.terminate  # noqa: E731
        names = [port.name for port in self._outputs]
        for name in output_names or ():
            if name not in names:
                raise InvalidArgument(f"the model has no output {name}; its outputs are {', '.join(names)}")
        found = self._computed(self._given(input_feed), Watch(progress, cancel))
        values = {port.name: _value(port, found) for port in self._outputs}
        return [values[name] for name in (output_names or names)]

    def io_binding(self) -> IOBinding:
        return IOBinding(self)

    def run_with_iobinding(self, iobinding: IOBinding, run_options: Optional[RunOptions] = None) -> None:
        iobinding._run(run_options)

    def _given(self, feed: Mapping[str, Any]) -> list[tuple[str, numpy.ndarray]]:
        """Inputs as tensors; elements of sequences are named `name.0`, `name.1`, …"""
        given: list[tuple[str, numpy.ndarray]] = []
        for name, value in feed.items():
            if value is None:
                continue
            if isinstance(value, (list, tuple)) and "seq(" in self._type(name):
                given += [(f"{name}.{index}", as_array(each)) for index, each in enumerate(value)]
            else:
                given.append((name, as_array(value)))
        return given

    def _type(self, name: str) -> str:
        return next((port.type for port in self._inputs if port.name == name), "")

    def _computed(self, given: list[tuple[str, numpy.ndarray]], watch: Watch) -> dict[str, numpy.ndarray]:
        tensors = ffi.new("irkit_tensor[]", max(1, len(given)))
        kept: list[Any] = []
        for tensor, (name, array) in zip(tensors, given):
            label, extents = ffi.new("char[]", name.encode()), ffi.new("int64_t[]", array.shape or (0,))
            kept += [label, extents, array]
            tensor.name, tensor.extents, tensor.rank = label, extents, array.ndim
            tensor.element_type = _number(array.dtype, name)
            tensor.data = ffi.cast("void *", array.ctypes.data)
        place, error = ffi.new("irkit_results **"), ffi.new("char **")
        status = lib.irkit_session_run(
            self._handle, tensors, len(given), watch.function, ffi.NULL, place, error)
        watch.checked(status, error)
        owner = ffi.gc(place[0], lib.irkit_results_release)
        found: dict[str, numpy.ndarray] = {}
        tensor = ffi.new("irkit_tensor *")
        for index in range(lib.irkit_results_count(owner)):
            lib.irkit_results_tensor(owner, index, tensor)
            found[text(tensor.name)] = _array(tensor, owner)
        return found


class IOBinding:
    """Inputs that stay bound, and arrays that outputs are written to."""

    def __init__(self, session: InferenceSession) -> None:
        self._session = session
        self._inputs: dict[str, Any] = {}
        self._targets: dict[str, Optional[numpy.ndarray]] = {}
        self._results: dict[str, Any] = {}

    def bind_cpu_input(self, name: str, array: Any) -> None:
        self._inputs[name] = array

    def bind_output(self, name: str, target: Any = None, **_ignored: Any) -> None:
        """`target` is an array of the output's type and shape; without one the output is a new array."""
        self._targets[name] = target if isinstance(target, numpy.ndarray) else None

    def copy_outputs_to_cpu(self) -> list[Any]:
        return [self._results[name] for name in self._targets]

    get_outputs = copy_outputs_to_cpu

    def clear_binding_inputs(self) -> None:
        self._inputs.clear()

    def clear_binding_outputs(self) -> None:
        self._targets.clear()

    def _run(self, options: Optional[RunOptions]) -> None:
        names = list(self._targets) or [port.name for port in self._session._outputs]
        for name in names:
            self._targets.setdefault(name)
        for name, value in zip(names, self._session.run(names, self._inputs, options)):
            target = self._targets[name]
            if target is not None:
                if target.shape != value.shape or target.dtype != value.dtype:
                    raise InvalidArgument(
                        f"output {name} is {value.dtype}{list(value.shape)}, bound to {target.dtype}{list(target.shape)}")
                numpy.copyto(target, value)
                value = target
            self._results[name] = value


class _Memory:
    """Memory of the library that an array looks at, kept by its owner."""

    def __init__(self, address: int, shape: tuple[int, ...], typestr: str, owner: Any) -> None:
        self._owner = owner
        self.__array_interface__ = {"data": (address, False), "shape": shape, "typestr": typestr, "version": 3}


def _array(tensor: Any, owner: Any) -> numpy.ndarray:
    shape = tuple(tensor.extents[axis] for axis in range(tensor.rank))
    dtype = _dtype(tensor.element_type)
    if 0 in shape:
        return numpy.empty(shape, dtype)
    raw = dtype.str if dtype.kind != "V" else f"<u{dtype.itemsize}"
    address = int(ffi.cast("uintptr_t", tensor.data))
    return numpy.asarray(_Memory(address, shape, raw, owner)).view(dtype)


def _value(port: NodeArg, found: Mapping[str, numpy.ndarray]) -> Any:
    if port.name in found:
        return found[port.name]
    elements: list[numpy.ndarray] = []
    while f"{port.name}.{len(elements)}" in found:
        elements.append(found[f"{port.name}.{len(elements)}"])
    return elements if elements or not port.type.startswith("optional") else None


def _provider(provider: Any) -> str:
    return provider if isinstance(provider, str) else provider[0]


def _ports(handle: Any, count: Any, read: Any) -> list[NodeArg]:
    ports = []
    port = ffi.new("irkit_port *")
    for index in range(count(handle)):
        read(handle, index, port)
        shape: list[Union[int, str, None]] = []
        for axis in range(max(0, port.rank)):
            extent = port.extents[axis]
            shape.append(extent if extent >= 0 else text(port.symbols[axis]) or None)
        ports.append(NodeArg(text(port.name), text(port.type), shape))
    return ports
