"""A stranger's clip or sound on its way into the child process that decodes it."""

import os
from collections.abc import Callable
from pathlib import Path

from ..child import Broken, Child, Limits
from ..errors import PerseError
from ..files import open_regular
from . import limits, worker
from .kinds import DECODERS, HEAD, KINDS, Kind, sniff

# Nothing but its three standard streams: no file, no socket.
CONFINED = Limits(memory=limits.MEMORY, cpu=limits.PROCESSOR, files=3)


class Source:
    """One file being decoded elsewhere.

    path: of a regular file, which is opened here: its name is never read as an address. task, more: see `worker`. wanted: kinds that
    will do, called `noun` in sentences. cancelled: asked while waiting. Raises PerseError for what is no such file.
    """

    def __init__(self, path: str | Path, task: str, noun: str, wanted: Callable[[Kind], bool], more: dict, cancelled: Callable[[], bool]):
        self.name = called(path)
        with _opened(path, self.name, noun) as file:
            kind = sniff(os.pread(file.fileno(), HEAD, 0))
            if kind is None:
                *names, last = (k.name for k in KINDS if wanted(k))
                raise PerseError(f"{self.name} is no {noun} that can be read here: please use {', '.join(names)} or {last}.")
            if not wanted(kind):
                raise PerseError(f"{self.name} holds no picture, only sound: please choose a {noun}.")
            job = {
                "task": task,
                "name": self.name,
                "demuxer": kind.demuxer,
                "decoders": ",".join(DECODERS),
                "streams": limits.STREAMS,
                "pixels": limits.PIXELS,
                "side": limits.SIDE,
                "decoded": limits.DECODED,
                "patience": limits.PATIENCE,
                "threads": limits.THREADS,
                **more,
            }
            self._child = Child(worker.__file__, job, file, CONFINED, cancelled)
        self.close = self._child.close

    def read(self, most: int) -> tuple[dict, bytearray] | None:
        """The next message with at most so many bytes; None at the end. PerseError for what cannot be decoded."""
        try:
            return self._child.read(most)
        except Broken as broken:
            raise self.unreadable() from broken

    def unreadable(self) -> PerseError:
        """The decoder broke, met a limit, or says what no decoder says."""
        self.close()
        return PerseError(f"{self.name} cannot be read: it is damaged or needs too much; please save it anew and try again.")


def called(path: str | Path) -> str:
    """A file's name as it can stand in a sentence: one line, not too long."""
    name = "".join(c if c.isprintable() else "?" for c in Path(path).name)
    return name if len(name) <= 80 else f"{name[:60]}…{name[-16:]}"


def _opened(path: str | Path, name: str, noun: str):
    try:
        opened = open_regular(path)
    except (OSError, ValueError):
        raise PerseError(f"{name} could not be opened as a {noun}: please check its name.") from None
    if opened is None:
        raise PerseError(f"{name} is not a file: please choose a {noun}.")
    file, size = opened
    if size > limits.BYTES:
        file.close()
        raise PerseError(f"{name} is larger than {limits.BYTES >> 30} GB: please cut it.")
    return file
