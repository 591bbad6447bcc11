import signal
import threading
import time

import ml_dtypes
import numpy
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper

import irkit

F = TensorProto.FLOAT


def model(nodes, inputs, outputs, initializers=()):
    graph = helper.make_graph(nodes, "graph", inputs, outputs, list(initializers))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9).SerializeToString()


def value(name, shape, kind=F):
    return helper.make_tensor_value_info(name, kind, shape)


@pytest.fixture(scope="module")
def chain():
    """Convolutions, a model that takes a while on large inputs."""
    rng = numpy.random.default_rng(0)
    nodes, weights = [], []
    for index in range(12):
        weight = rng.normal(0, 0.1, (8, 3 if index == 0 else 8, 3, 3)).astype(numpy.float32)
        weights.append(onnx.numpy_helper.from_array(weight, f"w{index}"))
        source = "x" if index == 0 else f"r{index - 1}"
        nodes += [
            helper.make_node("Conv", [source, f"w{index}"], [f"c{index}"], pads=[1, 1, 1, 1]),
            helper.make_node("Relu", [f"c{index}"], [f"r{index}"]),
        ]
    return model(nodes, [value("x", [1, 3, "h", "w"])], [value("r11", [1, 8, "h", "w"])], weights)


def test_agrees_with_onnx_runtime(chain):
    ours = irkit.InferenceSession(chain, providers=["CPUExecutionProvider"])
    theirs = onnxruntime.InferenceSession(chain, providers=["CPUExecutionProvider"])
    for shape in [(1, 3, 20, 31), (1, 3, 64, 48)]:
        x = numpy.random.default_rng(2).normal(size=shape).astype(numpy.float32)
        (a,), (b,) = ours.run(None, {"x": x}), theirs.run(None, {"x": x})
        assert a.dtype == b.dtype and a.shape == b.shape
        numpy.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_the_default_model_agrees_with_onnx_runtime():
    path = irkit.models()["symunet-s"].path
    ours, theirs = irkit.InferenceSession(path), onnxruntime.InferenceSession(path)
    x = numpy.random.default_rng(3).random((1, 3, 64, 64), numpy.float32)
    name = theirs.get_inputs()[0].name
    (a,), (b,) = ours.run(None, {name: x}), theirs.run(None, {name: x})
    assert numpy.abs(a - b).max() < 1e-4


def test_describes_models_as_onnx_runtime(chain):
    for source in [chain, irkit.models()["symunet-s"].path]:
        ours, theirs = irkit.InferenceSession(source), onnxruntime.InferenceSession(source)
        for a, b in zip(ours.get_inputs() + ours.get_outputs(), theirs.get_inputs() + theirs.get_outputs()):
            assert (a.name, a.type, a.shape) == (b.name, b.type, b.shape)
        a, b = ours.get_modelmeta(), theirs.get_modelmeta()
        assert (a.producer_name, a.graph_name, a.domain) == (b.producer_name, b.graph_name, b.domain)
        assert a.custom_metadata_map == b.custom_metadata_map


def test_sequences_optionals_and_types():
    split = model(
        [helper.make_node("SplitToSequence", ["x"], ["s"], axis=0)], [value("x", [3, 2])],
        [helper.make_tensor_sequence_value_info("s", F, None)])
    x = numpy.arange(6, dtype=numpy.float32).reshape(3, 2)
    (parts,) = irkit.InferenceSession(split).run(None, {"x": x})
    assert [part.tolist() for part in parts] == [[[0, 1]], [[2, 3]], [[4, 5]]]
    join = model(
        [helper.make_node("ConcatFromSequence", ["s"], ["y"], axis=0)],
        [helper.make_tensor_sequence_value_info("s", F, None)], [value("y", None)])
    (y,) = irkit.InferenceSession(join).run(None, {"s": [x, x[:1]]})
    assert y.tolist() == x.tolist() + [[0, 1]]
    for dtype, kind in [
        (numpy.float64, TensorProto.DOUBLE), (numpy.int64, TensorProto.INT64), (numpy.uint8, TensorProto.UINT8),
        (numpy.bool_, TensorProto.BOOL), (numpy.float16, TensorProto.FLOAT16), (ml_dtypes.bfloat16, TensorProto.BFLOAT16),
    ]:
        same = model([helper.make_node("Identity", ["x"], ["y"])], [value("x", [2, 2], kind)], [value("y", [2, 2], kind)])
        x = numpy.array([[0, 1], [1, 0]]).astype(dtype)
        (y,) = irkit.InferenceSession(same).run(["y"], {"x": x})
        assert y.dtype == x.dtype and (y == x).all()


