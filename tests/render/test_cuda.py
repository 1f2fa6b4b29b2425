"""Where gsplat's kernels come from, and what is said where there are none."""

import hashlib
import sys
import zipfile

import pytest
import torch

from perse.render import cuda as kernels

TAG = f"cpython-{sys.version_info.major}{sys.version_info.minor}"


@pytest.fixture
def wheel(tmp_path, monkeypatch):
    """wheel(name of the compiled module) -> path; what is put in front of the path is taken away afterwards."""
    monkeypatch.setattr(sys, "path", list(sys.path))

    def make(module: str):
        path = tmp_path / "gsplat-1.5.3-cp3-linux.whl"
        with zipfile.ZipFile(path, "w") as file:
            file.writestr("gsplat/__init__.py", "")
            file.writestr(f"gsplat/{module}", b"kernels")
        return path

    return make


def test_a_wheel_for_this_python_comes_first(wheel):
    path, before = wheel(f"csrc.{TAG}-x86_64-linux-gnu.so"), list(sys.path)
    assert kernels.use_wheel(f"{path}#sha256={hashlib.sha256(path.read_bytes()).hexdigest()}") == ""
    assert sys.path[1:] == before and (kernels.Path(sys.path[0]) / "gsplat" / f"csrc.{TAG}-x86_64-linux-gnu.so").read_bytes() == b"kernels"


@pytest.mark.parametrize(
    "make, told",
    [
        (lambda wheel: wheel("csrc.cpython-27-x86_64-linux-gnu.so"), "no gsplat kernels for Python"),
        (lambda wheel: wheel("nothing.py"), "no gsplat kernels"),
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
    assert told in answer and answer.endswith(".") and sys.path == before


def test_a_machine_without_kernels_says_why(monkeypatch):
    kernels._why_not.cache_clear()
    try:
        if not torch.cuda.is_available():
            assert kernels.why_not() == "There is no GPU here."
        kernels._why_not.cache_clear()
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setenv(kernels.WHEEL, "/nowhere/gsplat.whl")
        assert "cannot be read" in kernels.why_not()
    finally:
        monkeypatch.undo()
        kernels._why_not.cache_clear()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_kernels_run_here():
    assert kernels.why_not() == ""
