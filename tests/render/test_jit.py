"""Kernels run where nothing can be kept on disk; they are kept where it can."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
KERNEL = "from perse.render.jit import compiled\n\n\n@compiled(parallel=True)\ndef double(x):\n    return 2 * x\n"


@pytest.mark.parametrize("place", ["good", "nowhere", "taken away"])
def test_a_kernel_runs_whatever_the_disk(tmp_path, place):
    (tmp_path / "kernel.py").write_text(KERNEL)
    kept = tmp_path / "kept"
    if place == "nowhere":  # neither beside the source nor in the person's cache nor where the variable says
        (tmp_path / "__pycache__").write_text("no folder")
    run = "import kernel\n" + (
        f"import shutil; shutil.rmtree({str(kept)!r}); open({str(kept)!r}, 'w').close()\n" if place == "taken away" else ""
    )
    env = os.environ | {
        "PYTHONPATH": f"{ROOT}:{tmp_path}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": "/dev/null",
        "XDG_CACHE_HOME": "/dev/null",
        "NUMBA_CACHE_DIR": "/dev/null/x" if place == "nowhere" else str(kept),
    }
    done = subprocess.run([sys.executable, "-c", run + "print(kernel.double(21))"], env=env, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == "42\n", done.stderr
    assert len(list(kept.rglob("*.nbc"))) == (place == "good")
