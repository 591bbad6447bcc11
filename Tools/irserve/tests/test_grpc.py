"""The Open Inference Protocol over gRPC, as the clients of others speak it."""
import socket
import threading
import time

import grpc
import h2.config
import h2.connection
import h2.events
import h2.exceptions
import numpy
import pytest
import tritonclient.grpc as triton
from tritonclient.grpc import service_pb2, service_pb2_grpc

from conftest import Server, encoded, free_port, picture
from test_clients import as_picture, kserve, restored, tensor
from test_server import settle


class GRPCServer(Server):
    def __init__(self, *arguments, **more):
        self.grpc_port = free_port()
        super().__init__("--grpc-port", str(self.grpc_port), *arguments, **more)
        end = time.time() + 30
        while time.time() < end:
            try:
                socket.create_connection(("127.0.0.1", self.grpc_port), timeout=5).close()
                return
            except OSError:
                time.sleep(0.05)
        raise RuntimeError("nothing listens for gRPC")

    def client(self):
        return triton.InferenceServerClient(f"127.0.0.1:{self.grpc_port}")

    def stub(self, *options):
        return service_pb2_grpc.GRPCInferenceServiceStub(
            grpc.insecure_channel(f"127.0.0.1:{self.grpc_port}", options=[("grpc.use_local_subchannel_pool", 1), *options]))


@pytest.fixture(scope="module")
def server():
    server = GRPCServer()
    yield server
    assert server.stop() == 0


@pytest.fixture
def client(server):
    with server.client() as client:
        yield client


# Bytes of 16 x 16 pixels.
PIXELS = 4 * 3 * 16 * 16


def picture_request(server, image):
    """A request to restore a picture, its file raw."""
    file = encoded(image, compress_level=1)
    whole = request(datatype="BYTES", shape=[1], raw=[len(file).to_bytes(4, "little") + file])
    whole.inputs[0].name = server.get("/v2/models/symunet-s").json["inputs"][0]["name"]
    return whole


class Peer:
    """A client of HTTP/2 that does no more than it is told."""
    PATH = "/inference.GRPCInferenceService/"

    def __init__(self, server):
        self.socket = socket.create_connection(("127.0.0.1", server.grpc_port), timeout=30)
        self.http = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self.seen = []
        self.http.initiate_connection()
        self.flush()
        # How long streams may be is known with the server's settings.
        self.hear(lambda event: isinstance(event, h2.events.RemoteSettingsChanged))

    def flush(self):
        self.socket.sendall(self.http.data_to_send())

    def call(self, method, message=b"", length=None, ends=True, **fields):
        """Begins a call with a message, or with the first bytes of one of `length` bytes."""
        stream = self.http.get_next_available_stream_id()
        self.http.send_headers(stream, [
            (":method", "POST"), (":scheme", "http"), (":path", self.PATH + method), (":authority", "localhost"),
            ("te", "trailers"), ("content-type", "application/grpc"), *fields.items()])
        self.flush()
        body = b"\0" + (len(message) if length is None else length).to_bytes(4, "big") + message
        if ends or message:
            self.send(stream, body, ends)
        return stream

    def send(self, stream, body, ends=False):
        """Sends bytes, as many as are taken before the stream is reset."""
        try:
            self.send_all(stream, body, ends)
        except h2.exceptions.StreamClosedError:
            pass

    def send_all(self, stream, body, ends):
        while body:
            size = min(len(body), self.http.local_flow_control_window(stream), self.http.max_outbound_frame_size)
            if size == 0:
                self.hear(lambda event: isinstance(event, h2.events.WindowUpdated))
                continue
            self.http.send_data(stream, body[:size])
            body = body[size:]
            self.flush()
        if ends:
            self.http.end_stream(stream)
            self.flush()

    def events(self, seconds=30):
        self.socket.settimeout(seconds)
        try:
            data = self.socket.recv(1 << 16)
        except TimeoutError:
            return []
        assert data, "the server ended the connection"
        events = self.http.receive_data(data)
        self.seen += events
        self.flush()
        return events

    def hear(self, condition, seconds=30):
        end = time.time() + seconds
        while time.time() < end:
            events = self.events()
            if any(condition(event) for event in events):
                return events
        raise AssertionError("the server says nothing of it")

    def outcome(self, stream):
        """The status of gRPC, and whether the stream was reset behind it."""
        def is_there(*kinds):
            return any(isinstance(event, kinds) and event.stream_id == stream for event in self.seen)

        while not is_there(h2.events.StreamEnded, h2.events.StreamReset):
            self.events()
        if not is_there(h2.events.StreamReset):
            self.events(1)
        status = None
        for event in self.seen:
            if isinstance(event, (h2.events.ResponseReceived, h2.events.TrailersReceived)) and event.stream_id == stream:
                status = dict(event.headers).get("grpc-status", status)
        return int(status), is_there(h2.events.StreamReset)

    def close(self):
        self.socket.close()


