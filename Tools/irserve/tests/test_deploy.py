"""Manifests against the schemas of Kubernetes and of KServe, and against the server's own options and paths."""
import json
import pathlib
import re
import subprocess
import sys

import kubernetes_validate
import pytest
import yaml

from conftest import PROGRAM, ROOT

FOLDER = ROOT / "Tools/irserve/deploy"


def documents(name):
    return list(yaml.safe_load_all((FOLDER / name).read_text()))


def test_the_deployment_is_kubernetes():
    for document in documents("deployment.yaml"):
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)


def test_services_set_no_variables():
    """A Service of the name irserve would set IRSERVE_PORT=tcp://…, which the server reads as its port."""
    assert documents("deployment.yaml")[0]["spec"]["template"]["spec"]["enableServiceLinks"] is False
    assert documents("kserve.yaml")[0]["spec"]["predictor"]["enableServiceLinks"] is False


@pytest.fixture(scope="module")
def models():
    script = pathlib.Path(__file__).with_name("kserve_models.py")
    return json.loads(subprocess.run([sys.executable, script], capture_output=True, text=True, check=True).stdout)


def check(document, kind, models):
    """Holds a part of a manifest against kserve's model of this name, and what is in it."""
    types = models.get(kind)
    if types is None:
        return
    assert set(document) <= set(types), f"{kind} has no {set(document) - set(types)}"
    for key, value in document.items():
        inner = types[key]
        if inner.startswith("list["):
            for item in value:
                check(item, inner[5:-1], models)
        elif isinstance(value, dict):
            check(value, inner, models)


def test_the_inference_service_is_kserves(models):
    (document,) = documents("kserve.yaml")
    # Kinds that are Kubernetes' own are passed over; these are not.
    for kind in ("V1beta1InferenceService", "V1beta1InferenceServiceSpec", "V1beta1PredictorSpec"):
        assert kind in models
    check(document, "V1beta1InferenceService", models)
    with pytest.raises(AssertionError):
        check({"spec": {"predictor": {"replicas": 1}}}, "V1beta1InferenceService", models)
    # What KServe takes over is Kubernetes' own.
    predictor = document["spec"]["predictor"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"containers": predictor["containers"]}}
    kubernetes_validate.validate(pod, kubernetes_validate.latest_version(), strict=True)


@pytest.mark.parametrize("name", ["deployment.yaml", "kserve.yaml"])
def test_variables_and_paths_are_the_servers(server, name):
    text = (FOLDER / name).read_text()
    help_text = subprocess.run([PROGRAM, "--help"], capture_output=True, text=True, check=True).stdout
    for variable in re.findall(r"IRSERVE_(\w+)", text):
        assert f"--{variable.lower().replace('_', '-')} " in help_text
    for path in re.findall(r"path: (/[\w/]+), port", text):
        assert server.get(path).status == 200
