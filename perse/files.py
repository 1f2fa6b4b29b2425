"""Writing files so that nothing half-written is ever seen, and reading short ones that somebody named."""

import os
import secrets
from pathlib import Path

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


def read_short(path: str | Path, longest: int, kind: str) -> str:
    """Text of a regular file: no pipe that blocks, no device that never ends.

    Raises:
        PerseError: if there is no such file, it is longer than `longest` bytes, or is no UTF-8; it says that it should be `kind`.
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise OSError
        with path.open("rb") as file:
            data = file.read(longest + 1)
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError):
        raise PerseError(f"Cannot read {shown(path.name)}: choose {kind}.") from None
    if len(data) > longest:
        raise PerseError(f"{shown(path.name)} is too long: choose {kind}.")
    return text
