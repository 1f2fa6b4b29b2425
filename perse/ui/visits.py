"""Who is here and what they own: photos, avatars, jobs and files live as long as a visit, under names nobody can guess."""

import contextlib
import os
import re
import secrets
import shutil
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import PerseError
from ..memory import tidy_soon
from ..settings import KEPT_SECONDS, MOST_AVATARS, MOST_MEMORY
from .failures import note_failure
from .one_visit import LOST, Entry, Photo, Visit
from .waiting_line import FULL

if TYPE_CHECKING:
    from ..avatar.avatar import Avatar

GONE = "This avatar is no longer here: avatars are deleted when a visit ends. Please build it again or open your avatar file."
ENDED = "Your visit had ended, and what it held is deleted: please start again."
UNCLAIMED = 600.0  # seconds that an upload stays which no call has named yet
IDLE = 300.0  # seconds without use after which an avatar or a photo may make room for another visitor's
AVATARS_EACH = 4  # of one visit
MOST_VISITS = 2000  # at once; one that holds nothing takes a few kilobytes
OTHERS_KEEP = (
    60.0  # seconds that another visitor's avatar or photo is safe after its last use, even from somebody who cannot get in otherwise
)
DISK_EACH = 800_000_000  # bytes of one visit's files; the oldest go first


