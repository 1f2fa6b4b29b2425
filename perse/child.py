"""A stranger's file is decoded in a child process that has limited means, no surroundings and ends with its parent.

The child (`confined.py`) runs a worker: a Python file that stands alone (it may import `perse.errors` and what is installed) and defines

    work(job: dict, file, send) -> None       file: the stranger's file, open for reading; send(head: dict, *payload buffers)

What it sends arrives at the parent as messages, one at a time. The parent believes nothing that a message says beyond its limits.
"""

import json
import os
import select
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from perse.errors import BuildCancelled, PerseError

CONFINED = Path(__file__).with_name("confined.py")
MAX_HEAD = 1 << 20  # bytes of a message's JSON
PIPE = 1 << 20  # bytes; the usual 64 KiB cost a switch of processes each
ASK_EVERY = 0.1  # seconds between two looks at `cancelled`
_LENGTHS = struct.Struct("<IQ")


@dataclass(frozen=True)
class Limits:
    """memory: bytes of address space, libraries included (a bare decoder with numpy needs 0.4 GB); cpu: seconds of processor time, of all
    threads together; files: descriptors, its pipes included."""

    memory: int = 2 << 30
    cpu: int = 60
    files: int = 32


class Broken(Exception):
    """The child crashed, met a limit, or said what makes no sense."""


class Child:
    """A running child, as a context: it is killed at the latest when the block ends or the object is dropped.

        with Child(worker, {"side": 3200}, file) as child:
            while (message := child.read(most=50_000_000)) is not None:
                head, payload = message

    Args:
        worker: path of the Python file that works.
        job: JSON that it gets; below 32 KiB.
        file: an open regular file, from its beginning, or bytes.
        limits: what the child may use.
        cancelled: asked while the parent waits; True kills the child and raises BuildCancelled.

    Raises PerseError if the machine has no room for another process.
    """

    def __init__(self, worker: str | Path, job: dict, file, limits: Limits = Limits(), cancelled: Callable[[], bool] = lambda: False):
        self._cancelled = cancelled
        self._process = None
        held, self._leash = os.pipe()
        source = _in_memory(file) if isinstance(file, (bytes, bytearray, memoryview)) else file
        try:
            # Paths are handed over instead of looked up: no site hooks, no surroundings.
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(CONFINED), str(held)],
                stdin=source,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=(held,),
                cwd="/",
                bufsize=0,
                env=_surroundings(),
            )
            _enlarge(self._process.stdout.fileno())
            task = {"worker": str(worker), "job": job, "limits": asdict(limits), "path": [os.path.abspath(entry) for entry in sys.path]}
            os.write(self._leash, json.dumps(task).encode() + b"\n")
        except BaseException as error:
            self.close()
            if isinstance(error, OSError):
                raise PerseError("There is no room here to open another file: please try again in a minute.") from error
            raise
        finally:
            os.close(held)
            if source is not file:
                source.close()

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def __del__(self) -> None:
        with suppress(Exception):
            self.close()

    def close(self) -> None:
        """Kill the child if it still runs, and forget it."""
        if self._leash is not None:
            os.close(self._leash)
            self._leash = None
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.stdout.close()
            process.wait()

    def read(self, most: int) -> tuple[dict, bytearray] | None:
        """The next message; None when the child has ended well.

        most: bytes of payload that the parent accepts. Raises Broken, BuildCancelled, and PerseError with the worker's own sentence.
        """
        lengths = self._exactly(_LENGTHS.size, may_end=True)
        if not lengths:
            # The pipe closes a moment before the process is gone.
            if (code := self._process.wait()) != 0:
                raise Broken(f"it ended with {code}")
            return None
        head_length, length = _LENGTHS.unpack(lengths)
        if head_length > MAX_HEAD or length > most:
            raise Broken(f"it sends {head_length} + {length} bytes")
        try:
            head = json.loads(self._exactly(head_length))
        except ValueError as error:
            raise Broken("it sends no JSON") from error
        payload = self._exactly(length)
        if not isinstance(head, dict):
            raise Broken("it sends no JSON object")
        if "refused" in head:
            raise PerseError(str(head["refused"]))
        if "failed" in head:
            raise Broken(str(head["failed"]))
        return head, payload

    def _exactly(self, count: int, may_end: bool = False) -> bytearray:
        buffer = bytearray(count)
        view, filled = memoryview(buffer), 0
        descriptor = self._process.stdout.fileno()
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        asked = time.monotonic()
        while filled < count:
            if not poll.poll(ASK_EVERY * 1000) or time.monotonic() - asked > ASK_EVERY:
                asked = time.monotonic()
                if self._cancelled():
                    self.close()
                    raise BuildCancelled()
                continue
            got = os.readv(descriptor, [view[filled:]])
            if not got:
                if may_end and not filled:
                    return bytearray()
                raise Broken("it broke off")
            filled += got
        return buffer


def _surroundings() -> dict[str, str]:
    """The child's environment: where its libraries lie, and one thread for each of those that numpy would start."""
    kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT") if name in os.environ}
    return {**kept, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "2"}


def _in_memory(data):
    """A file without a name that holds these bytes."""
    file = open(os.memfd_create("upload"), "w+b") if hasattr(os, "memfd_create") else tempfile.TemporaryFile()
    file.write(data)
    file.seek(0)
    return file


def _enlarge(descriptor: int) -> None:
    with suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE)
