"""gsplat's CUDA kernels: here already, compiled on first use, taken from a prebuilt wheel, or not to be had."""

import atexit
import hashlib
import io
import os
import shutil
import sys
import tempfile
import threading
import urllib.request
import zipfile
from functools import cache
from pathlib import Path

import torch
from filelock import FileLock

from ..gpu import ON_ZERO

_lock = threading.Lock()
WHEEL = "PERSE_GSPLAT_WHEEL"


def why_not() -> str:
    """ "" if gsplat renders on this machine's GPU, else one sentence that says why it does not. Minutes, where nvcc compiles."""
    with _lock:
        return _why_not()


@cache
def _why_not() -> str:
    if not torch.cuda.is_available():
        return "There is no GPU here."
    if (wheel := os.environ.get(WHEEL)) and (told := use_wheel(wheel)):
        return told
    # For the card that is here, not for all that torch knows: this compiles in minutes, not in half an hour.
    os.environ.setdefault("TORCH_CUDA_ARCH_LIST", ".".join(str(n) for n in torch.cuda.get_device_capability()))
    try:
        with FileLock(Path(tempfile.gettempdir()) / f"perse-gsplat-{os.getuid()}.lock"):  # one process compiles, the others wait for it
            from gsplat.cuda._backend import _C
    except Exception as error:  # noqa: BLE001  (compilers and linkers fail in many ways, and none may take the page down)
        return f"gsplat's kernels cannot be loaded here ({type(error).__name__})."
    if _C is None:
        return f"gsplat's kernels are not built for this machine: it has no nvcc, and {WHEEL} names no wheel."
    return "" if ON_ZERO else _try()  # on ZeroGPU there is no card to try them on; a fit that fails there is done on the CPU


def _try() -> str:
    """Render one Gaussian: kernels that were built for another card load, and fail only here."""
    from gsplat import rasterization

    try:
        one, eye = torch.ones(1, device="cuda"), torch.eye(3, device="cuda")[None]
        rasterization(
            torch.tensor([[0.0, 0.0, 2.0]], device="cuda"),
            torch.tensor([[1.0, 0, 0, 0]], device="cuda"),
            one.expand(1, 3),
            one,
            one.expand(1, 3),
            viewmats=torch.eye(4, device="cuda")[None],
            Ks=eye,
            width=16,
            height=16,
        )
        torch.cuda.synchronize()
    except RuntimeError as error:
        return f"gsplat's kernels do not run on this card ({str(error).splitlines()[0]})."
    return ""


def use_wheel(source: str) -> str:
    """Put a gsplat wheel with compiled kernels in front of the installed gsplat, without installing it.

    source: a path, or an https address with `#sha256=…` at its end, which is checked. Returns "" or one sentence that says what is wrong.
    """
    where, _, check = source.partition("#sha256=")
    try:
        if "://" in where:
            if not where.startswith("https://"):
                return f"{WHEEL} must be a path or an https address."
            if not check:  # code that comes from elsewhere runs here
                return f"{WHEEL} must end in #sha256=… if it is an address: what comes from elsewhere is checked."
            with urllib.request.urlopen(where, timeout=60) as answer:
                data = answer.read()
        else:
            data = Path(where).read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        if check and check.lower() != digest:
            return f"The wheel of {WHEEL} is damaged: its SHA-256 is {digest}."
        folder = Path(tempfile.mkdtemp(prefix="perse-gsplat-"))
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        with zipfile.ZipFile(io.BytesIO(data)) as wheel:
            wheel.extractall(folder)
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        return f"The wheel of {WHEEL} cannot be read ({type(error).__name__})."
    tag = f"cpython-{sys.version_info.major}{sys.version_info.minor}"
    if not any(tag in path.name for path in (folder / "gsplat").glob("csrc*.so")):
        return f"The wheel of {WHEEL} holds no gsplat kernels for Python {sys.version_info.major}.{sys.version_info.minor}."
    sys.path.insert(0, str(folder))
    return ""