def request(model="symunet-s", **fields):
    """A request for 16 x 16 pixels, without the pixels."""
    whole = service_pb2.ModelInferRequest(model_name=model)
    given = whole.inputs.add(name="image", datatype="FP32", shape=[1, 3, 16, 16])
    for name, value in fields.items():
        if name == "contents":
            for field, values in value.items():
                getattr(given.contents, field).extend(values)
        elif name == "raw":
            whole.raw_input_contents.extend(value)
        elif name == "shape":
            del given.shape[:]
            given.shape.extend(value)
        else:
            setattr(given, name, value)
    return whole


def code(call):
    with pytest.raises(grpc.RpcError) as error:
        call()
    return error.value.code(), error.value.details()


def test_triton_asks_for_the_state(client):
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("symunet-s")
    assert client.is_model_ready("symunet-s", "1") and client.is_model_ready("restore")
    metadata = client.get_server_metadata()
    assert metadata.name == "irserve" and metadata.version and "model_repository" in metadata.extensions
    model = client.get_model_metadata("symunet-s")
    assert model.name == "symunet-s" and list(model.versions) == ["1"]
    assert model.inputs[0].datatype == "FP32" and list(model.inputs[0].shape) == [1, 3, -1, -1]
    with pytest.raises(triton.InferenceServerException, match="models are"):
        client.get_model_metadata("nothing")
    with pytest.raises(triton.InferenceServerException, match="version 1 alone"):
        client.get_model_metadata("symunet-s", "2")


def test_both_transports_say_the_same(server, client):
    over_http = server.get("/v2/models/symunet-s").json
    model = client.get_model_metadata("symunet-s", as_json=True)
    assert model["platform"] == over_http["platform"] and model["inputs"][0]["name"] == over_http["inputs"][0]["name"]
    index = client.get_model_repository_index(as_json=True)["models"]
    stated = server.post("/v2/repository/index", b"").json
    assert [(entry["name"], entry["state"]) for entry in index] == [(entry["name"], entry["state"]) for entry in stated]
    given = request(shape=[1, 3, 2, 3], raw=[bytes(48)])
    status, words = code(lambda: server.stub().ModelInfer(given))
    body = b'{"inputs": [{"name": "image", "shape": [1, 3, 2, 3], "datatype": "FP32", "parameters": {"binary_data_size": 48}}]}'
    answer = server.post("/v2/models/symunet-s/infer", body + bytes(48), {"Inference-Header-Content-Length": str(len(body))})
    assert status == grpc.StatusCode.INVALID_ARGUMENT and answer.status == 400 and words == answer.json["error"]


def test_triton_runs_tensors(server, client):
    values = tensor(64, 48)
    model = client.get_model_metadata("symunet-s")
    given = triton.InferInput(model.inputs[0].name, values.shape, "FP32")
    given.set_data_from_numpy(values)
    name = model.outputs[0].name
    for outputs in (None, [triton.InferRequestedOutput(name)]):
        found = client.infer("symunet-s", [given], outputs=outputs, request_id="r1", model_version="1")
        assert found.get_response().id == "r1" and found.get_response().model_version == "1"
        result = found.as_numpy(name)
        assert result.shape == values.shape and result.dtype == numpy.float32
        assert numpy.abs(as_picture(result) - restored(server, picture(64, 48))).max() <= 1


def test_typed_contents_are_tensors(server, client):
    name = client.get_model_metadata("symunet-s").inputs[0].name
    values = tensor(16, 16)
    typed = request(name=name, contents={"fp32_contents": values.ravel()})
    raw = request(name=name, raw=[values.tobytes()])
    answers = [server.stub().ModelInfer(given).raw_output_contents[0] for given in (typed, raw)]
    assert answers[0] == answers[1] and len(answers[0]) == PIXELS


