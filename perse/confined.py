"""The child's half of `child.py`: a script that needs nothing but Python, so that it starts in a few milliseconds."""

import json
import os
import select
import struct
import sys
from contextlib import suppress

_LENGTHS = struct.Struct("<IQ")


def _confine(limits: dict) -> None:
    import resource

    wanted = {
        "RLIMIT_AS": limits["memory"],
        "RLIMIT_CPU": limits["cpu"],
        "RLIMIT_NOFILE": limits["files"],
        "RLIMIT_CORE": 0,
        "RLIMIT_FSIZE": 0,
    }
    for name, value in wanted.items():
        with suppress(AttributeError, ValueError, OSError):  # a system that has no such limit, or already a lower one
            resource.setrlimit(getattr(resource, name), (value, value))


def _end_with_parent(leash: int) -> None:
    """The kernel ends this process when the parent's end of the leash closes, also in the middle of a decoder's loop."""
    import fcntl
    import signal

    with suppress(AttributeError, OSError):
        signal.signal(signal.SIGIO, signal.SIG_DFL)
        fcntl.fcntl(leash, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(leash, fcntl.F_SETFL, fcntl.fcntl(leash, fcntl.F_GETFL) | os.O_ASYNC)
    if select.select([leash], [], [], 0)[0]:
        os._exit(1)  # it has closed before the kernel was asked to tell


def _send(out: int, head: dict, *payload) -> None:
    data = json.dumps(head).encode()
    buffers = [memoryview(part).cast("B") for part in payload]
    for part in (_LENGTHS.pack(len(data), sum(map(len, buffers))) + data, *buffers):
        part = memoryview(part)
        while len(part):
            part = part[os.write(out, part) :]


def _serve(leash: int) -> None:
    task = b""
    while not task.endswith(b"\n"):
        if not (part := os.read(leash, 1 << 16)):
            os._exit(1)
        task += part
    task = json.loads(task)
    _end_with_parent(leash)
    # What libraries print is not for the parent.
    out = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.path[:] = task["path"]
    import importlib.util

    spec = importlib.util.spec_from_file_location("worker", task["worker"])
    worker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(worker)
    from perse.errors import PerseError as Refused

    _confine(task["limits"])
    try:
        worker.work(task["job"], sys.stdin.buffer, lambda *message: _send(out, *message))
    except Refused as error:
        _send(out, {"refused": str(error)})
    except BaseException as error:
        _send(out, {"failed": f"{type(error).__name__}: {error}"[:200]})
    os._exit(0)  # nothing needs tidying, and libraries that the file has confused shall not try


if __name__ == "__main__":
    _serve(int(sys.argv[1]))
