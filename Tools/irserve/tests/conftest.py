"""Servers for tests: the program itself, on a port of its own."""
import io
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import numpy
import pytest
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parents[3]
PROGRAM = os.environ.get("IRSERVE", str(ROOT / ".build-serve/release/irserve"))


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def pixels(self):
        return numpy.asarray(Image.open(io.BytesIO(self.body)))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    def __init__(self, *arguments, environment=None, wait=True, before=":", port=None):
        """`before` is a line of bash that the server's process runs first."""
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        # A file: nobody reads a pipe while a test waits, and a server whose log is not taken waits for it.
        written = tempfile.NamedTemporaryFile("w")
        reader = open(written.name)
        self.process = subprocess.Popen(
            ["bash", "-c", before + '; exec "$0" "$@"', PROGRAM, "--port", str(self.port), *arguments], stderr=written, text=True,
            env={**os.environ, **(environment or {})})
        written.close()
        self.process.stderr = reader
        self.log = ""
        if wait:
            self.wait()

    def lines(self):
        """The log so far, as JSON."""
        self.log += self.process.stderr.read() or ""
        return [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]

    def wait(self):
        end = time.time() + 60
        while time.time() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"irserve ended with {self.process.returncode}: {self.process.stderr.read()}")
            try:
                if self.get("/ready").status == 200:
                    return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("irserve is not ready")

    def ask(self, method, path, body=None, headers=None, timeout=120):
        request = urllib.request.Request(self.url + path, data=body, headers=headers or {}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=timeout) as answer:
                return Answer(answer.status, answer.headers, answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.code, error.headers, error.read())

    def get(self, path, **more):
        return self.ask("GET", path, **more)

    def post(self, path, body, headers=None, **more):
        return self.ask("POST", path, body, {"Content-Type": "application/octet-stream", **(headers or {})}, **more)

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)

    def metric(self, name):
        """The sum of a metric's series."""
        total = 0.0
        for line in self.get("/metrics").body.decode().splitlines():
            if line.split(" ")[0].split("{")[0] == name:
                total += float(line.rsplit(" ", 1)[1])
        return total

    def resident(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in status
                    if line.startswith(("VmRSS", "VmHWM"))}

    def stop(self, number=signal.SIGTERM, timeout=60):
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(timeout)
        self.log += self.process.stderr.read() or ""
        return code


def picture(width, height, seed=1, mode="RGB"):
    """A smooth picture with noise."""
    generator = numpy.random.default_rng(seed)
    y, x = numpy.mgrid[0:height, 0:width]
    planes = [128 + 60 * numpy.sin(x / (17 + 5 * plane)) * numpy.cos(y / (23 + 3 * plane)) for plane in range(3)]
    samples = numpy.stack(planes, -1) + generator.normal(0, 12, (height, width, 3))
    return Image.fromarray(numpy.clip(samples, 0, 255).astype(numpy.uint8)).convert(mode)


def encoded(image, form="PNG", **options):
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def tiny_model(operator="Relu", output="restored"):
    """An ONNX file whose network is one operator on a picture's planes. Relu gives back what is not negative."""
    def whole(number):
        return bytes([number]) if number < 128 else bytes([number % 128 | 128]) + whole(number // 128)

    def field(number, value):
        if isinstance(value, int):
            return bytes([number << 3]) + whole(value)
        value = value.encode() if isinstance(value, str) else value
        return bytes([number << 3 | 2]) + whole(len(value)) + value

    def port(name):
        dimensions = b"".join(field(1, field(2, side) if isinstance(side, str) else field(1, side)) for side in (1, 3, "h", "w"))
        return field(1, name) + field(2, field(1, field(1, 1) + field(2, dimensions)))

    node = field(1, "image") + field(2, output) + field(4, operator)
    graph = field(1, node) + field(2, "tiny") + field(11, port("image")) + field(12, port("restored"))
    return field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, 17))


@pytest.fixture(scope="session")
def server():
    server = Server()
    yield server
    assert server.process.poll() is None, f"irserve ended: {server.stop()} {server.log}"
    assert server.stop() == 0