def test_values_that_decide_shapes_are_not_mixed_up():
    tile = model(
        [helper.make_node("Reshape", ["x", "shape"], ["y"])], [value("x", [6]), value("shape", [2], TensorProto.INT64)],
        [value("y", ["a", "b"])])
    session = irkit.InferenceSession(tile)
    x = numpy.arange(6, dtype=numpy.float32)
    for shape in [(2, 3), (3, 2), (6, 1), (2, 3)]:
        # The array is gone when the next one is given.
        (y,) = session.run(None, {"x": x, "shape": numpy.array(shape)})
        assert y.shape == shape and y.ravel().tolist() == x.tolist()


def test_refuses_in_words(chain, tmp_path):
    session = irkit.InferenceSession(chain)
    x = numpy.zeros((1, 3, 8, 8), numpy.float32)
    for feed, part in [
        ({}, "x"), ({"x": x.astype(numpy.float64)}, "float64"), ({"x": x[0]}, "rank"), ({"x": x[:, :2]}, "axis 1"),
        ({"x": x, "z": x}, "z"), ({"x": numpy.array(["a"])}, "element type"),
    ]:
        with pytest.raises(ValueError, match=part):
            session.run(None, feed)
    with pytest.raises(ValueError, match="no output q"):
        session.run(["q"], {"x": x})
    with pytest.raises(irkit.Unreadable, match="not an ONNX model"):
        irkit.InferenceSession(b"nonsense")
    with pytest.raises(OSError, match="nowhere.onnx"):
        irkit.InferenceSession(tmp_path / "nowhere.onnx")
    unknown = model([helper.make_node("Frobnicate", ["x"], ["y"])], [value("x", [1])], [value("y", [1])])
    with pytest.raises(irkit.Unsupported, match="Frobnicate"):
        irkit.InferenceSession(unknown).run(None, {"x": numpy.zeros(1, numpy.float32)})
    with pytest.raises(MemoryError):
        irkit.InferenceSession(chain, memory=1000).run(None, {"x": x})
    with pytest.warns(UserWarning, match="CUDAExecutionProvider"):
        irkit.InferenceSession(chain, providers=["CUDAExecutionProvider"])


def test_precision(chain):
    x = numpy.random.default_rng(1).random((1, 3, 32, 48), numpy.float32)
    path = irkit.models()["symunet-s"].path
    name = irkit.InferenceSession(path).get_inputs()[0].name
    (exact,) = irkit.InferenceSession(path).run(None, {name: x})
    options = irkit.SessionOptions()
    options.precision = "bf16"
    (found,) = irkit.InferenceSession(path, options).run(None, {name: x})
    assert 1e-6 < numpy.abs(found - exact).max() < 0.05
    (again,) = irkit.InferenceSession(path, precision="bf16").run(None, {name: x})
    assert (found == again).all()
    (either,) = irkit.InferenceSession(path, precision="auto").run(None, {name: x})
    assert (either == found).all() or (either == exact).all()
    with pytest.raises(irkit.InvalidArgument, match="int8.*f32, bf16, auto"):
        irkit.InferenceSession(chain, precision="int8")


def test_takes_dlpack_and_buffers_and_views(chain):
    session = irkit.InferenceSession(chain)
    x = numpy.random.default_rng(4).normal(size=(1, 3, 16, 16)).astype(numpy.float32)
    (expected,) = session.run(None, {"x": x})

    class Capsule:
        def __dlpack__(self, **options):
            return x.__dlpack__(**options)

        def __dlpack_device__(self):
            return x.__dlpack_device__()

    padded = numpy.zeros((1, 3, 16, 20), numpy.float32)
    padded[..., 1:17] = x
    odd = numpy.frombuffer(b"\0" + x.tobytes(), numpy.uint8)[1:].view(numpy.float32).reshape(x.shape)
    for given in [Capsule(), memoryview(x), padded[..., 1:17], odd]:
        (y,) = session.run(None, {"x": given})
        assert (y == expected).all()
    assert (numpy.from_dlpack(expected) == expected).all()


def test_outputs_outlive_their_session(chain):
    session = irkit.InferenceSession(chain)
    x = numpy.ones((1, 3, 32, 32), numpy.float32)
    (first,) = session.run(None, {"x": x})
    copy = first.copy()
    session.run(None, {"x": -x})
    del session
    assert (first == copy).all()
    first += 1
    assert (first == copy + 1).all()


