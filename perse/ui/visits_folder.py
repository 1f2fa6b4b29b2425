"""The one folder in which everything of this process's visitors lies. It needs nothing but Python: it is made before Gradio is imported."""

import contextlib
import fcntl
import os
import secrets
import shutil
import tempfile
import time
from pathlib import Path

from ..errors import PerseError
from ..files import own_folder


def claim_root(named: str | Path | None = None) -> Path:
    """A fresh private folder for this process's visitors; those of processes that were killed are removed.

    Every such folder is locked by its process for as long as that lives, however it ends.

    named: the folder to make it in, an owner's choice; without one it is a folder of this user's own among the system's temporary ones.
    PerseError if no folder can be made there.
    """
    parent = Path(named) if named else own_folder("perse") or Path(tempfile.mkdtemp(prefix="perse-"))
    try:
        return _claimed(parent)
    except OSError as error:
        raise PerseError(
            f"Visitors' files cannot be kept in {str(parent)!r} ({error.strerror}): set GRADIO_TEMP_DIR to a folder that can be written."
        ) from None


def _claimed(parent: Path) -> Path:
    parent.mkdir(parents=True, exist_ok=True)
    for old in parent.glob("visits-*"):
        with contextlib.suppress(OSError):
            if not (old / ".lock").exists() and time.time() - old.stat().st_mtime < 60:
                continue  # being made right now
            file = os.open(old / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(old, ignore_errors=True)
            finally:
                os.close(file)
    root = parent / f"visits-{secrets.token_urlsafe(12)}"
    root.mkdir(mode=0o700)
    file = os.open(root / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(file, fcntl.LOCK_EX)  # held until the process ends: the descriptor is never closed
    return root
