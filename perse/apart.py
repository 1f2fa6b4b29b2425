"""Work in a fresh interpreter: what must not touch this process, or is not to be touched by what this process has become.

On ZeroGPU the app's process believes in a card that is not there (`gpu.py`): whatever learns on the CPU learns here. Of many portraits each may
bring down the process that builds it.

    python -m perse.apart       what runs; it ends when its standard input does
"""

import io
import os
import pickle
import queue
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

_LENGTH = struct.Struct("<Q")


class Died(RuntimeError):
    """The process is gone before it has answered. code: as it ended; a signal's number below zero."""

    def __init__(self, code: int):
        super().__init__(f"the process that did the work apart ended with {code}")
        self.code = code

    @property
    def how(self) -> str:
        """For a sentence."""
        return f"died of signal {-self.code}" if self.code < 0 else f"ended with code {self.code}"


def apart(task: Callable[..., Iterator], *args) -> Iterator:
    """What `task(*args)` yields, in a process of its own, on the CPU, which ends when the iterator is closed.

    task: a module-level generator function; arguments and what it yields are pickled and cross through pipes of our own. Raises what the task
    raises, and Died.
    """
    other = _Other({"CUDA_VISIBLE_DEVICES": ""})
    try:
        other.send(("told", task, args))
        while True:
            kind, value = other.receive()
            if kind == "done":
                return
            yield value
    finally:
        other.close()


class Calls:
    """A function that runs in a process of its own, with the cards of this one, and may be called again and again.

    make: a module-level function; `make(*args)` there, at the first call, gives the function. What it takes and gives is pickled. A call raises
    what the function or `make` raises, and Died; after that the next call has a new process.
    """

    def __init__(self, make: Callable[..., Callable[[Any], Any]], *args):
        self._make, self._args = make, args
        self._other: _Other | None = None

    def __call__(self, value: Any) -> Any:
        if self._other is None:
            self._other = _Other({})
            self._other.send(("calls", self._make, self._args))
        try:
            self._other.send(value)
            return self._other.receive()[1]
        except Died:
            self.close()
            raise

    def close(self) -> None:
        """End the process."""
        if self._other is not None:
            self._other.close()
            self._other = None


class _Other:
    """A process that runs `_main`, seen from this one."""

    def __init__(self, surroundings: dict[str, str]):
        self._process = subprocess.Popen(
            [sys.executable, "-m", "perse.apart"],
            cwd=Path(__file__).parent.parent,
            env=without_loans() | surroundings,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._to, self._from = self._process.stdin, self._process.stdout

    def send(self, message: Any) -> None:
        try:
            _send(self._to, message)
        except BrokenPipeError:
            raise Died(self._process.wait()) from None

    def receive(self) -> tuple[str, Any]:
        """What kind of message, and its value. Raises what the other process says has failed, and Died."""
        message = _receive(self._from)
        if message is None:
            raise Died(self._process.wait())
        if message[0] == "failed":
            raise message[1]
        return message

    def close(self) -> None:
        self._process.kill()
        self._from.close()
        with suppress(BrokenPipeError):
            self._to.close()
        self._process.wait()


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
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: whoever asked hears it, too, and ends this
    told = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no message
    if (first := _receive(sys.stdin.buffer)) is None:
        return
    kind, task, args = first
    asked: queue.SimpleQueue = queue.SimpleQueue()

    def listen() -> None:
        while (message := _receive(sys.stdin.buffer)) is not None:
            asked.put(message)
        os._exit(1)  # with its parent

    threading.Thread(target=listen, daemon=True).start()
    try:
        if kind == "told":
            for value in task(*args):
                _send(told, ("told", value))
            _send(told, ("done", None))
            os._exit(0)  # torch and numba take a second to take themselves down
        function = None
        while True:
            value = asked.get()
            try:
                function = function or task(*args)
                _send(told, ("done", function(value)))
            except Exception as error:  # noqa: BLE001  (handed over to whoever asked, who may ask again)
                _send(told, ("failed", _portable(error)))
    except Exception as error:  # noqa: BLE001
        _send(told, ("failed", _portable(error)))
    os._exit(0)


def _portable(error: Exception) -> Exception:
    """An error as the other process can have it."""
    try:
        unpack(pack(error))
        return error
    except Exception:  # noqa: BLE001  (one that cannot be pickled, or not be made again)
        return RuntimeError(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    _main()