def test_triton_restores_pictures(server, client):
    pictures = [encoded(picture(40 + 8 * index, 30, index), form) for index, form in enumerate(["PNG", "JPEG", "PNG"])]
    model = client.get_model_metadata("symunet-s")
    given = triton.InferInput(model.inputs[0].name, [3], "BYTES")
    given.set_data_from_numpy(numpy.array(pictures, dtype=object))
    found = client.infer("symunet-s", [given], parameters={"strength": 0.5}).as_numpy(model.outputs[0].name)
    assert found.shape == (3,)
    for before, after in zip(pictures, found):
        assert after == server.post("/restore?strength=0.5", before).body


def test_several_calls_share_a_connection(server, client):
    name = client.get_model_metadata("symunet-s").inputs[0].name
    answers = []

    def done(result, error):
        answers.append(error or result.get_response().id)

    values = tensor(40, 40)
    for index in range(12):
        given = triton.InferInput(name, values.shape, "FP32")
        given.set_data_from_numpy(values)
        client.async_infer("symunet-s", [given], done, request_id=str(index))
    end = time.time() + 60
    while len(answers) < 12 and time.time() < end:
        time.sleep(0.02)
    assert sorted(answers, key=int) == [str(index) for index in range(12)]


def test_triton_loads_and_unloads():
    server = GRPCServer()
    try:
        with server.client() as client:
            client.load_model("daair-s5")
            assert client.is_model_ready("daair-s5")
            client.unload_model("daair-s5")
            assert not client.is_model_ready("daair-s5")
            assert not server.get("/v2/models/daair-s5/ready").json["ready"]
            with pytest.raises(triton.InferenceServerException, match="no such model"):
                client.load_model("nothing")
    finally:
        server.stop()


@pytest.mark.parametrize("form", ["binary", "plain"])
def test_kserve_asks_and_runs(server, tmp_path, form):
    said, result = kserve("grpc", f"127.0.0.1:{server.grpc_port}", tensor(48, 40), tmp_path, form)
    assert said == {"state": [True, True, True], "id": "k1"}
    assert numpy.abs(as_picture(result) - restored(server, picture(48, 40))).max() <= 1


@pytest.mark.parametrize("fields, words", [
    ({"contents": {"fp32_contents": [0] * 11}}, "44 bytes for a shape of 768"), ({}, "0 bytes"), ({"datatype": "FP99"}, "FP99"),
    ({"shape": [-1, 3, 16, 16], "raw": [bytes(PIXELS)]}, "no shape"), ({"shape": [1 << 40, 1 << 40], "raw": [b""]}, "no shape"),
    ({"shape": [1] * 40, "raw": [bytes(4)]}, "no shape"), ({"raw": [bytes(PIXELS)] * 2}, "raw contents"),
    ({"raw": [bytes(PIXELS)], "contents": {"fp32_contents": [0]}}, "beside raw"), ({"datatype": "FP16"}, "raw"),
    ({"datatype": "INT8", "contents": {"int_contents": [300] * 12}}, "300"), ({"datatype": "BYTES", "shape": [2]}, "lengths"),
])
def test_wrong_requests_are_said(server, fields, words):
    status, sentence = code(lambda: server.stub().ModelInfer(request(**fields)))
    assert status == grpc.StatusCode.INVALID_ARGUMENT and words in sentence, sentence


@pytest.mark.parametrize("message", [
    b"\xff" * 40, b"\x0b\x0c", b"\x2a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", b"\x2a\x00" * 100, b"\x2a\x03\x0a\x05a",
    b"\x3a\x00" * 100, b"\x0a\x09symunet-s" + b"\x2a\x02\x0a\x05", b"",
])
def test_messages_that_are_none_are_refused(server, message):
    channel = grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}")
    call = channel.unary_unary("/inference.GRPCInferenceService/ModelInfer")
    status, _ = code(lambda: call(message))
    assert status in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND)


def test_other_calls_are_not_there(server):
    channel = grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}")
    for path in ("/inference.GRPCInferenceService/Nothing", "/other.Service/ServerLive"):
        assert code(lambda: channel.unary_unary(path)(b""))[0] == grpc.StatusCode.UNIMPLEMENTED


def test_limits_are_told_with_their_numbers():
    server = GRPCServer("--max-body", "100K", "--memory", "256M")
    try:
        status, words = code(lambda: server.stub().ModelInfer(request(raw=[bytes(110 << 10)])))
        assert status == grpc.StatusCode.RESOURCE_EXHAUSTED and str(100 << 10) in words
        # Typed contents grow while they are read; raw ones do not.
        server.stop()
        server = GRPCServer("--memory", "64M")
        status, words = code(lambda: server.stub().ModelInfer(request(contents={"fp32_contents": [0.5] * 80_000})))
        assert status == grpc.StatusCode.RESOURCE_EXHAUSTED and "binary data" in words
        settle(server)
    finally:
        server.stop()


