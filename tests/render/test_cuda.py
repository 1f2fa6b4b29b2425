"""Where gsplat's kernels come from, and what is said where there are none."""

import hashlib
import http.client
import os
import platform
import shutil
import sys
import zipfile
from contextlib import nullcontext
from types import SimpleNamespace

import pytest
import torch

from perse.render import cuda as kernels

PYTHON = f"cp{sys.version_info.major}{sys.version_info.minor}"
TAG = f"{PYTHON}-{PYTHON}-linux_{platform.machine()}"


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """wheel(name of the compiled module, tag) -> path; what is put in front of the path is taken away afterwards."""
    monkeypatch.setattr(sys, "path", list(sys.path))

    def make(module: str, tag: str = TAG):
        path = tmp_path / "gsplat-1.5.3-cp3-linux.whl"
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("gsplat/__init__.py", "")
            file.writestr(f"gsplat/{module}", b"kernels")
            file.writestr("gsplat-1.5.3.dist-info/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n")
        return path

    return make


@pytest.fixture
def card(monkeypatch):
    """As on a machine with a card; nothing is remembered from before, or afterwards."""
    kernels._why_not.cache_clear()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (9, 0))
    yield
    kernels._why_not.cache_clear()


def built_name() -> str:
    """What torch calls the module that gsplat's setup.py asks for: `BuildExtension.with_options(no_python_abi_suffix=True, …)`."""
    from torch.utils import cpp_extension

    build = cpp_extension.BuildExtension.with_options(no_python_abi_suffix=True, use_ninja=False)
    return build(cpp_extension.setuptools.Distribution()).get_ext_filename("gsplat.csrc")


def test_a_wheel_as_gsplat_builds_it_comes_first(wheel):
    name = built_name()
    assert name == "gsplat/csrc.so"
    path, before = wheel(name.removeprefix("gsplat/")), list(sys.path)
    assert kernels.use_wheel(f"{path}#sha256={hashlib.sha256(path.read_bytes()).hexdigest()}") == ""
    assert sys.path[1:] == before and (kernels.Path(sys.path[0]) / name).read_bytes() == b"kernels"


@pytest.mark.parametrize(
    "make, told",
    [
        (lambda wheel: wheel("csrc.so", f"cp27-cp27m-linux_{platform.machine()}"), f"cp27m.*not for {PYTHON}"),
        (lambda wheel: wheel("csrc.so", f"{PYTHON}-{PYTHON}-linux_other"), f"not for {PYTHON} on {platform.machine()}"),
        (lambda wheel: wheel("nothing.py", "py3-none-any"), "no gsplat kernels"),
        (lambda wheel: f"{wheel('a.so')}#sha256={'0' * 64}", "damaged"),
        (lambda wheel: "/nowhere/gsplat.whl", "cannot be read"),
        (lambda wheel: "http://127.0.0.1:9/gsplat.whl", "https"),
        (lambda wheel: "https://127.0.0.1:9/gsplat.whl#sha256=0", "cannot be read"),
        (lambda wheel: "https://127.0.0.1:9/gsplat.whl", "sha256"),
        (lambda wheel: __file__, "cannot be read"),
    ],
)
def test_wheels_that_do_not_serve(wheel, make, told):
    before = list(sys.path)
    answer = kernels.use_wheel(str(make(wheel)))
    assert kernels.re.search(told, answer) and answer.endswith(".") and sys.path == before


def test_a_download_that_breaks_off_is_told(monkeypatch):
    def broken():
        raise http.client.IncompleteRead(b"half")

    answer = nullcontext(SimpleNamespace(read=broken))
    monkeypatch.setattr(kernels.urllib.request, "urlopen", lambda *args, **options: answer)
    assert "cannot be read (IncompleteRead)" in kernels.use_wheel("https://127.0.0.1:9/gsplat.whl#sha256=0")


def test_a_wheel_for_another_torch_is_told_as_such(card, wheel, monkeypatch):
    """Its module is found and does not load: gsplat alone would say that there are no kernels."""
    monkeypatch.setenv(kernels.WHEEL, str(wheel("csrc.so")))
    for name in [name for name in sys.modules if name.split(".")[0] == "gsplat"]:
        monkeypatch.delitem(sys.modules, name)
    try:
        told = kernels.why_not()
    finally:
        for name in [name for name in sys.modules if name.split(".")[0] == "gsplat"]:
            del sys.modules[name]
    assert told.startswith(f"The kernels of {kernels.WHEEL} do not load with torch {torch.__version__} (") and "build them" in told


def test_what_a_compiler_says_is_told(card, monkeypatch):
    class Backend:
        def __getattr__(self, name):
            if name == "__path__":
                raise AttributeError(name)
            raise RuntimeError(
                "Error building extension 'gsplat_cuda': [1/9] nvcc …\n/a/b.cu(3): error: c/d.h: no such thing\n1 error detected"
            )

    monkeypatch.delenv(kernels.WHEEL, raising=False)
    monkeypatch.delenv("TORCH_CUDA_ARCH_LIST", raising=False)
    monkeypatch.setitem(sys.modules, "gsplat.cuda._backend", Backend())
    told = kernels.why_not()
    assert "(RuntimeError: b.cu(3): error: c/d.h: no such thing)" in told and "\n" not in told
    assert os.environ.pop("TORCH_CUDA_ARCH_LIST") == "9.0"


def test_the_ninja_beside_the_interpreter_is_found(monkeypatch):
    """`.venv/bin/python app.py` does not put .venv/bin on the PATH, and torch asks a shell for ninja."""
    monkeypatch.setenv("PATH", "/nowhere")
    assert shutil.which("ninja") is None
    kernels._offer_ninja()
    assert shutil.which("ninja") == str(kernels.Path(sys.executable).parent / "ninja") and os.environ["PATH"].endswith("/nowhere")


@pytest.mark.parametrize(
    "driver, built, said, told",
    [
        (False, True, "", kernels.NO_CARD),
        (True, False, "", "build without CUDA"),
        (True, True, "The NVIDIA driver on your system is too old (found version 12080). Please update", "too old for torch .* update it"),
        (True, True, "No CUDA GPUs are available", "cannot use .No CUDA GPUs are available.[.]"),
        (True, True, "", "hidden"),
    ],
)
def test_why_torch_sees_no_card(monkeypatch, tmp_path, driver, built, said, told):
    def init():
        if said:
            raise RuntimeError(said)

    monkeypatch.setattr(kernels, "DRIVER", tmp_path if driver else tmp_path / "nothing")
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: built)
    monkeypatch.setattr(torch.cuda, "init", init)
    assert kernels.re.search(told, kernels._no_card())


def test_a_machine_without_kernels_says_why(card, monkeypatch):
    monkeypatch.setenv(kernels.WHEEL, "/nowhere/gsplat.whl")
    assert "cannot be read" in kernels.why_not()
    if not (kernels.DRIVER.exists()):
        kernels._why_not.cache_clear()
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        assert kernels.why_not() == kernels.NO_CARD


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_kernels_run_here():
    assert kernels.why_not() == ""
