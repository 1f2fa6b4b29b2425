"""How a pretrained file gets here: downloaded, kept, checked.

Files come through huggingface-hub into its own cache (HF_HOME), what is not on the Hub into the same place by plain HTTPS. They are checked
against the table's hashes (`pretrained.py`) once, and are then used without a network. PERSE_WEIGHTS names a folder to use instead of the
Hub: one folder for each model, called as in the table.
"""

import errno
import hashlib
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

from .errors import PerseError
from .files import write_atomically
from .pretrained import File, Pretrained, find

Progress = Callable[[float, str], None]
AT_ONCE = 4  # files that are hashed together; there are three large ones


def local(model: str | Pretrained) -> Path | None:
    """The folder in which all files of a model lie already, or None. Asks nobody, hashes nothing.

    With PERSE_WEIGHTS set, its folder for this model (whatever lies in it), and never the Hub's cache.
    """
    model = find(model) if isinstance(model, str) else model
    if os.environ.get("PERSE_WEIGHTS"):
        folder = Path(os.environ["PERSE_WEIGHTS"]) / model.name
        return folder if folder.is_dir() else None
    folder = _snapshot(model)
    return folder if not any(_wrong_size(folder, file) for file in model.files) else None


def fetch(model: str | Pretrained, progress: Progress | None = None) -> Path:
    """The folder with all files of a model, downloaded if they are not here yet.

    A connection that breaks is resumed where it broke; finished files are kept for the next attempt. Each file's SHA-256 is checked once,
    when it has arrived; a damaged one is removed. With HF_HUB_OFFLINE or complete files nothing leaves this machine.

    Args:
        model: a name of the table, or a row.
        progress: called with (share in [0, 1], what happens), from several threads; what it raises ends the download. By default
            each tenth is told on standard error.

    Returns:
        The snapshot folder: paths below it are those of the table.

    Raises:
        PerseError: one sentence: unknown model, no network, offline, gated, unknown revision, damaged file, full disk, folder missing.
    """
    model = find(model) if isinstance(model, str) else model
    tell = progress or on_stderr()
    folder = local(model)
    if os.environ.get("PERSE_WEIGHTS"):
        if folder is None:
            raise PerseError(f"PERSE_WEIGHTS has no folder {model.name!r}: put the files of {model.repo} there, or unset PERSE_WEIGHTS.")
        return folder
    if folder is None:
        folder = _download_from_address(model, tell) if model.address else _download(model, tell)
    _check_new(model, folder, tell)
    return folder


def verify(model: str | Pretrained, progress: Progress | None = None) -> dict:
    """Hash every file of a model that is here, whether it was checked before or not.

    Returns:
        {"name", "folder" (None if there is none), "bytes" (those found), "problems": [{"file", "problem"}]}, problem being "missing",
        "size" or "checksum". Nothing is downloaded or removed.
    """
    model = find(model) if isinstance(model, str) else model
    tell = progress or on_stderr()
    folder = Path(os.environ["PERSE_WEIGHTS"]) / model.name if os.environ.get("PERSE_WEIGHTS") else _snapshot(model)
    problems = [{"file": file.path, "problem": problem} for file in model.files if (problem := _wrong_size(folder, file))]
    whole = [file for file in model.files if not _wrong_size(folder, file)]
    problems += [
        {"file": file.path, "problem": "checksum"}
        for file, digest in _hashes(folder, whole, tell, f"checking {model.name}")
        if digest != file.sha256
    ]
    return {
        "name": model.name,
        "folder": str(folder) if folder.is_dir() else None,
        "bytes": sum(path.stat().st_size for file in model.files if (path := folder / file.path).is_file()),
        "problems": problems,
    }


def is_offline() -> bool:
    """Whether HF_HUB_OFFLINE forbids to ask the Hub."""
    from huggingface_hub import constants

    return constants.is_offline_mode()


def missing(model: str | Pretrained) -> int:
    """Bytes of a model that are still to come."""
    model = find(model) if isinstance(model, str) else model
    return sum(file.size for file in model.files if _wrong_size(_snapshot(model), file))


def free() -> int:
    """Bytes that are free where the Hub's files lie."""
    from huggingface_hub import constants

    return shutil.disk_usage(_existing(Path(constants.HF_HUB_CACHE))).free


def on_stderr() -> Progress:
    """A progress that writes a line for each tenth of what happens."""
    shown = [None]

    def tell(share: float, text: str):
        if (step := (text.split(":")[0], int(10 * share))) != shown[0]:
            shown[0] = step
            print(f"perse: {100 * share:3.0f} % {text}", file=sys.stderr)

    return tell


def _snapshot(model: Pretrained) -> Path:
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    return Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=model.repo, repo_type="model") / "snapshots" / _plain(model.revision)


