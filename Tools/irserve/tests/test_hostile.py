"""What strangers send: examples of schemathesis, broken HTTP, random aborts."""
import os
import random
import socket
import subprocess
import sys
import threading
import time

from conftest import Server, encoded, picture
from test_server import head, received, settle

EXAMPLES = int(os.environ.get("SERVE_EXAMPLES", "25"))
REQUESTS = int(os.environ.get("SERVE_REQUESTS", "160"))


def test_schemathesis_finds_no_failure(tmp_path):
    """Whatever follows or breaks the document: no 5xx, and answers as it states them."""
    server = Server("--max-body", "1M")
    try:
        outcome = subprocess.run(
            [os.path.join(os.path.dirname(sys.executable), "schemathesis"), "run", f"{server.url}/openapi.json",
             "--max-examples", str(EXAMPLES), "--phases", "fuzzing", "--checks", "not_a_server_error,status_code_conformance,response_schema_conformance,content_type_conformance",
             "--exclude-path", "/progress/{page}", "--exclude-path-regex", "unload", "--seed", "1", "--request-timeout", "30"],
            capture_output=True, text=True, cwd=tmp_path)
        assert outcome.returncode == 0, outcome.stdout[-6000:] + outcome.stderr[-2000:]
        assert server.process.poll() is None
    finally:
        server.stop()


def test_broken_http_is_refused(server):
    for data in (
        b"\x00" * 1000, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"POST /restore HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /restore HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST /restore HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"A%d: b\r\n" % index for index in range(500)) + b"\r\n",
        b"GET / HTTP/1.1\r\nA: " + b"b" * 200000 + b"\r\n\r\n",
    ):
        with server.connect() as connection:
            try:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            answer = received(connection)
            assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.0 4")), answer[:200]
    assert server.get("/health").status == 200


def test_random_aborts_leak_nothing():
    """Clients that abort at any byte, send nonsense or write slowly leave no place taken and no memory held."""
    server = Server("--queue", "16", "--memory", "512M", "--timeout", "20")
    body = encoded(picture(96, 80))
    generator = random.Random(1)

    def abort():
        try:
            with server.connect() as connection:
                data = head("/restore", len(body)) + body
                connection.sendall(data[: generator.randrange(len(data) + 1)])
                if generator.random() < 0.5:
                    time.sleep(generator.random() * 0.05)
                if generator.random() < 0.3:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        except OSError:
            pass

    def break_body():
        wrong = bytearray(body)
        for _ in range(generator.randrange(1, 40)):
            wrong[generator.randrange(len(wrong))] = generator.randrange(256)
        assert server.post("/restore", bytes(wrong)).status in (200, 413, 415, 422, 503)

    def write_slowly():
        with server.connect() as connection:
            data = head("/restore", len(body)) + body
            for start in range(0, len(data), 2000):
                connection.sendall(data[start:start + 2000])
                time.sleep(0.01)
            assert connection.recv(100)[9:12] in (b"200", b"503")

    def whole():
        assert server.post("/restore", body).status in (200, 503)

    failures = []

    def run(count):
        for _ in range(count):
            try:
                generator.choice([abort, abort, break_body, write_slowly, whole])()
            except Exception as error:
                failures.append(repr(error))

    def round_of(count):
        threads = [threading.Thread(target=run, args=(count // 8,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        settle(server)

    try:
        round_of(REQUESTS // 2)
        before = server.resident()["VmRSS"]
        round_of(REQUESTS)
        after = server.resident()["VmRSS"]
        assert failures == []
        assert after < before * 1.05 + (8 << 20), (before, after)
        assert server.post("/restore", body).status == 200
    finally:
        server.stop()