def test_binds_outputs(chain):
    session = irkit.InferenceSession(chain)
    x = numpy.random.default_rng(5).normal(size=(1, 3, 16, 16)).astype(numpy.float32)
    binding, target = session.io_binding(), numpy.zeros((1, 8, 16, 16), numpy.float32)
    binding.bind_cpu_input("x", x)
    binding.bind_output("r11", target)
    session.run_with_iobinding(binding)
    assert (target == session.run(None, {"x": x})[0]).all()
    assert binding.copy_outputs_to_cpu()[0] is target


def test_is_cancelled_and_runs_again():
    session = irkit.InferenceSession(irkit.models()["symunet-s"].path)
    feed = {session.get_inputs()[0].name: numpy.random.default_rng(6).random((1, 3, 64, 64), numpy.float32)}
    (expected,) = session.run(None, feed)
    seen = []
    event = threading.Event()

    def progress(done):
        seen.append(done)
        if len(seen) == 3:
            event.set()

    with pytest.raises(irkit.Cancelled):
        session.run(None, feed, progress=progress, cancel=event)
    assert len(seen) == 3
    with pytest.raises(irkit.Cancelled):
        session.run(None, feed, irkit.RunOptions(terminate=True))
    seen.clear()
    assert (session.run(None, feed, progress=seen.append)[0] == expected).all()
    assert seen == sorted(seen) and len(seen) > 10 and seen[0] == 0 and seen[-1] < 1


def test_is_cancelled_within_a_step():
    weight = numpy.random.default_rng(7).normal(0, 0.1, (96, 96, 3, 3)).astype(numpy.float32)
    session = irkit.InferenceSession(model(
        [helper.make_node("Conv", ["x", "w"], ["y"], pads=[1, 1, 1, 1])], [value("x", [1, 96, "h", "w"])],
        [value("y", [1, 96, "h", "w"])], [onnx.numpy_helper.from_array(weight, "w")]))
    x = numpy.ones((1, 96, 512, 512), numpy.float32)
    asked = []
    with pytest.raises(irkit.Cancelled):
        session.run(None, {"x": x}, progress=asked.append, cancel=lambda: len(asked) == 3)
    # The first step is the only one, or it was at least not over.
    assert asked == [0, 0, 0]
    assert session.run(None, {"x": x[..., :8, :8]})[0].shape == (1, 96, 8, 8)


def test_exceptions_of_progress_pass(chain):
    def progress(done):
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        irkit.InferenceSession(chain).run(None, {"x": numpy.ones((1, 3, 16, 16), numpy.float32)}, progress=progress)


def test_is_interrupted_between_steps(chain):
    session = irkit.InferenceSession(chain, threads=1)
    x = numpy.ones((1, 3, 64, 64), numpy.float32)
    session.run(None, {"x": x})
    seen = []

    def progress(done):
        seen.append(done)
        if len(seen) == 1:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        session.run(None, {"x": x}, progress=progress)
    assert len(seen) <= 2


def test_other_threads_go_on_during_a_run(chain):
    session = irkit.InferenceSession(chain, threads=1)
    x = numpy.ones((1, 3, 512, 512), numpy.float32)
    session.run(None, {"x": x})
    ticks, running = [], threading.Event()

    def tick():
        while not running.is_set():
            ticks.append(time.perf_counter())
            time.sleep(0.001)

    thread = threading.Thread(target=tick)
    thread.start()
    start = time.perf_counter()
    steps = []
    session.run(None, {"x": x}, progress=lambda done: steps.append(time.perf_counter()))
    end = time.perf_counter()
    running.set()
    thread.join()
    # A library that held the lock for the run would let the thread go on at the callbacks alone.
    longest = max(zip(steps, steps[1:] + [end]), key=lambda pair: pair[1] - pair[0])
    assert any(longest[0] < each < longest[1] for each in ticks), (start, end, longest, len(ticks))


def test_threads_share_a_session(chain):
    session = irkit.InferenceSession(chain)
    inputs = [numpy.full((1, 3, 16 + 8 * (i % 3), 16), i, numpy.float32) for i in range(8)]
    expected = [session.run(None, {"x": x})[0] for x in inputs]
    found = [None] * len(inputs)

    def work(index):
        found[index] = session.run(None, {"x": inputs[index]})[0]

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(inputs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all((a == b).all() for a, b in zip(found, expected))
