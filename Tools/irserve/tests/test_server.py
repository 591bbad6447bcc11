"""What a server does under strain: limits, clients that leave, ends."""
import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time

import pytest

from conftest import PROGRAM, Server, encoded, picture


def head(path, length, *more):
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {length}", *more]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def received(connection):
    data = b""
    try:
        while part := connection.recv(65536):
            data += part
    except (ConnectionResetError, socket.timeout):
        pass
    return data


def settle(server, seconds=20):
    """Waits until nothing is restored or waits, answers included: they have their place until they are written."""
    end = time.time() + seconds
    while time.time() < end:
        names = ("irserve_queue_running", "irserve_queue_waiting", "irserve_bodies_bytes")
        if sum(server.metric(name) for name in names) == 0:
            return
        time.sleep(0.05)
    raise AssertionError("a place is not free again")


def test_a_body_that_is_too_large_is_refused_with_the_number():
    server = Server("--max-body", "100K")
    try:
        answer = server.post("/restore", b"x" * (100 * 1024 + 1))
        assert answer.status == 413 and str(100 * 1024) in answer.json["error"]
        # Chunked: the length is not stated.
        with server.connect() as connection:
            connection.sendall(b"POST /restore HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(3):
                connection.sendall(b"c000\r\n" + b"y" * 0xC000 + b"\r\n")
            assert b" 413 " in received(connection)
        # A length beyond everything allocates nothing.
        with server.connect() as connection:
            connection.sendall(head("/restore", 1 << 62))
            assert b" 413 " in received(connection)
        settle(server)
    finally:
        server.stop()


def test_expect_100_continue(server):
    body = encoded(picture(30, 20))
    with server.connect() as connection:
        connection.sendall(head("/restore", len(body), "Expect: 100-continue"))
        assert connection.recv(65536).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.sendall(body)
        assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
    # Who would be refused is not asked for the body.
    with server.connect() as connection:
        connection.sendall(head("/restore?strength=7", len(body), "Expect: 100-continue"))
        answer = received(connection)
        assert answer.startswith(b"HTTP/1.1 400 ") and b"close" in answer.lower()


def test_a_client_that_leaves_frees_its_place():
    server = Server("--queue", "2", "-j", "1")
    try:
        # Some seconds of work each.
        body = encoded(picture(1400, 1100), compress_level=1)
        connections = [server.connect() for _ in range(2)]
        for connection in connections:
            connection.sendall(head("/restore?strength=0.5", len(body)) + body)
        end = time.time() + 30
        while server.metric("irserve_queue_running") < 2 and time.time() < end:
            time.sleep(0.02)
        answer = server.post("/restore", encoded(picture(20, 20)))
        assert answer.status == 503 and answer.headers["Retry-After"] and "2 pictures" in answer.json["error"]
        for connection in connections:
            connection.close()
        settle(server)
        assert server.post("/restore", encoded(picture(20, 20))).status == 200
        lines = [line for line in server.lines() if line["event"] == "request"]
        left = [line for line in lines if line["status"] == "499"]
        assert len(left) == 2 and "left" in left[0]["error"]
    finally:
        server.stop()


def test_a_request_has_its_time():
    server = Server("--timeout", "4", "-j", "1")
    try:
        answer = server.post("/restore", encoded(picture(2400, 2000), compress_level=1))
        assert answer.status == 504 and "--timeout" in answer.json["error"]
        settle(server)
        assert server.post("/restore", encoded(picture(20, 20))).status == 200
    finally:
        server.stop()


def test_memory_is_kept_to():
    server = Server("--memory", "180M")
    try:
        # Too large for the memory whole: restored in tiles.
        answer = server.post("/restore", encoded(picture(1500, 1100), compress_level=1))
        assert answer.status == 200, answer.body
        assert "tiles" in json.loads(answer.headers["Irkit-Report"])["plan"]
        answer = server.post("/restore", encoded(picture(5000, 3000).convert("L"), compress_level=1))
        assert answer.status == 413 and ("MiB" in answer.json["error"] or "--memory" in answer.json["error"])
        threads = [threading.Thread(target=server.post, args=("/restore", encoded(picture(700, 500, seed), compress_level=1)))
                   for seed in range(8)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            assert server.metric("irserve_memory_promised_bytes") <= 135 << 20
            time.sleep(0.05)
        settle(server)
        # From outside: the limit, and what the program itself takes.
        assert server.resident()["VmHWM"] < (180 + 120) << 20
    finally:
        server.stop()


def test_pictures_that_are_restored_side_by_side_are_the_same(server):
    several = Server("--parallel", "2", "-j", "2")
    try:
        bodies = [encoded(picture(120 + 8 * (index % 3), 90, index)) for index in range(12)]
        expected = [server.post("/restore", body).body for body in bodies]
        found = [None] * len(bodies)

        def ask(index):
            found[index] = several.post("/restore", bodies[index]).body

        threads = [threading.Thread(target=ask, args=(index,)) for index in range(len(bodies))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == expected
        settle(several)
        # Both models kept memory, and give it back.
        assert several.metric("irserve_memory_promised_bytes") > 0
        assert several.post("/v2/repository/models/symunet-s/unload", b"").status == 200
        assert several.metric("irserve_memory_promised_bytes") == 0
    finally:
        several.stop()


def test_running_requests_end_before_the_server():
    server = Server("-j", "1")
    body = encoded(picture(900, 700), compress_level=1)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(server.post("/restore", body)))
    thread.start()
    while server.metric("irserve_queue_running") < 1:
        time.sleep(0.02)
    server.process.send_signal(signal.SIGTERM)
    thread.join()
    assert answers[0].status == 200 and len(answers[0].body) > 1000
    assert server.stop() == 0
    with pytest.raises(OSError):
        server.connect()


def test_a_drain_has_its_time():
    server = Server("-j", "1", "--drain", "0.5")
    body = encoded(picture(1800, 1400), compress_level=1)
    with server.connect() as connection:
        connection.sendall(head("/restore", len(body)) + body)
        while server.metric("irserve_queue_running") < 1:
            time.sleep(0.02)
        # Ended as it was asked to, long before the picture is done.
        assert server.stop() == 0
        assert b" 200 " not in received(connection)
    assert [line["status"] for line in server.lines() if line.get("path") == "/restore"] == ["503"]


def test_an_end_is_known_at_once():
    """Pages that listen are let go, and connections that are open are told."""
    server = Server("-j", "1")
    page, other, busy = listening(server, "tab-1"), server.connect(), server.connect()
    body = encoded(picture(1800, 1400), compress_level=1)
    busy.sendall(head("/restore", len(body)) + body)
    while server.metric("irserve_queue_running") < 1:
        time.sleep(0.02)
    server.process.send_signal(signal.SIGTERM)
    # A stream of its own ends with an empty chunk.
    assert received(page).endswith(b"0\r\n\r\n")
    assert server.process.poll() is None
    busy.close()
    other.close()
    assert server.stop() == 0


def test_a_killed_server_leaves_nothing_half_made(tmp_path):
    environment = {"TMPDIR": str(tmp_path)}
    server = Server(environment=environment)
    body = encoded(picture(600, 500), compress_level=1)
    outcomes = []

    def ask():
        try:
            answer = server.post("/restore", body)
            outcomes.append("whole" if len(answer.pixels) == 500 else "half")
        except Exception as error:
            outcomes.append("error")

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    while server.metric("irserve_queue_running") < 1:
        time.sleep(0.02)
    server.stop(signal.SIGKILL)
    for thread in threads:
        thread.join()
    assert "half" not in outcomes and "error" in outcomes
    again = Server(environment=environment)
    assert again.post("/restore", body).status == 200
    # The folder of the killed one is gone, and the new one's goes with it.
    assert len(os.listdir(tmp_path)) == 1
    assert again.stop() == 0
    assert os.listdir(tmp_path) == []


def test_a_server_is_killed_and_another_takes_its_port_under_load(tmp_path):
    """Clients that go on asking see whole answers or errors, never a half."""
    environment = {"TMPDIR": str(tmp_path)}
    server = Server(environment=environment)
    body = encoded(picture(160, 120))
    expected = server.post("/restore", body).body
    outcomes, ended = [], threading.Event()

    def ask(address):
        while not ended.is_set():
            try:
                answer = address.post("/restore", body)
                outcomes.append("whole" if answer.status == 200 and answer.body == expected else f"{answer.status}, {len(answer.body)} bytes")
            except (OSError, http.client.HTTPException):
                outcomes.append("error")
                time.sleep(0.02)

    def whole_ones_come(count):
        before = outcomes.count("whole")
        end = time.time() + 60
        while outcomes.count("whole") < before + count:
            assert time.time() < end, outcomes
            time.sleep(0.02)

    threads = [threading.Thread(target=ask, args=(server,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(3):
            whole_ones_come(10)
            server.stop(signal.SIGKILL)
            server = Server(environment=environment, port=server.port)
        whole_ones_come(10)
    finally:
        ended.set()
        for thread in threads:
            thread.join()
        code = server.stop()
    assert code == 0 and set(outcomes) == {"whole", "error"}, set(outcomes)
    assert os.listdir(tmp_path) == []


# Bytes of an answer of tensors, more than the system holds of a connection.
SIDE = 248
ANSWER = 4 * 3 * SIDE * SIDE


def tensor_body(server):
    name = server.get("/v2/models/symunet-s").json["inputs"][0]["name"]
    head_of_body = json.dumps({"parameters": {"binary_data_output": True}, "inputs": [
        {"name": name, "shape": [1, 3, SIDE, SIDE], "datatype": "FP32", "parameters": {"binary_data_size": ANSWER}}]}).encode()
    return head("/v2/models/symunet-s/infer", len(head_of_body) + ANSWER, f"Inference-Header-Content-Length: {len(head_of_body)}") \
        + head_of_body + bytes(ANSWER)


def reader(server):
    """A connection that holds little of what it was sent and did not read."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 10)
    connection.settimeout(60)
    connection.connect(("127.0.0.1", server.port))
    connection.sendall(tensor_body(server))
    return connection


def test_a_slow_reader_has_its_answer_and_a_silent_one_is_closed():
    server = Server("--write-timeout", "8", "--load", "symunet-s")
    try:
        with reader(server) as silent:
            assert silent.recv(12) == b"HTTP/1.1 200"
            assert server.metric("irserve_bodies_bytes") >= ANSWER
            settle(server)
            assert len(received(silent)) < ANSWER
        # Long beyond the limit, and never silent for so long.
        with reader(server) as slow:
            answer = http.client.HTTPResponse(slow)
            answer.begin()
            begin, count = time.time(), 0
            while part := answer.read(4096):
                count += len(part)
                time.sleep(max(0, begin + count / 60_000 - time.time()))
        assert answer.status == 200 and count == int(answer.headers["Content-Length"]) and count > ANSWER
        settle(server)
    finally:
        server.stop()


def test_a_server_that_ends_sends_its_answers():
    server = Server("--load", "symunet-s", "--drain", "60")
    with reader(server) as slow:
        answer = http.client.HTTPResponse(slow)
        answer.begin()
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        assert len(answer.read()) == int(answer.headers["Content-Length"])
    assert server.stop() == 0


def test_a_silent_reader_does_not_keep_a_server_that_ends():
    server = Server("--load", "symunet-s", "--drain", "1", "--write-timeout", "600")
    with reader(server) as silent:
        assert silent.recv(12) == b"HTTP/1.1 200"
        assert server.stop() == 0


def test_the_token_is_asked_for():
    server = Server(environment={"IRSERVE_TOKEN": "a-secret-word"})
    try:
        body = encoded(picture(20, 20))
        assert server.get("/health").json == {"live": True} and server.get("/ready").json == {"ready": True}
        for headers in ({}, {"Authorization": "Bearer other-word-1"}, {"Authorization": "a-secret-word"}):
            answer = server.post("/restore", body, headers)
            assert answer.status == 401 and answer.headers["WWW-Authenticate"] == "Bearer"
        assert server.get("/metrics").status == 401
        assert server.post("/restore", body, {"Authorization": "Bearer a-secret-word"}).status == 200
    finally:
        server.stop()


def test_pages_of_other_sites_are_refused(server):
    body = encoded(picture(20, 20))
    assert server.post("/restore", body, {"Origin": "http://evil.example"}).status == 403
    assert server.post("/restore", body, {"Origin": server.url}).status == 200


def test_a_site_that_is_pointed_here_is_refused():
    """Its name resolves to this machine, and so its origin is the host that it asks."""
    server, body = Server(), encoded(picture(20, 20))
    try:
        foreign = f"evil.example:{server.port}"
        assert server.post("/restore", body, {"Host": foreign, "Origin": f"http://{foreign}"}).status == 403
        own = f"localhost:{server.port}"
        assert server.post("/restore", body, {"Host": own, "Origin": f"http://{own}"}).status == 200
    finally:
        server.stop()


def test_models_take_no_place_of_pictures():
    server = Server("--load", "restore,denoise")
    try:
        assert server.metric("irserve_models_loaded") == 2
        assert server.metric("irserve_memory_promised_bytes") == 0
    finally:
        server.stop()
    server = Server("--memory", "1M", wait=False)
    assert server.process.wait(30) == 3
    assert "--memory" in server.process.stderr.read()


def test_a_model_that_is_unloaded_while_it_runs_keeps_nothing():
    server = Server("-j", "1")
    try:
        for _ in range(2):
            answers = []
            body = encoded(picture(900, 700), compress_level=1)
            thread = threading.Thread(target=lambda: answers.append(server.post("/restore", body)))
            thread.start()
            while server.metric("irserve_memory_promised_bytes") == 0:
                time.sleep(0.02)
            assert server.post("/v2/repository/models/symunet-s/unload", b"").status == 200
            thread.join()
            assert answers[0].status == 200
            assert server.metric("irserve_memory_promised_bytes") == 0
            assert server.post("/v2/repository/models/symunet-s/load", b"").status == 200
    finally:
        server.stop()


def test_a_folder_of_the_same_process_number_is_removed(tmp_path):
    """In a container every server is process 1."""
    server = Server(environment={"TMPDIR": str(tmp_path)}, before='mkdir "$TMPDIR/irserve-$$-old"')
    try:
        assert server.post("/restore", encoded(picture(20, 20))).status == 200
        assert [name for name in os.listdir(tmp_path) if name.endswith("-old")] == []
    finally:
        server.stop()
    assert os.listdir(tmp_path) == []


def test_a_body_that_breaks_off_is_the_clients_fault(server):
    with server.connect() as connection:
        connection.sendall(b"POST /restore HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n")
        assert received(connection).startswith(b"HTTP/1.1 400 ")


def listening(server, page):
    connection = server.connect()
    connection.sendall(f"GET /progress/{page} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    text = b""
    while b": listening" not in text:
        text += connection.recv(65536)
    return connection


def test_a_page_that_asks_twice_is_heard_by_the_second(server):
    first = listening(server, "tab-2")
    second = listening(server, "tab-2")
    first.close()
    time.sleep(0.2)
    assert server.post("/restore?page=tab-2&job=j1", encoded(picture(60, 50))).status == 200
    text = b""
    while b'"writing"' not in text:
        text += second.recv(65536)
    assert b'"j1"' in text
    second.close()


def test_a_page_without_events_is_written_to(server):
    with listening(server, "tab-3") as connection:
        connection.settimeout(60)
        assert b": listening" in connection.recv(65536)


def test_progress_is_told(server):
    body = encoded(picture(500, 400), compress_level=1)
    with server.connect() as connection:
        connection.sendall(b"GET /progress/tab-1 HTTP/1.1\r\nHost: x\r\n\r\n")
        text = connection.recv(65536).decode()
        assert " 200 " in text and "text/event-stream" in text
        assert server.post("/restore?page=tab-1&job=j7", body).status == 200
        while '"writing"' not in text:
            text += connection.recv(65536).decode()
    events = [json.loads(line.split("data: ", 1)[1]) for line in text.splitlines() if "data: " in line]
    assert {event["job"] for event in events} == {"j7"}
    shares = [event["share"] for event in events if event["state"] == "restoring"]
    assert events[0]["state"] == "waiting" and len(shares) > 5 and shares == sorted(shares)


def test_the_version_is_that_of_the_tools():
    said = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True).stdout
    assert said == subprocess.run([os.environ["IRRUN"], "--version"], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("how", ["option", "environment"])
def test_a_browser_shows_the_page(tmp_path, how):
    browser, shown = tmp_path / "browser", tmp_path / "shown"
    browser.write_text(f'#!/bin/sh\necho "$@" > {shown}.part && mv {shown}.part {shown}\n')
    browser.chmod(0o755)
    environment = {"BROWSER": f"/nothing/here:{browser} --new %s"}
    if how == "environment":
        environment["IRSERVE_OPEN"] = "1"
    server = Server(*(["--open"] if how == "option" else []), environment=environment)
    try:
        end = time.time() + 20
        while not shown.exists() and time.time() < end:
            time.sleep(0.05)
        assert shown.read_text() == f"--new http://localhost:{server.port}/\n"
    finally:
        server.stop()
    assert f"irserve: the page is http://localhost:{server.port}/" in server.log


@pytest.mark.parametrize("browser, words", [("", "no browser was found; the page is"), ("/bin/false", "ended with an error; the page is")])
def test_a_browser_that_is_not_there_is_said(browser, words):
    server = Server("--open", environment={"BROWSER": browser}, before="PATH=/nothing")
    try:
        end = time.time() + 20
        while words not in server.log and time.time() < end:
            time.sleep(0.05)
            server.lines()
        assert f"{words} http://localhost:{server.port}/" in server.log
    finally:
        assert server.stop() == 0


def test_wrong_options_are_said():
    for arguments, code in [(["--queue", "0"], 2), (["--bogus"], 2), (["--load", "nothing"], 3), (["--memory", "x"], 2), (["--grpc-port", "0"], 2)]:
        server = Server(*arguments, wait=False)
        assert server.process.wait(30) == code
        assert "irserve" in server.process.stderr.read()


def test_the_document_names_every_route(server):
    document = server.get("/openapi.json").json
    found = subprocess.run([PROGRAM, "--routes"], capture_output=True, text=True, check=True).stdout.split("\n")
    stated = sorted(f"{method.upper()} {path}" for path, item in document["paths"].items() for method in item)
    assert sorted(line for line in found if line) == stated
