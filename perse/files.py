"""Writing files so that nothing half-written is ever seen."""

import os
import secrets
from pathlib import Path

from .errors import PerseError


def write_atomically(path: str | Path, data: bytes) -> None:
    """Write `data` beside `path` and rename it into place.

    Raises:
        PerseError: if the folder is missing or cannot be written.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise PerseError(f"Cannot write {path.name!r}: {error.strerror or 'the folder is not writable'}.") from None
