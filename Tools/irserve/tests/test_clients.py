"""The Open Inference Protocol, as the clients of others speak it."""
import io
import json
import pathlib
import subprocess
import sys

import numpy
import pytest
import tritonclient.http as triton
from PIL import Image

from conftest import ROOT, Server, encoded, picture, tiny_model
from test_server import settle


def tensor(width, height):
    return (numpy.asarray(picture(width, height), dtype=numpy.float32) / 255).transpose(2, 0, 1)[None].copy()


@pytest.fixture
def client(server):
    with triton.InferenceServerClient(f"127.0.0.1:{server.port}") as client:
        yield client


def restored(server, image):
    """The same picture over plain HTTP, rounded to 8 bits."""
    return server.post("/restore", encoded(image)).pixels.astype(numpy.int32)


def as_picture(planes):
    return numpy.rint(numpy.clip(planes[0].transpose(1, 2, 0), 0, 1) * 255).astype(numpy.int32)


def test_triton_asks_for_the_state(client):
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("symunet-s")
    assert client.is_model_ready("symunet-s", "1")
    assert not client.is_model_ready("nothing")
    metadata = client.get_server_metadata()
    assert metadata["name"] == "irserve" and "binary_tensor_data" in metadata["extensions"]
    for version in ("", "1"):
        model = client.get_model_metadata("symunet-s", version)
        assert model["name"] == "symunet-s" and model["versions"] == ["1"]
        assert model["inputs"][0]["datatype"] == "FP32" and model["inputs"][0]["shape"] == [1, 3, -1, -1]
    with pytest.raises(triton.InferenceServerException, match="models are"):
        client.get_model_metadata("nothing")


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False, None])
def test_triton_runs_tensors(server, client, binary_in, binary_out):
    values = tensor(64, 48)
    model = client.get_model_metadata("symunet-s")
    given = triton.InferInput(model["inputs"][0]["name"], values.shape, "FP32")
    given.set_data_from_numpy(values, binary_data=binary_in)
    name = model["outputs"][0]["name"]
    outputs = None if binary_out is None else [triton.InferRequestedOutput(name, binary_data=binary_out)]
    found = client.infer("symunet-s", [given], outputs=outputs, request_id="r1", model_version="1")
    assert found.get_response()["id"] == "r1" and found.get_response()["model_name"] == "symunet-s"
    result = found.as_numpy(name)
    assert result.shape == values.shape and result.dtype == numpy.float32
    assert numpy.abs(as_picture(result) - restored(server, picture(64, 48))).max() <= 1


def test_triton_restores_pictures(server, client):
    pictures = [encoded(picture(40 + 8 * index, 30, index), form) for index, form in enumerate(["PNG", "JPEG", "PNG"])]
    model = client.get_model_metadata("symunet-s")
    given = triton.InferInput(model["inputs"][0]["name"], [3], "BYTES")
    given.set_data_from_numpy(numpy.array(pictures, dtype=object))
    found = client.infer("symunet-s", [given], parameters={"strength": 0.5}).as_numpy(model["outputs"][0]["name"])
    assert found.shape == (3,)
    for before, after in zip(pictures, found):
        assert after == server.post("/restore?strength=0.5", before).body


def test_triton_compresses_nothing_wrongly(client):
    """A wrong tensor is an error in words, and the connection goes on."""
    given = triton.InferInput("image", [1, 3, 8, 8], "FP32")
    given.set_data_from_numpy(numpy.zeros((1, 3, 8, 8), numpy.float32))
    with pytest.raises(triton.InferenceServerException):
        client.infer("symunet-s", [given], outputs=[triton.InferRequestedOutput("bogus")])
    wrong = triton.InferInput("bogus", [1, 3, 8, 8], "FP32")
    wrong.set_data_from_numpy(numpy.zeros((1, 3, 8, 8), numpy.float32))
    with pytest.raises(triton.InferenceServerException, match="no such input"):
        client.infer("symunet-s", [wrong])
    assert client.is_server_ready()


def test_triton_loads_and_unloads():
    server = Server()
    try:
        with triton.InferenceServerClient(f"127.0.0.1:{server.port}") as client:
            states = {model["name"]: model["state"] for model in client.get_model_repository_index()}
            assert states["symunet-s"] == "READY" and states["daair-s5"] == "UNAVAILABLE"
            client.load_model("daair-s5")
            states = {model["name"]: model["state"] for model in client.get_model_repository_index()}
            assert states["daair-s5"] == "READY"
            client.unload_model("daair-s5")
            assert not client.is_model_ready("daair-s5")
            answer = server.post("/restore?model=daair-s5", encoded(picture(20, 20)))
            assert answer.status == 400 and "load it first" in answer.json["error"]
            client.load_model("daair-s5")
            assert server.post("/restore?model=daair-s5", encoded(picture(20, 20))).status == 200
            with pytest.raises(triton.InferenceServerException, match="no such model"):
                client.load_model("nothing")
    finally:
        server.stop()