def _plain(revision: str) -> str:
    """A revision as a name of a file."""
    return revision.replace("/", "-")


def _wrong_size(folder: Path, file: File) -> str | None:
    path = folder / file.path
    if not path.is_file():
        return "missing"
    return None if path.stat().st_size == file.size else "size"


def _hashes(folder: Path, files: list[File], tell: Progress, text: str) -> Iterator[tuple[File, str]]:
    """Each file with the SHA-256 that it really has, a few at once: 16 GB are hashed at each start of a Space that keeps no disk."""
    total, done, lock = max(1, sum(file.size for file in files)), [0], threading.Lock()

    def hashed(file: File) -> str:
        digest = hashlib.sha256()
        with (folder / file.path).open("rb") as source:
            while block := source.read(1 << 22):
                digest.update(block)
                with lock:
                    done[0] += len(block)
                    share = done[0] / total
                tell(share, text)
        return digest.hexdigest()

    pool = ThreadPoolExecutor(AT_ONCE, "perse-hash")
    try:
        yield from zip(files, pool.map(hashed, files))
    finally:
        pool.shutdown(cancel_futures=True)


def _discard(path: Path) -> None:
    """Remove a cached file: the link in the snapshot and the blob behind it."""
    blob = path.resolve()
    path.unlink(missing_ok=True)
    blob.unlink(missing_ok=True)


def _check_new(model: Pretrained, folder: Path, tell: Progress) -> None:
    """Hash the files that were not hashed since they arrived; which ones were is noted beside the snapshots."""
    notes = folder.parent.parent / f"perse-checked-{_plain(model.revision)}.json"
    try:
        known = json.loads(notes.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    marks = {file.path: [file.sha256, (folder / file.path).stat().st_mtime_ns] for file in model.files}
    fresh = [file for file in model.files if known.get(file.path) != marks[file.path]]
    for file, digest in _hashes(folder, fresh, tell, f"checking {model.name}"):
        if digest != file.sha256:
            _discard(folder / file.path)
            raise PerseError(
                f"{file.path} of {model.name} is damaged (its SHA-256 is not the recorded one) and was removed: run "
                f"`python -m perse weights fetch {model.name}` to get it again."
            )
    if fresh:
        try:
            write_atomically(notes, json.dumps(marks).encode())
        except PerseError:
            pass  # a cache that cannot be written: the files are hashed again next time


def _download(model: Pretrained, tell: Progress) -> Path:
    import httpx2
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url, snapshot_download
    from huggingface_hub.errors import EntryNotFoundError

    folder, cache = _snapshot(model), Path(constants.HF_HUB_CACHE)
    missing = [file for file in model.files if _wrong_size(folder, file)]
    if not constants.is_offline_mode():
        for file in missing:
            if (folder / file.path).exists():  # of the wrong size: huggingface-hub would take it for finished
                _discard(folder / file.path)
        _check_space(model, sum(file.size for file in missing), cache)
    try:
        # One question without retries first: without a network, snapshot_download asks for 24 seconds before it says so.
        get_hf_file_metadata(hf_hub_url(model.repo, missing[0].path, revision=model.revision))
        snapshot_download(
            model.repo,
            revision=model.revision,
            allow_patterns=[f.path for f in missing],
            tqdm_class=_bar(model, sum(file.size for file in missing), tell),
        )
    except (httpx2.HTTPError, OSError, EntryNotFoundError, RuntimeError) as error:
        raise _explain(model, error) from error
    for file in model.files:
        if problem := _wrong_size(folder, file):
            raise PerseError(
                f"{file.path} of {model.name} is {'missing' if problem == 'missing' else 'of the wrong size'} at "
                f"{constants.ENDPOINT}: check HF_ENDPOINT and try again."
            )
    return folder


def _download_from_address(model: Pretrained, tell: Progress) -> Path:
    """What is not on the Hub comes file by file, and anew if it breaks off: it is small."""
    import httpx2
    from huggingface_hub import constants

    folder = _snapshot(model)
    instead = f"or put its files into a folder {model.name!r} that PERSE_WEIGHTS points to"
    if constants.is_offline_mode():
        raise PerseError(
            f"{model.name} is not on this machine and HF_HUB_OFFLINE is set: run `python -m perse weights fetch {model.name}` once without "
            f"it, {instead}."
        )
    missing = [file for file in model.files if _wrong_size(folder, file)]
    _check_space(model, sum(file.size for file in missing), Path(constants.HF_HUB_CACHE))
    for file in missing:
        address, data = f"{model.address}/{model.repo}/{model.revision}/{file.path}", bytearray()
        try:
            with httpx2.stream("GET", address, timeout=30, follow_redirects=True) as answer:
                answer.raise_for_status()
                for block in answer.iter_bytes():
                    data += block
                    if len(data) > file.size:
                        break
                    tell(len(data) / file.size, f"downloading {model.name}: {_gigabytes(len(data))} of {_gigabytes(file.size)}")
        except httpx2.HTTPStatusError as error:
            raise PerseError(
                f"{model.address} answered {error.response.status_code} for {model.name}: try again later, {instead}."
            ) from error
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError) as error:
            raise PerseError(f"No connection to {model.address} for {model.name}: check the network and try again, {instead}.") from error
        except httpx2.HTTPError as error:
            raise PerseError(f"The download of {model.name} broke off: start it again.") from error
        if len(data) != file.size:
            raise PerseError(f"{file.path} of {model.name} is of the wrong size at {model.address}: try again later, {instead}.")
        try:
            (folder / file.path).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise PerseError(
                f"The cache {constants.HF_HUB_CACHE} cannot be written: set HF_HOME to a folder that can, {instead}."
            ) from error
        write_atomically(folder / file.path, bytes(data))
    return folder


