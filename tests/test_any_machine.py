"""Whatever language, home, library or temporary folder a machine has: the program runs, or says in a sentence what it needs."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from perse.errors import PerseError
from perse.files import own_folder
from perse.ui.visits_folder import claim_root

ROOT = Path(__file__).parents[1]
SOURCES = [ROOT / "app.py", *sorted((ROOT / "perse").rglob("*.py"))]
# A terminal and files of ASCII, though Python would rather have UTF-8: what it does by itself where a locale is another.
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
SERIAL = "import sys; sys.modules['numba.np.ufunc.omppool'] = None\n"  # as if libgomp were missing
KERNEL = """import numpy as np, numba
from perse.render.jit import compiled

@compiled(parallel=True)
def total(x):
    out = np.zeros(len(x))
    for i in numba.prange(len(x)):
        out[i] = x[i] + 1
    return out.sum()
"""


def python(code: str, **environment) -> subprocess.CompletedProcess:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"} | environment
    return subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, encoding="utf-8", errors="replace")


def opens_text(call: ast.Call) -> bool:
    """Whether a call reads or writes text by the machine's own encoding."""
    if any(k.arg == "encoding" or k.arg is None for k in call.keywords):
        return False
    if isinstance(call.func, ast.Attribute) and call.func.attr in ("read_text", "write_text"):
        return len(call.args) <= (call.func.attr == "write_text")
    if isinstance(call.func, ast.Name) and call.func.id == "open":
        mode = call.args[1] if len(call.args) > 1 else next((k.value for k in call.keywords if k.arg == "mode"), None)
        return not (isinstance(mode, ast.Constant) and "b" in mode.value)
    return False


def test_no_text_depends_on_the_language_of_the_machine():
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and opens_text(node)
    ]
    assert not found
    assert [
        opens_text(ast.parse(code).body[0].value) for code in ("p.read_text()", "open(p)", "open(p, 'rb')", "p.write_text(x, 'utf-8')")
    ] == [True, True, False, False]


def test_scripts_styles_and_help_are_read_and_printed_in_a_plain_locale():
    done = python("from perse.ui import html_pieces; print(ascii(html_pieces.head()[-20:]))", **ASCII)
    assert done.returncode == 0, done.stderr
    done = python("from perse.cli import main; main(['info', 'F\\xfc.safetensors'])", **ASCII)
    assert "Traceback" not in done.stderr and done.stderr.startswith("perse: ")


@pytest.mark.parametrize("taken", ["by a file", "by a link", "for everybody"])
def test_a_folder_that_is_not_ones_own_is_left_alone(tmp_path, monkeypatch, taken):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    mine = own_folder("perse")
    assert mine is not None and mine.stat().st_mode & 0o077 == 0 and own_folder("perse") == mine
    mine.rmdir()
    if taken == "by a file":
        mine.touch()
    elif taken == "by a link":
        (tmp_path / "elsewhere").mkdir()
        mine.symlink_to(tmp_path / "elsewhere")
    else:
        mine.mkdir()
        mine.chmod(0o777)
    assert own_folder("perse") is None
    root = claim_root()  # visitors' files go to another folder
    assert root.is_dir() and not root.is_relative_to(mine.resolve()) and root.stat().st_mode & 0o077 == 0


def test_an_owners_folder_that_cannot_be_written_is_told_in_a_sentence(tmp_path):
    (tmp_path / "taken").touch()
    with pytest.raises(PerseError, match="GRADIO_TEMP_DIR"):
        claim_root(tmp_path / "taken")


@pytest.mark.parametrize("start", ["", SERIAL], ids=["openmp", "no openmp"])
def test_kernels_are_kept_without_a_home_and_run_without_openmp(tmp_path, start):
    """Neither beside the source nor at home there is room: then among the temporary files. What runs on one core is kept apart."""
    source = tmp_path / "source"
    source.mkdir()
    (source / "kernel.py").write_text(KERNEL, encoding="utf-8")
    (source / "__pycache__").write_text("no folder", encoding="utf-8")
    nowhere = {"HOME": "/dev/null", "XDG_CACHE_HOME": "/dev/null", "NUMBA_CACHE_DIR": "", "TMPDIR": str(tmp_path)}
    code = f"{start}import sys; sys.path.append({str(source)!r}); import kernel, numpy; print(kernel.total(numpy.ones(3)))"
    done = python(code, **nowhere)
    assert done.returncode == 0 and done.stdout == "6.0\n", done.stderr
    assert ("libgomp" in done.stderr) == bool(start)
    kept = [path.name for path in tmp_path.glob("perse-kernels*/**/*.nbi")]
    assert len(kept) == 1 and ("one-core" in kept[0]) == bool(start)