def test_models_of_a_folder_are_checked(tmp_path):
    """A file that bears the name of a released model and is another one is refused."""
    whole = (ROOT / "Models/SymUNet/symunet-s.onnx").read_bytes()
    (tmp_path / "mine.onnx").write_bytes(whole)
    (tmp_path / "symunet-denoise.onnx").write_bytes(whole)
    server = Server("--models", str(tmp_path))
    try:
        body = encoded(picture(30, 20))
        assert server.post("/restore?model=mine", body).body == server.post("/restore?model=symunet-s", body).body
        answer = server.post("/restore?model=symunet-denoise", body)
        assert answer.status == 422 and "SHA-256" in answer.json["error"]
    finally:
        server.stop()


def test_errors_name_models_and_no_files(tmp_path):
    """A client that is told what is wrong with a model learns nothing of the server's folders."""
    folder = tmp_path / "models"
    folder.mkdir()
    whole = (ROOT / "Models/SymUNet/symunet-s.onnx").read_bytes()
    for name, content in [("cut", whole[:5000]), ("empty", b""), ("foreign", b"<html>"), ("unknown", tiny_model("Bogus")),
                          ("lost", tiny_model(output="elsewhere")), ("symunet-denoise", tiny_model())]:
        (folder / f"{name}.onnx").write_bytes(content)
    (folder / "gone.onnx").symlink_to(tmp_path / "nothing.onnx")
    server = Server("--models", str(folder))
    values = tensor(8, 8)
    head = json.dumps({"inputs": [
        {"name": "image", "shape": list(values.shape), "datatype": "FP32", "parameters": {"binary_data_size": values.nbytes}}]}).encode()
    try:
        for name in [path.stem for path in folder.iterdir()]:
            answers = [
                server.post(f"/restore?model={name}", encoded(picture(20, 20))),
                server.post(f"/v2/models/{name}/infer", head + values.tobytes(), {"Inference-Header-Content-Length": str(len(head))}),
                server.post(f"/v2/repository/models/{name}/load", b""), server.post(f"/explain?model={name}", encoded(picture(20, 20))),
                server.get(f"/v2/models/{name}"),
            ]
            for answer in answers:
                # A file that is no restorer may be a network all the same.
                if answer.status != 200:
                    assert 400 <= answer.status < 500, (name, answer.body)
                    assert name in answer.json["error"], (name, answer.body)
            assert answers[0].status != 200, name
            text = b" ".join(answer.body for answer in answers).decode()
            assert str(tmp_path) not in text and ".onnx" not in text, text
    finally:
        server.stop()
    assert str(tmp_path) not in server.log


def kserve(kind, address, values, tmp_path, form):
    """What kserve's client was told, and the tensor that it got."""
    given, result = tmp_path / "given.npy", tmp_path / "result.npy"
    numpy.save(given, values)
    said = subprocess.run(
        [sys.executable, pathlib.Path(__file__).with_name("kserve_client.py"), kind, address, given, result, form],
        capture_output=True, text=True, timeout=120)
    assert said.returncode == 0, said.stderr[-3000:]
    return json.loads(said.stdout.splitlines()[-1]), numpy.load(result)


@pytest.mark.parametrize("form", ["binary", "plain"])
def test_kserve_asks_and_runs(server, tmp_path, form):
    said, result = kserve("http", server.url, tensor(48, 40), tmp_path, form)
    assert said == {"state": [True, True, True], "id": "k1"}
    assert numpy.abs(as_picture(result) - restored(server, picture(48, 40))).max() <= 1
    assert "symunet-s" in server.get("/v2/models").json["models"]


INPUT = {"name": "image", "shape": [1, 3, 2, 2], "datatype": "FP32", "data": [0] * 12}


