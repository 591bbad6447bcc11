"""Runtimes in processes of their own that run in turn: one that is not running is stopped."""
import contextlib
import glob
import json
import os
import signal
import statistics
import subprocess
import sys

LONG_SECONDS = 1.0
WORKER = os.path.join(os.path.dirname(__file__), "worker.py")


class RuntimeFailed(Exception):
    pass


class Runtime:
    """A process that says a line when it is ready and answers counts of runs with their seconds.

    With `of_processor` a turn's seconds are what its threads computed, for each of its runs.
    """

    def __init__(self, name, command, of_processor=False):
        self.name, self.of_processor, self.seconds, self.answer = name, of_processor, [], {}
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.ready = self._line()
        self._signal(signal.SIGSTOP)

    def turn(self, count):
        before = self._processor_seconds()
        self._signal(signal.SIGCONT)
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        self.answer = self._line()
        self._signal(signal.SIGSTOP)
        if self.of_processor:
            return [(self._processor_seconds() - before) / count] * count
        return self.answer["seconds"]

    def _processor_seconds(self):
        nanoseconds = 0
        for path in glob.glob(f"/proc/{self.process.pid}/task/*/schedstat"):
            with contextlib.suppress(FileNotFoundError), open(path, encoding="ascii") as file:
                nanoseconds += int(file.read().split()[0])
        return nanoseconds * 1e-9

    def _line(self):
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        problem = (self.process.stderr.read().strip().splitlines() or ["it said nothing"])[-1]
        raise RuntimeFailed(f"{self.name} ended with {self.process.wait()}: {problem}")

    def _signal(self, number):
        self.process.send_signal(number)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
            self._signal(signal.SIGCONT)
        self.process.communicate()

    @property
    def median(self):
        return statistics.median(self.seconds)


def commands(tools, threads, model, source, folder, precision):
    """What starts each runtime on a model, by name; each writes OUT to `folder`/NAME.npz. With bf16 peers choose by themselves."""
    peers = {
        name: [sys.executable, WORKER, name, str(threads), model, source, f"{folder}/{name}.npz", precision]
        for name in ("onnxruntime", "openvino")
    }
    ours = [tools.irbench, model, "--input", source, "--output", f"{folder}/irkit.npz", "-j", str(threads), "--precision", precision, "--on-request"]
    return {"irkit": ours, **peers}


def sgemm(threads, of_processor):
    return Runtime("sgemm", [sys.executable, WORKER, "sgemm", str(threads)], of_processor)


def take_turns(runtimes, rounds, least_seconds, most_runs=25):
    """Runs each runtime in every round, the order turning; a turn takes about `least_seconds` or one run."""
    counts = {}
    for runtime in runtimes:
        # The first turn is not counted, unless it was long: a process that was stopped wakes slowly.
        first = runtime.turn(1)[0]
        if first > LONG_SECONDS:
            runtime.seconds.append(first)
        counts[runtime.name] = max(1, min(most_runs, round(least_seconds / first)))
    # Where the first turns were long for all, they were the first round.
    done = int(all(runtime.seconds for runtime in runtimes if runtime.name != "sgemm"))
    for runtime in runtimes:
        if done and not runtime.seconds:
            runtime.seconds += runtime.turn(counts[runtime.name])
    for turn in range(done, rounds):
        for index in range(len(runtimes)):
            runtime = runtimes[(index + turn) % len(runtimes)]
            runtime.seconds += runtime.turn(counts[runtime.name])
