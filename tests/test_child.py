"""The child process for strangers' files: what it may use, what its parent believes, and that it never outlives it."""

import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from perse.child import Broken, Child, Limits
from perse.errors import BuildCancelled, PerseError

PATIENCE = 120  # seconds until a child that should be gone is called left behind


@pytest.fixture
def worker(tmp_path):
    """worker(code): a worker whose `work` is this code."""

    def write(code: str) -> Path:
        path = tmp_path / "worker.py"
        path.write_text("def work(job, file, send):\n" + textwrap.indent(textwrap.dedent(code), "    "))
        return path

    return write


def gone(pid: int) -> bool:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_messages_arrive_in_order_and_then_none(worker, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"from a path")
    echo = worker("print('chatter')\nfor k in range(3): send({'k': k, **job}, file.read(4), b'!')")
    for source in (path.read_bytes(), path.open("rb")):
        with Child(echo, {"a": [1]}, source) as child:
            got = [child.read(10) for _ in range(4)]
        assert got == [({"k": 0, "a": [1]}, b"from!"), ({"k": 1, "a": [1]}, b" a p!"), ({"k": 2, "a": [1]}, b"ath!"), None]


def test_its_refusal_is_the_parents(worker):
    code = "from perse.errors import PerseError\nraise PerseError('No, thanks.')"
    with Child(worker(code), {}, b"") as child, pytest.raises(PerseError, match="^No, thanks.$"):
        child.read(1)


@pytest.mark.parametrize(
    "code",
    [
        "raise KeyError('x')",
        "import os; os._exit(0)",
        "import os; os._exit(3)",
        "import os; os.kill(os.getpid(), 11)",
        "bytearray(3 << 30)",
        "import os\nwhile True: os.getpid()",
        "open('FOLDER/x', 'w', buffering=1).write('x\\n')",
        "send({}, bytes(101))",
        "send({'a': 'b' * (2 << 20)})",
        "while True: open('/dev/null').close() or files.append(open('/dev/null'))",
    ],
)
def test_crashes_limits_and_nonsense_end_in_one_way(worker, tmp_path, code):
    code = "files = []\n" + code.replace("FOLDER", str(tmp_path))
    with Child(worker(code), {}, b"", Limits(memory=1 << 30, cpu=1, files=16)) as child:
        pid = child._process.pid
        if "exit(0)" in code:
            assert child.read(100) is None
        else:
            with pytest.raises(Broken):
                child.read(100)
    assert gone(pid) and not any(path.stat().st_size for path in tmp_path.glob("x"))


@pytest.mark.parametrize(
    "said", [b"", b"\1\0\0\0" + bytes(8) + b"{", b"\2\0\0\0" + bytes(8) + b"[]", b"\xff" * 12, b"\2\0\0\0\5" + bytes(7) + b"{}ab"]
)
def test_bytes_that_are_no_message(worker, said):
    """A decoder that a file has taken over may write what it likes."""
    code = f"import os\nfor n in range(3, 9):\n    try: os.write(n, {said!r})\n    except OSError: pass\nos._exit(1)"
    with Child(worker(code), {}, b"") as child, pytest.raises(Broken):
        child.read(100)


def test_it_knows_nothing_of_its_parents_surroundings(worker, monkeypatch):
    monkeypatch.setenv("A_SECRET", "1")
    with Child(worker("import os; send(dict(os.environ), os.getcwd().encode())"), {}, b"") as child:
        names, folder = child.read(100)
    assert "A_SECRET" not in names and "HOME" not in names and folder == b"/"


def test_cancelling_ends_it_in_the_middle_of_its_work(worker):
    with Child(worker("while True: pass"), {}, b"", cancelled=lambda: True) as child:
        pid = child._process.pid
        with pytest.raises(BuildCancelled):
            child.read(1)
    assert gone(pid)


def test_a_dropped_child_ends(worker):
    child = Child(worker("while True: pass"), {}, b"")
    pid = child._process.pid
    del child
    assert gone(pid)


def test_it_dies_with_its_parent_even_where_no_python_runs(worker):
    """The parent is killed; the child is inside one call that holds the interpreter's lock."""
    path = worker("send({})\n(10 ** 6) ** (10 ** 7)")
    code = f"from perse.child import Child\nc = Child({str(path)!r}, {{}}, b'')\nc.read(1)\nprint(c._process.pid, flush=True)\ninput()"
    parent = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1])
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdin.close()
    parent.stdout.close()
    assert gone(pid)


def test_no_room_for_a_process_is_a_sentence(worker, monkeypatch):
    def full(*_, **__):
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", full)
    with pytest.raises(PerseError, match="in a minute"):
        Child(worker("pass"), {}, b"")