@pytest.mark.parametrize("change, words", [
    ({"data": [0] * 11}, "11 numbers"), ({"data": None}, "no data"), ({"datatype": "FP99"}, "not known"),
    ({"shape": [-1, 3, 2, 2]}, "no shape"), ({"shape": [1 << 40, 1 << 40]}, "no shape"), ({"shape": [1] * 40}, "no shape"),
    ({"data": ["a"] * 12}, "0 numbers"), ({"parameters": {"binary_data_size": 5}}, "beyond"),
    ({"parameters": {"binary_data_size": -5}}, "beyond"), ({"datatype": "FP16"}, "binary"),
    ({"datatype": "BYTES", "shape": [2]}, "pictures"), ({"shape": "x"}, "JSON"), ({"datatype": "INT8", "data": [0.5] * 12}, "whole"),
    ({"datatype": "INT8", "data": [1e30] * 12}, "whole"), ({"datatype": "INT8", "data": [300] * 12}, ""),
])
def test_wrong_requests_are_said(server, change, words):
    body = json.dumps({"inputs": [{**INPUT, **change}]}).encode()
    answer = server.post("/v2/models/symunet-s/infer", body)
    assert answer.status in (400, 422) and words in answer.json["error"], answer.body


@pytest.mark.parametrize("body", [
    b"", b"{", b"[]", b"{}", b'{"inputs": []}', b"[" * 100000, b'{"inputs": [{"name": "a", "shape": [], "datatype": "FP32", "data": ' + b"[" * 5000,
    b"\xff\xfe", b'{"inputs": 5}', json.dumps({"inputs": [INPUT] * 65}).encode(), json.dumps({"inputs": [INPUT, INPUT]}).encode(),
])
def test_bodies_that_are_none_are_refused(server, body):
    answer = server.post("/v2/models/symunet-s/infer", body)
    assert answer.status == 400 and answer.json["error"]


@pytest.mark.parametrize("length", ["-1", "-9223372036854775808", "-999999999999999999", "x", "99999999999999999999", "1000000"])
def test_header_lengths_are_checked(server, length):
    body = json.dumps({"inputs": [INPUT]}).encode()
    answer = server.post("/v2/models/symunet-s/infer", body, {"Inference-Header-Content-Length": length})
    assert answer.status == 400, answer.body


def test_json_is_bounded(server):
    answer = server.post("/v2/models/symunet-s/infer", b'{"inputs": ' + b" " * (9 << 20))
    assert answer.status == 413 and "binary" in answer.json["error"]


def asked(server, values, size, shape, datatype, binary, output=None, **parameters):
    """The answer to one binary input."""
    name = server.get("/v2/models/symunet-s").json["inputs"][0]["name"]
    request = {"parameters": {"binary_data_output": binary, **parameters}, "inputs": [
        {"name": name, "shape": shape, "datatype": datatype, "parameters": {"binary_data_size": size}}]}
    if output:
        request["outputs"] = [{"name": output, "parameters": {"binary_data": binary}}]
    head = json.dumps(request).encode()
    return server.post("/v2/models/symunet-s/infer", head + values, {"Inference-Header-Content-Length": str(len(head))})


def test_answers_in_json_are_bounded():
    """Of 32 MiB for answers 128 bytes a number."""
    server = Server("--memory", "256M")
    try:
        for side, status in ((256, 200), (320, 413)):
            values = numpy.zeros((1, 3, side, side), numpy.float32)
            answer = asked(server, values.tobytes(), values.nbytes, list(values.shape), "FP32", False)
            assert answer.status == status, answer.body[:300]
            answer_in_bytes = asked(server, values.tobytes(), values.nbytes, list(values.shape), "FP32", True)
            assert answer_in_bytes.status == 200
        assert "binary" in answer.json["error"]
        settle(server)
    finally:
        server.stop()


def test_results_that_wait_for_each_other_are_bounded():
    """Pictures of noise: the files together are more than an answer may have in base 64, and not as binary data."""
    noise = numpy.random.default_rng(1).integers(0, 256, (256, 256, 3), numpy.uint8)
    file = encoded(Image.fromarray(noise))
    values = b"".join(len(file).to_bytes(4, "little") + file for _ in range(8))
    server = Server("--memory", "96M")
    try:
        answer = asked(server, values, len(values), [8], "BYTES", False, strength=0)
        assert answer.status == 413 and "binary" in answer.json["error"], answer.body[:300]
        answer = asked(server, values, len(values), [8], "BYTES", True, strength=0)
        assert answer.status == 200, answer.body[:300]
        settle(server)
    finally:
        server.stop()


def test_an_output_of_another_name_is_refused_before_the_work(server):
    # The picture is none, which the work would say.
    answer = asked(server, b"\0\0\0\0", 4, [1], "BYTES", True, output="bogus")
    assert answer.status == 400 and "no such output" in answer.json["error"]