def test_a_call_that_ends_frees_its_place():
    server = GRPCServer("--queue", "2", "-j", "1")
    try:
        stub = server.stub()
        long = picture_request(server, picture(1400, 1100))
        calls = [stub.ModelInfer.future(long) for _ in range(2)]
        end = time.time() + 30
        while server.metric("irserve_queue_running") < 2 and time.time() < end:
            time.sleep(0.02)
        status, words = code(lambda: server.stub().ModelInfer(request(raw=[bytes(PIXELS)])))
        assert status == grpc.StatusCode.UNAVAILABLE and "2 pictures" in words
        for call in calls:
            call.cancel()
        settle(server)
        # A deadline of the client's own.
        begin = time.time()
        status, _ = code(lambda: server.stub().ModelInfer(long, timeout=1))
        assert status == grpc.StatusCode.DEADLINE_EXCEEDED
        settle(server)
        assert time.time() - begin < 15
        lines = [line for line in server.lines() if line.get("method") == "GRPC"]
        assert {line["status"] for line in lines} >= {"cancelled", "unavailable"}, lines
    finally:
        server.stop()


def test_a_call_has_its_time():
    server = GRPCServer("--timeout", "3", "-j", "1")
    try:
        long = picture_request(server, picture(2400, 2000))
        status, words = code(lambda: server.stub().ModelInfer(long))
        assert status == grpc.StatusCode.DEADLINE_EXCEEDED and "--timeout" in words
        settle(server)
    finally:
        server.stop()


def test_the_token_is_asked_for():
    server = GRPCServer(environment={"IRSERVE_TOKEN": "secret-token"}, wait=False)
    try:
        stub = server.stub()
        assert stub.ServerLive(service_pb2.ServerLiveRequest()).live
        given = service_pb2.ModelMetadataRequest(name="symunet-s")
        assert code(lambda: stub.ModelMetadata(given))[0] == grpc.StatusCode.UNAUTHENTICATED
        wrong = [("authorization", "Bearer other-token")]
        assert code(lambda: stub.ModelMetadata(given, metadata=wrong))[0] == grpc.StatusCode.UNAUTHENTICATED
        assert stub.ModelMetadata(given, metadata=[("authorization", "Bearer secret-token")]).name == "symunet-s"
        page = [("authorization", "Bearer secret-token"), ("origin", "http://elsewhere")]
        assert code(lambda: stub.ModelMetadata(given, metadata=page))[0] == grpc.StatusCode.PERMISSION_DENIED
    finally:
        server.stop()


def test_who_has_no_token_takes_no_memory():
    """The headers alone refuse a call: no byte of its message has a place, and its stream is closed."""
    server = GRPCServer(environment={"IRSERVE_TOKEN": "secret-token"}, wait=False)
    own = {"Authorization": "Bearer secret-token"}
    try:
        peer = Peer(server)
        for method, status in [("ModelInfer", 16), ("ModelMetadata", 16), ("Nothing", 16)]:
            stream = peer.call(method, ends=False, authorization="Bearer other-token")
            assert peer.outcome(stream) == (status, True), method
        # With the first bytes of a message behind the headers, and calls that anybody may make.
        for method in ("ModelInfer", "ServerLive"):
            stream = peer.call(method, bytes(10_000), length=1 << 20, ends=False)
        assert peer.outcome(stream - 2) == (16, True)
        stream = peer.call("ServerLive", bytes(70_000), length=1 << 20, ends=False)
        assert peer.outcome(stream) == (8, True)
        stub = server.stub()
        given = request(raw=[bytes(8 << 20)])
        for _ in range(8):
            assert code(lambda: stub.ModelInfer(given))[0] == grpc.StatusCode.UNAUTHENTICATED
        # One call of anybody's lives, of 10 000 bytes.
        text = server.get("/metrics", headers=own).body.decode()
        held = next(float(line.split()[1]) for line in text.splitlines() if line.startswith("irserve_bodies_bytes "))
        assert held <= 40_000, held
        token = [("authorization", "Bearer secret-token")]
        status, words = code(lambda: stub.ModelInfer(given, metadata=token))
        assert status == grpc.StatusCode.INVALID_ARGUMENT, words
        peer.close()
    finally:
        server.stop()


