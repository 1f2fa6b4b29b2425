"""Writing files so that nothing half-written is ever seen, and opening those that somebody named."""

import os
import secrets
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from .errors import PerseError, shown


def write_atomically(path: str | Path, data: bytes) -> None:
    """Write `data` beside `path` and rename it into place.

    Raises:
        PerseError: if the folder is missing or cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{secrets.token_hex(8)}.part")  # however long the name is
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise PerseError(f"Cannot write {path.name!r}: {error.strerror or 'the folder is not writable'}.") from None


def is_own(folder: Path) -> bool:
    """Whether a folder is there that this user can write in, and nobody else."""
    try:
        status = folder.lstat()
        mine = not hasattr(os, "getuid") or (status.st_uid == os.getuid() and not status.st_mode & 0o022)
        return mine and stat.S_ISDIR(status.st_mode) and os.access(folder, os.W_OK | os.X_OK)
    except OSError:
        return False


def own_folder(name: str) -> Path | None:
    """A folder among the system's temporary ones that `is_own`, the same at every call; None if somebody else has taken its name, or
    nothing can be written there. In a folder that others can write what is found may be anybody's."""
    folder = Path(tempfile.gettempdir()) / (f"{name}-{os.getuid()}" if hasattr(os, "getuid") else name)
    with suppress(OSError):
        folder.mkdir(mode=0o700, exist_ok=True)
    return folder if is_own(folder) else None


def open_regular(path: str | Path) -> tuple[BinaryIO, int] | None:
    """A regular file, unbuffered, and its length in bytes; None for anything else: a pipe would block, a device never end.

    Raises:
        OSError, ValueError: there is no such file, or no file can have this name.
    """
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0))
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        return None
    return open(descriptor, "rb", buffering=0), status.st_size


def read_short(path: str | Path, longest: int, kind: str) -> str:
    """Text of a regular file.

    Raises:
        PerseError: if there is no such file, it is longer than `longest` bytes, or is no UTF-8; it says that it should be `kind`.
    """
    path = Path(path)
    try:
        if (opened := open_regular(path)) is None:
            raise OSError
        with opened[0] as file:
            data = file.read(longest + 1)
        text = data.decode("utf-8-sig")
    except (OSError, ValueError):
        raise PerseError(f"Cannot read {shown(path.name)}: choose {kind}.") from None
    if len(data) > longest:
        raise PerseError(f"{shown(path.name)} is too long: choose {kind}.")
    return text
