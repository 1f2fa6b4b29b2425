"""Work in a fresh interpreter, on the CPU: what must not touch this process, or is not to be touched by what this process has become.

On ZeroGPU the app's process believes in a card that is not there (`gpu.py`): whatever learns on the CPU learns here.

    python -m perse.apart       what runs; it ends when its standard input does
"""

import io
import os
import pickle
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

_LENGTH = struct.Struct("<Q")


def apart(task: Callable[..., Iterator], *args) -> Iterator:
    """What `task(*args)` yields, in a process of its own, which ends when the iterator is closed.

    task: a module-level generator function; arguments and what it yields are pickled and cross through pipes of our own. Raises what the task
    raises, and RuntimeError if the process dies.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "perse.apart"],
        cwd=Path(__file__).parent.parent,
        env=without_loans() | {"CUDA_VISIBLE_DEVICES": ""},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        _send(process.stdin, (task, args))
        while (message := _receive(process.stdout)) is not None:
            kind, value = message
            if kind == "failed":
                raise value
            if kind == "done":
                return
            yield value
        raise RuntimeError(f"the process that did the work apart ended with {process.wait()}")
    except BrokenPipeError:
        raise RuntimeError(f"the process that did the work apart ended with {process.wait()}") from None
    finally:
        process.kill()
        process.stdout.close()
        try:
            process.stdin.close()
        except BrokenPipeError:
            pass
        process.wait()


class _Pickler(pickle.Pickler):
    def reducer_override(self, thing: Any) -> Any:
        # `spaces` puts a class of its own in the place of torch.device, which a process that knows nothing of it would have to import.
        if type(thing).__module__ == "torch" and type(thing).__qualname__ == "device":
            return _device, (str(thing),)
        return NotImplemented


def _device(name: str) -> Any:
    import torch

    return torch.device(name)


def pack(thing: Any) -> bytes:
    """Anything of this program's own as bytes, for another of its processes, or for later."""
    data = io.BytesIO()
    _Pickler(data).dump(thing)
    return data.getvalue()


def unpack(data: bytes) -> Any:
    """What `pack` was given; nothing that came from elsewhere may come here."""
    return pickle.loads(data)


def without_loans() -> dict[str, str]:
    """This process's environment for one that shall not hear of ZeroGPU."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("SPACES_ZERO_", "ZEROGPU_"))}


def _send(pipe: IO[bytes], message: Any) -> None:
    data = pack(message)
    pipe.write(_LENGTH.pack(len(data)))
    pipe.write(data)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> Any:
    """The next message; None where there is none any more."""
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    return unpack(pipe.read(_LENGTH.unpack(head)[0]))


def _main() -> None:
    told = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no message
    message = _receive(sys.stdin.buffer)
    if message is None:
        return
    task, args = message

    def end_with_parent():
        sys.stdin.buffer.read()
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
    try:
        for value in task(*args):
            _send(told, ("told", value))
        _send(told, ("done", None))
    except Exception as error:  # noqa: BLE001  (handed over to whoever asked)
        try:
            _send(told, ("failed", error))
        except Exception:  # noqa: BLE001  (one that cannot be pickled)
            _send(told, ("failed", RuntimeError(str(error))))
    os._exit(0)  # torch and numba take a second to take themselves down


if __name__ == "__main__":
    _main()
