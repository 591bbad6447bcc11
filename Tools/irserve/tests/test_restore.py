"""Pictures in, pictures out, against irrun."""
import io
import json
import os
import subprocess

import numpy
import pytest
from PIL import Image

from conftest import ROOT, Server, encoded, picture

IRRUN = os.environ.get("IRRUN", str(ROOT / ".build/release/irrun"))


def restored_by_irrun(folder, body, suffix, *options):
    source, result = folder / f"in.{suffix}", folder / f"out.{suffix}"
    source.write_bytes(body)
    subprocess.run([IRRUN, str(source), str(result), *options], check=True, capture_output=True)
    return result.read_bytes()


@pytest.mark.parametrize("suffix, form, options", [
    ("png", "PNG", {}), ("jpg", "JPEG", {"quality": 92}), ("webp", "WEBP", {"lossless": True}), ("tif", "TIFF", {})])
def test_the_result_is_that_of_irrun(server, tmp_path, suffix, form, options):
    body = encoded(picture(97, 70), form, **options)
    answer = server.post("/restore", body)
    assert answer.status == 200, answer.body
    assert answer.body == restored_by_irrun(tmp_path, body, suffix)
    report = json.loads(answer.headers["Irkit-Report"])
    assert (report["width"], report["height"], report["model"]) == (97, 70, "symunet-s")
    assert report["warnings"] == []


def test_parameters_are_those_of_irrun(server, tmp_path):
    body = encoded(picture(64, 48))
    answer = server.post("/restore?model=denoise&strength=0.4&format=jpg&quality=70", body)
    source, result = tmp_path / "a.png", tmp_path / "a.jpg"
    source.write_bytes(body)
    subprocess.run([IRRUN, str(source), str(result), "-m", "denoise", "--strength", "0.4", "-q", "70"],
                   check=True, capture_output=True)
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.body == result.read_bytes()


def test_strength_0_is_the_picture(server):
    image = picture(50, 40)
    assert (server.post("/restore?strength=0", encoded(image)).pixels == numpy.asarray(image)).all()


def test_metadata_are_kept(server):
    image = picture(60, 40)
    exif = Image.Exif()
    exif[0x010F], exif[0x0112] = "Maker", 1
    exif.get_ifd(0x8825)[1] = "N"
    body = encoded(image, "JPEG", exif=exif, icc_profile=None, dpi=(300, 300))
    found = Image.open(io.BytesIO(server.post("/restore", body).body))
    assert found.getexif()[0x010F] == "Maker" and found.info["dpi"] == (300, 300)
    assert 1 in found.getexif().get_ifd(0x8825)
    found = Image.open(io.BytesIO(server.post("/restore?metadata=strip-gps", body).body))
    assert found.getexif()[0x010F] == "Maker" and not found.getexif().get_ifd(0x8825)
    found = Image.open(io.BytesIO(server.post("/restore?metadata=strip", body).body))
    assert 0x010F not in found.getexif()


def test_grey_alpha_and_16_bits(server):
    for mode in ("L", "RGBA", "LA"):
        image = picture(40, 33, mode=mode)
        assert Image.open(io.BytesIO(server.post("/restore", encoded(image)).body)).mode == mode
    deep = Image.fromarray((numpy.asarray(picture(40, 33, mode="L")).astype(numpy.uint16) * 257))
    assert Image.open(io.BytesIO(server.post("/restore", encoded(deep)).body)).mode == "I;16"


def test_a_form_is_a_picture_with_fields(server):
    body = encoded(picture(40, 30))
    expected = server.post("/restore?strength=0.5", body).body
    for boundary, head in [("xyz", ""), ("a" * 70, "preamble\r\n")]:
        form = (
            f"{head}--{boundary}\r\nContent-Disposition: form-data; name=\"strength\"\r\n\r\n0.5\r\n"
            f"--{boundary}\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"a \\\"b\\\".png\"\r\n"
            "Content-Type: image/png\r\n\r\n").encode() + body + f"\r\n--{boundary}--\r\n".encode()
        answer = server.post("/restore", form, {"Content-Type": f"multipart/form-data; boundary={boundary}"})
        assert answer.status == 200, answer.body
        assert answer.body == expected


def test_curl_sends_forms_and_bodies(server, tmp_path):
    source, result = tmp_path / "p.png", tmp_path / "r.png"
    source.write_bytes(encoded(picture(40, 30)))
    for way in (["-F", f"picture=@{source}"], ["--data-binary", f"@{source}"]):
        subprocess.run(["curl", "-sf", *way, f"{server.url}/restore", "-o", str(result)], check=True)
        assert result.read_bytes() == server.post("/restore", source.read_bytes()).body


