"""gsplat's CUDA kernels: here already, compiled on first use, taken from a prebuilt wheel, or not to be had."""

import atexit
import hashlib
import importlib
import io
import logging
import os
import platform
import re
import shutil
import sys
import tempfile
import threading
import urllib.request
import zipfile
import zlib
from functools import cache
from http.client import HTTPException
from pathlib import Path

import torch
from filelock import FileLock

from ..gpu import ON_ZERO

_lock = threading.Lock()
WHEEL = "PERSE_GSPLAT_WHEEL"
NO_CARD = "There is no GPU here."
DRIVER = Path("/proc/driver/nvidia/version")  # there wherever NVIDIA's driver is, in containers, too
log = logging.getLogger(__name__)


def why_not() -> str:
    """ "" if gsplat renders on this machine's GPU, else one sentence that says why it does not. Minutes, where nvcc compiles."""
    with _lock:
        return _why_not()


@cache
def _why_not() -> str:
    if not torch.cuda.is_available():
        return _no_card()
    wheel = os.environ.get(WHEEL, "")
    if wheel and (told := use_wheel(wheel) or _try_wheel()):
        return told
    _offer_ninja()
    # For the card that is here, not for all that torch knows: this compiles in minutes, not in half an hour.
    os.environ.setdefault("TORCH_CUDA_ARCH_LIST", ".".join(str(n) for n in torch.cuda.get_device_capability()))
    try:
        with FileLock(Path(tempfile.gettempdir()) / f"perse-gsplat-{os.getuid()}.lock"):  # one process compiles, the others wait for it
            from gsplat.cuda._backend import _C
    except Exception as error:  # noqa: BLE001  (compilers and linkers fail in many ways, and none may take the page down)
        log.warning("gsplat's kernels cannot be loaded", exc_info=True)  # a compiler's own words are pages
        return f"gsplat's kernels cannot be loaded here ({type(error).__name__}: {_telling_line(error)})."
    if _C is None:
        return f"gsplat's kernels are not built for this machine: it has no nvcc, and {WHEEL} names no wheel."
    return "" if ON_ZERO else _try()  # on ZeroGPU there is no card to try them on; a fit that fails there is done on the CPU


def _no_card() -> str:
    """Why torch sees no card: there is none, or there is one that this torch cannot use."""
    if not DRIVER.exists():
        return NO_CARD
    if not torch.backends.cuda.is_built():
        return f"There is a GPU here, but torch {torch.__version__} is a build without CUDA."
    try:
        torch.cuda.init()
        return "There is a GPU here, but it is hidden from this program."  # by CUDA_VISIBLE_DEVICES, say
    except RuntimeError as error:
        if "too old" in str(error):
            return (
                f"The NVIDIA driver here is too old for torch {torch.__version__}, which needs one for CUDA {torch.version.cuda}: "
                "update it, or install torch's build for an older CUDA."
            )
        return f"There is a GPU here that torch cannot use ({_telling_line(error)})."


def _offer_ninja() -> None:
    """Put the folder of this interpreter on the PATH, where nothing else does: the `ninja` that torch compiles with lies there."""
    if shutil.which("ninja") is None:
        os.environ["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))


def _telling_line(error: BaseException) -> str:
    """The line of an error that says most, without a full stop and without folders, which are nobody's business: the first one in which a
    compiler says "error", else the first."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    told = next((line for line in lines if re.search(r"\berror: ", line)), lines[0])
    return re.sub(r"(?<![^\s('\"])/[^\s:]*/", "", told)[:200].rstrip(".")


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
        return f"gsplat's kernels do not run on this card ({_telling_line(error)})."
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
    except (OSError, ValueError, RuntimeError, EOFError, HTTPException, zipfile.BadZipFile, zlib.error) as error:
        return f"The wheel of {WHEEL} cannot be read ({type(error).__name__})."
    # gsplat builds its kernels without the suffix that would name a Python: that is told by the wheel's own tags.
    tags = [
        line
        for file in folder.glob("*.dist-info/WHEEL")
        for line in re.findall(r"^Tag: *(\S+)", file.read_text("utf-8", "replace"), re.MULTILINE)
    ]
    if not tags or not any((folder / "gsplat").glob("csrc*.so")):
        return f"The wheel of {WHEEL} holds no gsplat kernels."
    here = f"cp{sys.version_info.major}{sys.version_info.minor}"
    if not any(tag.split("-")[0] == here and tag.endswith(platform.machine()) for tag in tags):
        return f"The wheel of {WHEEL} is for {', '.join(tags)}, not for {here} on {platform.machine()}."
    sys.path.insert(0, str(folder))
    return ""


def _try_wheel() -> str:
    """Load the kernels of the wheel; gsplat itself would only say that there are none."""
    try:
        importlib.import_module("gsplat.csrc")
    except ImportError as error:
        return f"The kernels of {WHEEL} do not load with torch {torch.__version__} ({_telling_line(error)}): build them with it."
    return ""