def test_an_error_before_the_message_ends_its_stream(server):
    peer = Peer(server)
    stream = peer.call("Nothing", bytes(1000), length=1 << 20, ends=False)
    assert peer.outcome(stream) == (12, True)
    stream = peer.call("ModelMetadata", bytes(1 << 16) + b"1", ends=False)
    assert peer.outcome(stream) == (8, True)
    stream = peer.call("ServerLive")
    assert peer.outcome(stream) == (0, False)
    peer.close()
    settle(server)


def test_a_slow_reader_has_its_answer_and_a_silent_one_is_given_up():
    side = 248
    size = 4 * 3 * side * side
    server = GRPCServer("--write-timeout", "8", "--load", "symunet-s")
    try:
        given = request(shape=[1, 3, side, side], raw=[bytes(size)])
        given.inputs[0].name = server.get("/v2/models/symunet-s").json["inputs"][0]["name"]
        message = given.SerializeToString()
        silent = Peer(server)
        stream = silent.call("ModelInfer", message)
        silent.hear(lambda event: isinstance(event, h2.events.DataReceived))
        # The answer has its place, twice, until it is read; the request has none any more.
        assert 2 * size <= server.metric("irserve_bodies_bytes") < 3 * size
        silent.hear(lambda event: isinstance(event, h2.events.StreamReset) and event.stream_id == stream)
        settle(server)
        silent.close()
        # Long beyond the limit, and never silent for so long.
        slow = Peer(server)
        stream = slow.call("ModelInfer", message)
        begin, received, owed, is_over = None, 0, 0, False
        while not is_over:
            for event in slow.events(0.1):
                assert not isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated)), event
                if isinstance(event, h2.events.DataReceived):
                    begin = begin or time.time()
                    received += len(event.data)
                    owed += event.flow_controlled_length
                is_over = is_over or isinstance(event, h2.events.StreamEnded)
            if begin and owed and not is_over and received < 60_000 * (time.time() - begin):
                slow.http.acknowledge_received_data(owed, stream)
                owed = 0
                slow.flush()
        assert received > size
        slow.close()
        settle(server)
    finally:
        server.stop()


def test_connections_are_bounded():
    server = GRPCServer("--max-connections", "4")
    try:
        def is_open(connection):
            """Whether it lives: a server says its settings at once."""
            try:
                return connection.recv(1 << 12) != b""
            except ConnectionResetError:
                return False

        # The one that asked whether it listens is gone.
        time.sleep(0.5)
        for numbers in ([4], [1, 2, 3, 4]):
            connections = [socket.create_connection(("127.0.0.1", server.grpc_port), timeout=30) for _ in range(12)]
            assert sum(is_open(connection) for connection in connections) in numbers
            for connection in connections:
                connection.close()
            end = time.time() + 30
            while time.time() < end:
                try:
                    assert server.stub().ServerLive(service_pb2.ServerLiveRequest()).live
                    break
                except grpc.RpcError:
                    time.sleep(0.2)
            else:
                raise AssertionError("closed connections count on")
            time.sleep(0.5)
    finally:
        server.stop()


def test_running_calls_end_before_the_server():
    server = GRPCServer("-j", "1")
    long = picture_request(server, picture(900, 700))
    call = server.stub().ModelInfer.future(long)
    while server.metric("irserve_queue_running") < 1:
        time.sleep(0.02)
    server.process.terminate()
    assert len(call.result(60).raw_output_contents[0]) > 1000
    assert server.stop() == 0


def test_connections_that_are_none_leave_nothing(server):
    """Bytes that are no HTTP/2, streams that are cut, and connections that close."""
    generator = numpy.random.default_rng(1)
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    for index in range(60):
        with socket.create_connection(("127.0.0.1", server.grpc_port), timeout=10) as connection:
            noise = generator.integers(0, 256, 200, numpy.uint8).tobytes()
            connection.sendall([noise, preface + noise, preface + b"\0\0\0\4\0\0\0\0\0" + noise][index % 3])
    given = request(raw=[bytes(PIXELS)])
    given.inputs[0].name = server.get("/v2/models/symunet-s").json["inputs"][0]["name"]
    threads = [threading.Thread(target=lambda: server.stub().ModelInfer.future(given).cancel()) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.stub().ModelInfer(given).raw_output_contents[0]) == PIXELS
    settle(server)


def test_a_port_that_is_taken_is_said():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        server = Server("--grpc-port", str(port), wait=False)
        assert server.process.wait(60) == 4
        assert str(port) in server.process.stderr.read()
