"""A server under load from this machine, beside irbench: python load.py [--help]

Each part prints a line of JSON and says on the error stream which of its limits are not kept; the exit code is 1 then.
Limits of time mean something on a machine that does nothing else.
"""
import argparse
import collections
import http.client
import json
import os
import random
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time

import numpy

from conftest import ROOT, Server, encoded, picture
from test_server import head, settle

MODEL = "symunet-s"
KINDS = ("tensors", "pictures")
failures = []


def report(part, limits, **numbers):
    broken = [name for name, kept in limits.items() if not kept]
    print(json.dumps({"part": part, **numbers, "not kept": broken}), flush=True)
    failures.extend(f"{part}: {name}" for name in broken)


class Bench:
    """irbench, which runs when it is asked to."""

    def __init__(self, side):
        program = os.environ.get("IRBENCH", str(ROOT / ".build/release/irbench"))
        self.process = subprocess.Popen(
            [program, MODEL, "--size", f"{side}x{side}", "--on-request"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdout.readline()

    def seconds(self, count):
        """Of each run."""
        self.process.stdin.write(f"{count}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())["seconds"]

    def stop(self):
        self.process.stdin.close()
        self.process.wait(60)


class Connection:
    """One request after the other on a connection that stays open."""

    def __init__(self, clients):
        self.clients, self.socket = clients, None

    def begin(self):
        if not self.socket:
            self.socket = socket.create_connection(self.clients.address, timeout=30)
            self.socket.setblocking(False)
            self.clients.selector.register(self.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, self)
        else:
            self.clients.selector.modify(self.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, self)
        self.start, self.sent, self.head, self.rest = time.perf_counter(), 0, b"", None

    def go_on(self, events):
        """- Returns: the status once the answer is whole, the name of an error, or None."""
        try:
            if events & selectors.EVENT_READ:
                return self.receive()
            self.sent += self.socket.send(self.clients.data[self.sent:])
            if self.sent == len(self.clients.data):
                self.clients.selector.modify(self.socket, selectors.EVENT_READ, self)
        except BlockingIOError:
            pass
        except OSError as error:
            return self.close(type(error).__name__)
        return None

    def receive(self):
        count = self.socket.recv_into(self.clients.buffer)
        if not count:
            return self.close("closed")
        if self.rest is None:
            self.head += self.clients.buffer[:count]
            if b"\r\n\r\n" not in self.head:
                return None
            head, body = self.head.split(b"\r\n\r\n", 1)
            self.head = head.decode("latin-1")
            lengths = [line.split(":")[1] for line in self.head.split("\r\n") if line.lower().startswith("content-length:")]
            self.rest, count = int(lengths[0]), len(body)
        self.rest -= count
        if self.rest:
            return None
        status = self.head[9:12]
        return status if status == "200" else self.close(status)

    def close(self, why):
        if self.socket:
            self.clients.selector.unregister(self.socket)
            self.socket.close()
            self.socket = None
        return why


class Clients:
    """Connections that one loop serves, so that they take little of the processors."""

    def __init__(self, server, count, request):
        path, body, headers = request
        lines = "".join(f"{name}: {value}\r\n" for name, value in {"Host": "x", "Content-Length": len(body), **headers}.items())
        self.address, self.data = ("127.0.0.1", server.port), memoryview(f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + body)
        self.selector, self.buffer = selectors.DefaultSelector(), bytearray(1 << 20)
        self.times, self.statuses = [], collections.Counter()
        self.connections = [Connection(self) for _ in range(count)]

    def work(self, seconds):
        """Lets all ask for so long, waits for the last answer, and returns answers and seconds."""
        before, begin = len(self.times), time.perf_counter()
        busy, later = set(self.connections), []
        for connection in self.connections:
            connection.begin()
        while busy or later:
            for key, events in self.selector.select(0.05):
                connection, status = key.data, key.data.go_on(events)
                if status is None:
                    continue
                now = time.perf_counter()
                busy.discard(connection)
                self.statuses[status] += 1
                if status == "200":
                    self.times.append(now - connection.start)
                later.append((now + (0.5 if status == "503" else 0), connection))
            now, is_over = time.perf_counter(), time.perf_counter() - begin >= seconds
            for due in [due for due in later if due[0] <= now or is_over]:
                later.remove(due)
                if not is_over:
                    due[1].begin()
                    busy.add(due[1])
        return len(self.times) - before, time.perf_counter() - begin

    def stop(self):
        for connection in self.connections:
            connection.close("")
        self.selector.close()


def tensor_request(server, side):
    values = numpy.random.default_rng(1).random((1, 3, side, side), dtype=numpy.float32)
    name = server.get(f"/v2/models/{MODEL}").json["inputs"][0]["name"]
    text = json.dumps({"parameters": {"binary_data_output": True}, "inputs": [
        {"name": name, "shape": list(values.shape), "datatype": "FP32", "parameters": {"binary_data_size": values.nbytes}}]}).encode()
    return f"/v2/models/{MODEL}/infer", text + values.tobytes(), {"Inference-Header-Content-Length": str(len(text))}


def throughput(options):
    """Many clients, in turns with irbench."""
    memory = 1 << 30
    for kind in options.kind or KINDS:
        server = Server(
            "--queue", str(2 * options.clients), "--memory", str(memory), "--load", MODEL, "--parallel", str(options.parallel))
        empty = server.resident()["VmRSS"]
        request = tensor_request(server, options.side) if kind == "tensors" else (
            f"/restore?model={MODEL}", encoded(picture(options.side, options.side)), {})
        bench, clients = Bench(options.side), Clients(server, options.clients, request)
        clients.work(1)
        bench.seconds(1)
        clients.times.clear()
        turns = max(1, round(options.seconds / options.turn))
        done, taken, ran, running = 0, 0.0, 0, 0.0
        for _ in range(turns):
            answers, seconds = clients.work(options.turn)
            done, taken = done + answers, taken + seconds
            single = bench.seconds(5)
            more = bench.seconds(max(1, int(options.turn / 2 / (sum(single) / 5))))
            ran, running = ran + 5 + len(more), running + sum(single) + sum(more)
        clients.stop()
        bench.stop()
        times, peak = sorted(clients.times), server.resident()["VmHWM"]
        settle(server)
        share = done / taken / (ran / running)
        report(f"throughput of {kind}", {
            "no status but 200 and 503": set(clients.statuses) <= {"200", "503"},
            "95 % of irbench": kind == "pictures" or share >= 0.95,
            # Beside what is promised: the program and its model, as they were before.
            "memory": peak <= empty + memory,
        }, clients=options.clients, parallel=options.parallel, **{"a second": round(done / taken, 2), "irbench a second": round(ran / running, 2),
           "share of irbench": round(share, 3), "p50": round(times[len(times) // 2], 3), "p99": round(times[len(times) * 99 // 100], 3),
           "statuses": clients.statuses, "peak MiB": peak >> 20, "empty MiB": empty >> 20})
        server.stop()


def latency(options):
    """One small picture at a time, beside the seconds that its own restoration took."""
    server, body = Server("--load", MODEL), encoded(picture(64, 64))
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    above, walls = [], []
    for _ in range(options.pictures):
        start = time.perf_counter()
        connection.request("POST", f"/restore?model={MODEL}", body)
        answer = connection.getresponse()
        answer.read()
        wall = time.perf_counter() - start
        walls.append(wall)
        above.append(wall - json.loads(answer.headers["Irkit-Report"])["seconds"]["restoring"])
    server.stop()
    bench = Bench(64)
    run = min(bench.seconds(50))
    bench.stop()
    above.sort()
    median = above[len(above) // 2]
    report("latency of 64x64", {"10 ms above the run": median <= 0.01}, **{
        "ms above the restoration": {"least": round(1000 * above[0], 2), "median": round(1000 * median, 2)},
        "ms in all": {"least": round(1000 * min(walls), 2), "median": round(1000 * sorted(walls)[len(walls) // 2], 2)},
        "ms of irbench": round(1000 * run, 2)})


def abuse(options):
    """Aborts at any byte, broken bodies, slow writers, among whole requests."""
    server, body = Server("--queue", "16", "--memory", "512M", "--timeout", "20"), encoded(picture(96, 80))
    statuses, lock = collections.Counter(), threading.Lock()

    def one(generator):
        kind = generator.choice(["abort", "abort", "broken", "slow", "whole"])
        data = bytearray(head("/restore", len(body)) + body)
        if kind == "broken":
            for _ in range(generator.randrange(1, 40)):
                data[-generator.randrange(1, len(body))] = generator.randrange(256)
        with server.connect() as connection:
            if kind == "abort":
                connection.sendall(data[:generator.randrange(len(data) + 1)])
                time.sleep(generator.random() * 0.02)
                if generator.random() < 0.3:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                return "aborted"
            step = 2000 if kind == "slow" else len(data)
            for start in range(0, len(data), step):
                connection.sendall(data[start:start + step])
                if kind == "slow":
                    time.sleep(0.01)
            return connection.recv(100)[9:12].decode()

    def run(seed, count):
        generator = random.Random(seed)
        for _ in range(count):
            try:
                status = one(generator)
            except OSError as error:
                status = type(error).__name__
            with lock:
                statuses[status] += 1

    def round_of(seed, count):
        threads = [threading.Thread(target=run, args=(seed + index, count // 16)) for index in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        settle(server, 60)
        time.sleep(1)
        return server.resident()["VmRSS"]

    before = round_of(0, max(160, options.requests // 5))
    sizes = [round_of(100 * (index + 1), options.requests // 5) for index in range(5)]
    report("abuse", {
        "memory is flat within 5 %": max(sizes[2:]) <= 1.05 * max(before, *sizes[:2]),
        "no stuck place": server.post("/restore", body).status == 200 and server.metric("irserve_queue_running") == 0,
        "no status of the server's fault": not [status for status in statuses if status[:1] == "5" and status != "503"],
    }, requests=sum(statuses.values()), statuses=statuses, **{"MiB after each fifth": [size >> 20 for size in [before, *sizes]]})
    server.stop()


def restart(options):
    """kill -9 under load, again and again: answers are whole or an error, and nothing is left."""
    import tempfile
    body = encoded(picture(256, 256))
    outcomes = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(options.kills):
            server = Server("--queue", "64", environment={"TMPDIR": folder})
            ended = threading.Event()

            def ask():
                while not ended.is_set():
                    try:
                        answer = server.post("/restore", body)
                        whole = answer.status == 200 and answer.pixels.shape == (256, 256, 3)
                        outcomes["whole" if whole else str(answer.status) if answer.status != 200 else "half"] += 1
                    except (OSError, http.client.HTTPException):
                        outcomes["error"] += 1
                        time.sleep(0.02)
                    except Exception as error:
                        outcomes[f"half: {error!r}"] += 1

            threads = [threading.Thread(target=ask) for _ in range(16)]
            for thread in threads:
                thread.start()
            time.sleep(options.life)
            server.stop(signal.SIGKILL)
            ended.set()
            for thread in threads:
                thread.join()
        server = Server(environment={"TMPDIR": folder})
        works = server.post("/restore", body).status == 200
        server.stop()
        left = os.listdir(folder)
    report("kill -9", {
        "answers are whole or errors": not [name for name in outcomes if name.startswith("half")], "the next one works": works,
        "nothing is left": left == [], "some were whole": outcomes["whole"] > 0,
    }, outcomes=outcomes)


PARTS = {"throughput": throughput, "latency": latency, "abuse": abuse, "restart": restart}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], default=[], help="all where none is named")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60, help="of load, of each kind")
    parser.add_argument("--turn", type=float, default=20, help="seconds of load before irbench has its turn")
    parser.add_argument("--kind", action="append", choices=KINDS, help="of requests of the throughput; all where none is named")
    parser.add_argument("--parallel", type=int, default=1, help="pictures that the server restores at a time")
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--pictures", type=int, default=300, help="of the measurement of latency")
    parser.add_argument("--requests", type=int, default=10_000, help="of abuse")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--life", type=float, default=4, help="seconds before each kill")
    options = parser.parse_args()
    for name in options.parts or PARTS:
        PARTS[name](options)
    for failure in failures:
        print(f"load: not kept: {failure}", file=sys.stderr)
    sys.exit(1 if failures else 0)