class Visits:
    """All visitors.

    Args:
        root: folder in which every visit gets one of its own.
        limit: avatars kept at once, examples not counted; memory: bytes of photos and avatars at once.
        ttl: seconds after which an unused avatar, or file, is removed.
        forget: called with a visit that has ended, for what others remember of it.
        clock: seconds, monotonic.
    """

    def __init__(
        self,
        root: str | Path,
        limit: int = MOST_AVATARS,
        ttl: float = KEPT_SECONDS,
        memory: float = MOST_MEMORY,
        forget: Callable[[Visit], None] = lambda visit: None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.root, self.limit, self.ttl, self.memory, self.forget, self.clock = Path(root), limit, ttl, memory, forget, clock
        self._real_root = self.root.resolve()
        self._visits: dict[str, Visit] = {}
        self._avatars: OrderedDict[str, Entry] = OrderedDict()
        self._files: dict[str, tuple[Path, Visit, float]] = {}
        self._noticed: dict[Path, float] = {}  # what lies in the root without an owner, and since when
        self._lock = threading.RLock()

    # ------------------------------------------------------------------ visits

    def open(self, address: str = "", page: bool = True) -> Visit:
        """A new visit. If there are too many, one that holds nothing goes: of the address that has most, the one unheard for longest; PerseError if all do."""
        now = self.clock()
        visit = Visit(secrets.token_urlsafe(24), address, page, self.root / f"v-{secrets.token_urlsafe(18)}", now)
        with self._lock:
            if len(self._visits) >= MOST_VISITS:
                holders = {id(e.visit) for e in self._avatars.values()}
                empty = [
                    v for v in self._visits.values() if v.photo is None and id(v) not in holders and not v.brought and not v.busy(*v.jobs)
                ]
                count = Counter(v.address for v in self._visits.values())
                if not empty:
                    raise PerseError(FULL)
                self.close(min(empty, key=lambda v: (-count[v.address], v.seen)))
            self._visits[visit.key] = visit
        return visit

    def visit(self, key: str | None, page: str = "") -> Visit:
        """The visit with this secret, which is thereby alive. page: the name of the tab that asks. PerseError if there is none (any more)."""
        with self._lock:
            visit = self._visits.get(key or "")
            if visit is None or visit.is_over(self.clock(), self.ttl):
                raise PerseError(ENDED)
            now = visit.seen = self.clock()
            visit.leaving = None
            if page and (page in visit.pages or len(visit.pages) < 16):
                visit.pages[page] = now
            return visit

    def leave(self, key: str = "", page: str = "") -> None:
        """A page is being left, or reloaded: if it was the visit's last, that ends in LEAVING seconds unless one comes back."""
        with self._lock:
            if (visit := self._visits.get(key)) is not None:
                visit.pages.pop(page, None)
                if all(self.clock() - heard > LOST for heard in visit.pages.values()):
                    visit.leaving = self.clock()

    def close(self, visit: Visit) -> None:
        """End a visit: its jobs stop, and all that it has is gone from memory and disk."""
        with self._lock:
            self._visits.pop(visit.key, None)
            visit.over = True
            jobs, visit.jobs = list(visit.jobs.values()), {}
            mirror, visit.mirror = visit.mirror, None
            for token in [t for t, e in self._avatars.items() if e.visit is visit]:
                del self._avatars[token]
            self._files = {t: f for t, f in self._files.items() if f[1] is not visit}
            visit.photo, visit.brought, visit.told, visit.table, visit.film, visit.message, visit.opened = None, {}, {}, None, "", "", ""
        for job in jobs:
            job.cancel()
        if mirror is not None:
            mirror.close()
        shutil.rmtree(visit.folder, ignore_errors=True)
        self.forget(visit)
        tidy_soon()

    # ------------------------------------------------------------------ avatars and photos

    def add(self, visit: Visit, avatar: "Avatar", name: str = "perse", shared: bool = False, built: bool = False) -> str:
        """Keep an avatar for a visit; returns the token that is its only handle. PerseError if there is no room.

        built: somebody has waited for it, so that it takes the place of what was used least recently if it must.
        """
        token, entry = secrets.token_urlsafe(24), Entry(avatar, name, visit, self.clock(), shared)
        with self._lock:
            if visit.over:
                raise PerseError(ENDED)
            mine = [t for t, e in self._avatars.items() if e.visit is visit]
            for old in mine[: max(0, len(mine) + 1 - AVATARS_EACH)]:
                del self._avatars[old]
            self._make_room(visit, entry.weight, 0 if shared else 1, 0.0 if built else OTHERS_KEEP)
            self._avatars[token] = entry
            visit.opened, visit.seen = token, self.clock()
        return token

    def get(self, token: str) -> Entry:
        """The avatar of a token. PerseError if there is none (any more)."""
        with self._lock:
            entry, now = self._avatars.get(token), self.clock()
            if entry is None or now - entry.used > self.ttl:
                self._avatars.pop(token, None)
                raise PerseError(GONE)
            entry.used = now
            entry.visit.seen = now
            self._avatars.move_to_end(token)
            return entry

    def has(self, token: str) -> bool:
        """Whether there is an avatar with this token."""
        return token in self._avatars

    def keep_photo(self, visit: Visit, photo: Photo) -> None:
        """Keep a portrait until it is built. PerseError if there is no room."""
        with self._lock:
            if visit.over:
                raise PerseError(ENDED)
            visit.photo = None
            self._make_room(visit, photo.weight, 0, OTHERS_KEEP)
            visit.photo, photo.used = photo, self.clock()

    def held(self) -> tuple[int, int]:
        """Avatars that are no examples, and bytes of avatars and photos."""
        with self._lock:
            photos = (v.photo.weight for v in self._visits.values() if v.photo is not None)
            entries = self._avatars.values()
            return sum(not e.shared for e in entries), sum(e.weight for e in entries) + sum(photos)

    def _make_room(self, visit: Visit, weight: int, avatars: int, held: float) -> None:
        """Until this much more fits: one's own oldest avatar goes first, then what nobody has used for IDLE seconds, then something of the
        address that holds most, if that is more than ours would, so that a flood evicts itself; and at last whatever nobody has used for
        `held` seconds. PerseError if there is nothing of the kind."""
        while (now := self.held())[0] + avatars > self.limit or now[1] + weight > self.memory:
            crowded = now[1] + weight <= self.memory  # by avatars, not by bytes
            things = [(e.used, e.visit, e.weight, t) for t, e in self._avatars.items() if not (crowded and e.shared)]
            if not crowded:
                things += [
                    (v.photo.used, v, v.photo.weight, "") for v in self._visits.values() if v.photo is not None and not v.busy("build")
                ]
            things.sort(key=lambda thing: thing[0])
            bytes_of, count_of = Counter[str](), Counter(owner.address for _, owner, _, _ in things)
            for _, owner, size, _ in things:
                bytes_of[owner.address] += size
            most, heaviest = max(bytes_of.items(), key=lambda item: item[1], default=("", 0))
            flood = heaviest > bytes_of[visit.address] + weight and count_of[most] > count_of[visit.address] + 1
            since = self.clock()
            victims = (
                [t for t in things if t[1] is visit and t[3]]
                or [t for t in things if since - t[0] > IDLE]
                or [t for t in things if flood and t[1].address == most]
                or [t for t in things if since - t[0] >= held]
            )
            if not victims:
                raise PerseError(FULL)
            _, owner, _, token = victims[0]
            if token:
                del self._avatars[token]
            else:
                owner.photo = None

    # ------------------------------------------------------------------ files

    def path(self, visit: Visit | None, name: str) -> Path:
        """Where to write a new file called `name`: a fresh folder of the visit (of nobody yet, if None), with an unguessable name."""
        if visit is not None and visit.over:
            raise PerseError(ENDED)
        if visit is not None:
            self._bound(visit)
        place = (visit.folder if visit is not None else self.root / "loose") / secrets.token_urlsafe(18)
        place.mkdir(parents=True, mode=0o700)
        return place / name

    def _bound(self, visit: Visit) -> None:
        """The oldest files of a visit go while they are too many bytes; not the clip or recording that a video follows."""
        found = []
        for file in visit.folder.glob("*/*"):
            with contextlib.suppress(OSError):  # gone meanwhile
                status = file.stat()
                found.append((status.st_mtime, status.st_size, file))
        held, followed = sum(size for _, size, _ in found), {own.path for own in visit.brought.values()}
        for _, size, file in sorted(found):
            if held > DISK_EACH and file not in followed:
                held -= size
                shutil.rmtree(file.parent, ignore_errors=True)

    def owns(self, path: str | Path, visit: Visit | None = None) -> Path:
        """An uploaded file's path, checked: a regular file below the root where uploads and results lie, whichever way it is written.

        visit: whose it must be; an upload that nobody has claimed yet is anybody's who knows its name. PerseError otherwise.
        """
        with contextlib.suppress(OSError, ValueError):  # names that no file can have
            path = Path(path)
            real = path.resolve()
            if real.is_relative_to(self._real_root) and not path.is_symlink() and real.is_file():
                first, *rest = real.relative_to(self._real_root).parts
                if rest and not first.startswith(".") and (visit is None or first in ("loose", visit.folder.name)):
                    return real
        raise PerseError("Please upload the file again: it is no longer here.")

    def take(self, visit: Visit, path: str | Path) -> Path:
        """An upload becomes the visit's own: moved into its folder, from where it goes with it. PerseError as `owns`."""
        real = self.owns(path, visit if visit.page else None)  # a program's has gone through Gradio's own folder
        kept = self.path(visit, real.name)
        os.replace(real, kept)
        with contextlib.suppress(OSError):
            real.parent.rmdir()
        return kept

    def publish(self, visit: Visit, path: Path) -> str:
        """Make a file that `path` gave fetchable; returns its token."""
        token = secrets.token_urlsafe(24)
        with self._lock:
            if visit.over:
                raise PerseError(ENDED)
            self._files[token] = (path, visit, self.clock())
        return token

    def file(self, token: str) -> Path:
        """The published file of a token. PerseError if there is none (any more)."""
        with self._lock:
            path = self._files.get(token, (None,))[0]
        if path is None or not path.is_file():
            raise PerseError("This file is no longer here: files are deleted when a visit ends. Please make it again.")
        return path

    # ------------------------------------------------------------------ the end of things

    def sweep(self) -> None:
        """End the visits whose time has run out, and remove avatars and files that have outlived theirs."""
        now = self.clock()
        with self._lock:
            over = [v for v in self._visits.values() if v.is_over(now, self.ttl)]
            for token in [t for t, e in self._avatars.items() if now - e.used > self.ttl]:
                del self._avatars[token]
            old = [t for t, (_, _, at) in self._files.items() if now - at > self.ttl]
            places = [self._files.pop(t)[0].parent for t in old]
            living = {v.folder for v in self._visits.values()}
        for visit in over:
            self.close(visit)
        for place in places:
            shutil.rmtree(place, ignore_errors=True)
        # What has no owner goes by its age: uploads that nobody claimed, Gradio's copies of what it sent.
        unowned = {p for pattern in ("loose/*", "mcp/*", "[!.]*") for p in self.root.glob(pattern)} - living
        self._noticed = {p: self._noticed.get(p, now) for p in unowned if p.name not in ("loose", "mcp")}
        for place in [p for p, since in self._noticed.items() if now - since > UNCLAIMED]:
            if place.is_dir():
                shutil.rmtree(place, ignore_errors=True)
            else:
                place.unlink(missing_ok=True)

    def count(self) -> int:
        """Visits now."""
        return len(self._visits)

    def close_all(self) -> None:
        """End every visit (the server stops)."""
        for visit in list(self._visits.values()):
            self.close(visit)
        shutil.rmtree(self.root, ignore_errors=True)

    def sweep_forever(self, every: float = 5.0) -> threading.Thread:
        """Sweep in the background."""

        def run():
            while True:
                time.sleep(every)
                try:
                    self.sweep()
                except Exception as failure:  # a disk or a table of files that is full now may not be so the next time
                    note_failure(failure)

        thread = threading.Thread(target=run, name="perse-sweep", daemon=True)
        thread.start()
        return thread


def plain_name(name: str, longest: int = 80) -> str:
    """A file name of letters, digits, dots, dashes and spaces, its end kept: what a stranger calls a file, fit to be a path's last part."""
    return re.sub(r"[^\w.\- ]", "_", name.replace("\\", "/").rpartition("/")[2], flags=re.ASCII).lstrip(".")[-longest:] or "file"
