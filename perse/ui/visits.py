"""Who is here and what they own: avatars and files live as long as a visit, under names nobody can guess."""

import contextlib
import secrets
import shutil
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path

from ..avatar.avatar import Avatar
from ..errors import PerseError
from ..pipeline import Renderer

GONE = "This avatar is no longer here: avatars are deleted when a visit ends. Please build it again or open your avatar file."


@dataclass
class Entry:
    """One avatar on the server.

    name: of the person's files, e.g. "astronaut"; owner: the visit it belongs to; used: monotonic time of the last use.
    """

    avatar: Avatar
    name: str
    owner: str
    used: float
    renderers: OrderedDict = field(default_factory=OrderedDict)

    def renderer(self, size: int, background: str, framing: str = "head") -> Renderer:
        """A renderer of this avatar; the last four are kept (PerseError as `Renderer`)."""
        key = (size, background, framing)
        found = self.renderers.get(key) or Renderer(self.avatar, size, background, framing)
        self.renderers[key] = found
        while len(self.renderers) > 4:
            self.renderers.popitem(last=False)
        return found


class Visits:
    """Avatars and files of all visitors.

    Args:
        root: folder in which every visit gets one of its own.
        limit: avatars kept at once; the one unused for longest goes first.
        ttl: seconds after which an unused avatar, or file, is removed.
    """

    def __init__(self, root: str | Path, limit: int = 24, ttl: float = 1800.0):
        self.root, self.limit, self.ttl = Path(root), limit, ttl
        self._avatars: OrderedDict[str, Entry] = OrderedDict()
        self._folders: dict[str, Path] = {}
        self._files: dict[str, tuple[Path, float]] = {}
        self._lock = threading.RLock()

    def add(self, visit: str, avatar: Avatar, name: str = "perse") -> str:
        """Keep an avatar for a visit; returns the token that is its only handle."""
        token = secrets.token_urlsafe(24)
        with self._lock:
            self.sweep()
            self._avatars[token] = Entry(avatar, name, visit, time.monotonic())
            while len(self._avatars) > self.limit:
                self._avatars.popitem(last=False)
        return token

    def get(self, token: str) -> Entry:
        """The avatar of a token. PerseError if there is none (any more)."""
        with self._lock:
            entry = self._avatars.get(token)
            if entry is None or time.monotonic() - entry.used > self.ttl:
                self._avatars.pop(token, None)
                raise PerseError(GONE)
            entry.used = time.monotonic()
            self._avatars.move_to_end(token)
            return entry

    def path(self, visit: str, name: str) -> Path:
        """Where to write a new file called `name`: a fresh folder of the visit, with an unguessable name."""
        with self._lock:
            folder = self._folders.setdefault(visit, self.root / secrets.token_urlsafe(18))
        place = folder / secrets.token_urlsafe(18)
        place.mkdir(parents=True, mode=0o700)
        return place / name

    def publish(self, path: Path) -> str:
        """Make a file that `path` gave fetchable; returns its token."""
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._files[token] = (path, time.monotonic())
        return token

    def file(self, token: str) -> Path:
        """The published file of a token. PerseError if there is none (any more)."""
        with self._lock:
            path, _ = self._files.get(token, (None, 0.0))
        if path is None or not path.is_file():
            raise PerseError("This file is no longer here: files are deleted when a visit ends. Please make it again.")
        return path

    def close(self, visit: str) -> None:
        """End a visit: its avatars and files are gone."""
        with self._lock:
            for token in [t for t, e in self._avatars.items() if e.owner == visit]:
                del self._avatars[token]
            folder = self._folders.pop(visit, None)
            if folder is not None:
                self._files = {t: (p, at) for t, (p, at) in self._files.items() if not p.is_relative_to(folder)}
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)

    def sweep(self) -> None:
        """Remove what has outlived its time, for visits whose end nobody told us."""
        now = time.monotonic()
        with self._lock:
            for token in [t for t, e in self._avatars.items() if now - e.used > self.ttl]:
                del self._avatars[token]
            for token in [t for t, (_, at) in self._files.items() if now - at > self.ttl]:
                path, _ = self._files.pop(token)
                shutil.rmtree(path.parent, ignore_errors=True)
        # A visit may never end: all MCP clients share one. Its files go by their age.
        for place in self.root.glob("*/*"):
            with contextlib.suppress(OSError):  # gone meanwhile
                if time.time() - place.stat().st_mtime > self.ttl:
                    shutil.rmtree(place, ignore_errors=True)

    def close_all(self) -> None:
        """End every visit (the server stops)."""
        with self._lock:
            visits = {e.owner for e in self._avatars.values()} | set(self._folders)
        for visit in visits:
            self.close(visit)
        shutil.rmtree(self.root, ignore_errors=True)

    def sweep_forever(self, every: float = 60.0) -> threading.Thread:
        """Sweep in the background."""
        def run():
            while True:
                time.sleep(every)
                self.sweep()
        thread = threading.Thread(target=run, name="perse-sweep", daemon=True)
        thread.start()
        return thread
