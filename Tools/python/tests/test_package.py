import subprocess
import sys
from importlib import metadata

import pytest

import irkit


def test_has_one_version():
    assert irkit.__version__ == metadata.version("irkit")


def test_is_typed():
    files = {str(file) for file in metadata.files("irkit")}
    assert "irkit/py.typed" in files and "irkit/_interface.py" in files


@pytest.mark.parametrize("name", ["irkit", "irkit-models"])
def test_states_its_licences(name):
    """That of the project, and those of what the wheel holds of others."""
    texts = {file.name: file.read_text() for file in metadata.files(name) if file.name in ("LICENSE", "NOTICE")}
    assert "Apache License" in texts["LICENSE"] and "protobuf-c authors" in texts["NOTICE"]


def test_imports_no_more_than_it_needs():
    """NumPy, Pillow, ONNX and parsers of C are for those who use them."""
    code = "import sys, irkit; print(*(m for m in ('numpy', 'PIL', 'onnx', 'pycparser', 'ml_dtypes') if m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split() == []


def test_has_what_it_names():
    for name in irkit.__all__:
        assert getattr(irkit, name) is getattr(irkit, name) and name in dir(irkit)
    with pytest.raises(AttributeError, match="Sessions"):
        irkit.Sessions
    code = "from irkit import *; print(restore.__module__, InferenceSession.__module__)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.split() == ["irkit._restoration", "irkit._session"]
