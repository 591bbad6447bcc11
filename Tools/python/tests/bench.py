"""irkit.InferenceSession beside ONNX Runtime's in one process, on one thread, in turns. usage: bench.py MODEL SIDE ROUNDS"""
import statistics
import subprocess
import sys
import time

import numpy
import onnxruntime

import irkit

model, side, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
theirs = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
ours = irkit.InferenceSession(model, threads=1)
image = numpy.random.default_rng(1).random((1, 3, side, side), dtype=numpy.float32)
inputs = {theirs.get_inputs()[0].name: image}
difference = float(numpy.abs(ours.run(None, inputs)[0] - theirs.run(None, inputs)[0]).max())
times: dict[str, list[float]] = {"irkit": [], "ONNX Runtime": []}
for turn in range(rounds):
    runs = [("irkit", ours), ("ONNX Runtime", theirs)]
    for name, session in runs if turn % 2 == 0 else reversed(runs):
        start = time.perf_counter()
        session.run(None, inputs)
        times[name].append(1000 * (time.perf_counter() - start))
for name, found in times.items():
    print(f"{name}: {statistics.median(found):.1f} ms ({min(found):.1f} to {max(found):.1f})")
medians, fastest = ([pick(found) for found in times.values()] for pick in (statistics.median, min))
print(f"{medians[1] / medians[0]:.2f} times as fast, {fastest[1] / fastest[0]:.2f} of the fastest runs; "
      f"largest difference {difference:.1e}")


def seconds(before, timed):
    """The median of what a new interpreter takes for `timed`."""
    script = f"import time; {before}; start = time.perf_counter(); {timed}; print(time.perf_counter() - start)"
    return statistics.median(float(subprocess.check_output([sys.executable, "-c", script])) for _ in range(7))


print(f"import irkit: {seconds('pass', 'import irkit'):.3f} s")
print(f"import of irkit.InferenceSession, with NumPy: {seconds('pass', 'from irkit import InferenceSession'):.3f} s, "
      f"without: {seconds('import numpy', 'from irkit import InferenceSession'):.3f} s, "
      f"of onnxruntime behind NumPy: {seconds('import numpy', 'import onnxruntime'):.3f} s")