@pytest.mark.parametrize("path, body, status, words", [
    ("/restore", b"", 415, "empty"),
    ("/restore", b"no picture at all", 415, "first bytes"),
    ("/restore?strength=2", b"x", 400, "0 to 1"),
    ("/restore?strength=nan", b"x", 400, "0 to 1"),
    ("/restore?quality=0", b"x", 400, "1 to 100"),
    ("/restore?format=exe", b"x", 400, "one of png"),
    ("/restore?colour=red", b"x", 400, "no such parameter"),
    ("/restore?model=denoise&model=restore", b"x", 400, "twice"),
    ("/restore?page=a", b"x", 400, "go together"),
    ("/restore?model=../../etc/passwd", None, 404, "models are"),
    ("/restore?model=/etc/passwd", None, 404, "no such model"),
    ("/explain", b"", 415, "empty"),
    ("/explain?strength=1", b"x", 400, "there is model"),
    ("/explain?model=daair-s5&model=daair-s5", b"x", 400, "twice"),
    ("/explain?model=nothing", None, 404, "no such model"),
    ("/explain?model=restore", None, 422, "no routers"),
    ("/nowhere", b"x", 404, "openapi"),
])
def test_refusals_are_sentences(server, path, body, status, words):
    answer = server.post(path, encoded(picture(20, 20)) if body is None else body)
    assert answer.status == status, answer.body
    assert words in answer.json["error"] and list(answer.json) == ["error"]


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_the_routers_opinion_is_that_of_irrun(server, tmp_path, mode):
    source = tmp_path / "a.png"
    source.write_bytes(encoded(picture(80, 56, mode=mode)))
    answer = server.post("/explain", source.read_bytes())
    assert answer.status == 200, answer.body
    said = subprocess.run([IRRUN, "-m", "daair-s5", "-i", str(source), "--explain"], check=True, capture_output=True, text=True).stdout
    lines = [f"{100 * found['share']:5.1f} %  {found['task']}, chosen by {found['votes']} of {answer.json['routers']} routers"
             for found in answer.json["findings"]]
    assert answer.json["model"] == "daair-s5" and [line.strip() for line in said.splitlines()[1:]] == [line.strip() for line in lines]


def test_a_large_picture_is_explained_in_parts():
    server = Server("--memory", "256M")
    try:
        answer = server.post("/explain", encoded(picture(1600, 1200)))
        assert answer.status == 413 and "--memory" in answer.json["error"]
        assert server.post("/explain", encoded(picture(64, 64))).status == 200
    finally:
        server.stop()


def test_damaged_pictures_are_refused(server):
    whole = encoded(picture(80, 60))
    answer = server.post("/restore", whole[: len(whole) // 2])
    assert answer.status == 415 and answer.json["error"]


def test_a_picture_of_many_pixels_is_refused_by_its_header():
    server = Server("--max-pixels", "5000")
    try:
        answer = server.post("/restore", encoded(picture(100, 51)))
        assert answer.status == 413 and "5000" in answer.json["error"]
        assert server.post("/restore", encoded(picture(100, 50))).status == 200
    finally:
        server.stop()


def test_metrics_and_models(server):
    server.post("/restore", encoded(picture(20, 20)))
    text = server.get("/metrics").body.decode()
    assert 'irserve_restoration_seconds_bucket{model="symunet-s",le="+Inf"}' in text
    assert "# TYPE irserve_request_seconds histogram" in text
    assert server.metric("irserve_memory_promised_bytes") > 0
    models = {model["name"]: model["loaded"] for model in server.get("/models").json["models"]}
    assert models["symunet-s"] and models["restore"] and "daair-s5" in models


def test_the_log_has_a_line_a_request():
    server = Server()
    try:
        server.post("/restore?strength=0.25", encoded(picture(20, 20)))
        server.get("/secret-page")
    finally:
        server.stop()
    lines = [line for line in server.lines() if line["event"] == "request"]
    assert [line["path"] for line in lines[-2:]] == ["/restore", "/secret-page"]
    assert lines[-2]["status"] == "200" and int(lines[-2]["received"]) > 0 and float(lines[-2]["seconds"]) > 0
    assert lines[-1]["status"] == "404" and lines[-1]["error"]