def _existing(path: Path) -> Path:
    """The path, or the nearest folder above it that is there."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def _check_space(model: Pretrained, needed: int, cache: Path) -> None:
    cache = _existing(cache)
    free = shutil.disk_usage(cache).free
    if free < needed:
        raise PerseError(
            f"{model.name} needs {_gigabytes(needed)} and {cache} has {_gigabytes(free)} left: free some space, or set "
            "HF_HOME to a folder on another disk."
        )


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e8 else f"{size / 1e6:.1f} MB"


def _explain(model: Pretrained, error: BaseException) -> PerseError:
    """What went wrong and what to do about it, in one sentence."""
    import httpx2
    from huggingface_hub import constants
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    instead = f"or put its files into a folder {model.name!r} that PERSE_WEIGHTS points to"
    cause = error.__cause__ if isinstance(error, LocalEntryNotFoundError) and error.__cause__ else error
    if isinstance(cause, OfflineModeIsEnabled) or constants.is_offline_mode():
        return PerseError(
            f"{model.name} is not on this machine and HF_HUB_OFFLINE is set: run `python -m perse weights fetch "
            f"{model.name}` once without it, {instead}."
        )
    if isinstance(cause, GatedRepoError):
        return PerseError(f"{model.repo} is gated: accept its terms on its page and set HF_TOKEN, {instead}.")
    if isinstance(cause, RevisionNotFoundError):
        return PerseError(f"{model.repo} has no revision {model.revision} at {constants.ENDPOINT}: check HF_ENDPOINT, {instead}.")
    if isinstance(cause, RepositoryNotFoundError):
        return PerseError(f"{model.repo} is not to be found at {constants.ENDPOINT}: check HF_ENDPOINT and HF_TOKEN, {instead}.")
    if isinstance(cause, HfHubHTTPError) and cause.response is not None:
        return PerseError(f"{constants.ENDPOINT} answered {cause.response.status_code} for {model.repo}: try again later, {instead}.")
    if isinstance(cause, OSError) and cause.errno in (errno.ENOSPC, errno.EDQUOT):
        return PerseError(
            f"The disk filled up while {model.name} ({_gigabytes(model.size)}) was being downloaded: free some space, or "
            "set HF_HOME to a folder on another disk."
        )
    if isinstance(cause, OSError) and cause.errno in (errno.EACCES, errno.EROFS, errno.EPERM, errno.ENOTDIR, errno.EEXIST):
        return PerseError(f"The cache {constants.HF_HUB_CACHE} cannot be written: set HF_HOME to a folder that can, {instead}.")
    if isinstance(error, LocalEntryNotFoundError) or isinstance(cause, (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.ProxyError)):
        return PerseError(f"No connection to {constants.ENDPOINT} for {model.name}: check the network and try again, {instead}.")
    return PerseError(f"The download of {model.name} broke off: start it again, finished files are kept.")


def _bar(model: Pretrained, total: int, tell: Progress):
    """A progress bar class for huggingface-hub that shows nothing and tells `tell`. `total`: bytes to come."""
    from tqdm import tqdm

    lock, last = threading.Lock(), [0.0]

    class Bar(tqdm):
        def __init__(self, *args, **options):
            self.bytes = options.get("unit") == "B"
            super().__init__(*args, **options | {"file": SimpleNamespace(write=lambda text: None, flush=lambda: None), "disable": False})

        def update(self, n=1):
            shown = super().update(n)
            if self.bytes:
                with lock:
                    due = time.monotonic() - last[0] > 0.2
                    last[0] = time.monotonic() if due else last[0]
                if due:
                    tell(
                        min(1.0, self.n / max(1, total)),
                        f"downloading {model.name}: {_gigabytes(min(self.n, total))} of {_gigabytes(total)}",
                    )
            return shown

    return Bar
