"""One visitor's stay: its photo, its avatars, what is brought and made in it, and when it is over."""

from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..settings import LIVE_SIZE
from .brought import Brought
from .held_memory import weigh
from .jobs import Job
from .waiting_line import Who

if TYPE_CHECKING:
    from ..avatar.avatar import Avatar
    from ..portrait import Portrait
    from ..renderer import Renderer
    from .mirror import Mirror

LEAVING = 20.0  # seconds from leaving the page to its end: reloading it leaves, too
LOST = 120.0  # seconds without a word from a page that did not say goodbye: a locked phone, another Wi-Fi
RENDERERS = 4  # that an avatar keeps, of pictures that are no larger than the live one
LIVE_FILE = 3_500_000  # bytes of the file for its visitor's own browser, which is kept beside an avatar


@dataclass(eq=False)
class Photo:
    """A portrait that waits to be built. name: of the person's files; example: it is one of ours, so nobody has to consent."""

    portrait: "Portrait"
    name: str
    example: bool = False
    used: float = 0.0  # monotonic time at which it came, or was built last

    def __post_init__(self):
        self.weight = weigh(self.portrait)


@dataclass(eq=False)
class Entry:
    """One avatar on the server. name: of the person's files, e.g. "astronaut"; used: monotonic time of the last use; shared: it is an
    example, which itself weighs nothing since all visits have the same one."""

    avatar: "Avatar"
    name: str
    visit: "Visit"
    used: float
    shared: bool = False

    def __post_init__(self):
        # A renderer holds a background: three numbers of four bytes a pixel.
        self.weight = (0 if self.shared else weigh(self.avatar) + LIVE_FILE) + RENDERERS * 12 * LIVE_SIZE**2
        self._renderers: OrderedDict = OrderedDict()

    def renderer(self, size: int, background: str, framing: str = "head") -> "Renderer":
        """A renderer of this avatar; the last few of the live picture's size are kept (PerseError as `Renderer`)."""
        from ..renderer import Renderer

        key = (size, background, framing)
        found = self._renderers.get(key) or Renderer(self.avatar, size, background, framing)
        if size <= LIVE_SIZE:
            self._renderers[key] = found
            while len(self._renderers) > RENDERERS:
                self._renderers.popitem(last=False)
        return found


@dataclass(eq=False)
class Visit:
    """One visitor: a browser tab, or the one call of a program that made the visit.

    key: the secret that the server hands out. page: whether a tab keeps it alive; otherwise it lives by the use of its avatars.
    """

    key: str
    address: str
    page: bool
    folder: Path
    seen: float
    leaving: float | None = None
    agreed: bool = False
    photo: Photo | None = None
    brought: dict[str, Brought] = field(default_factory=dict)  # by kind: recording, clip
    allowed: set[str] = field(default_factory=set)  # kinds of it that the visitor has said to be allowed to use
    told: dict[str, str] = field(default_factory=dict)  # by kind, HTML of why the last thing that was brought is not here
    example: str = ""  # the name of the example that it looked at last
    opened: str = ""  # the token of the avatar that the page shows
    message: str = ""  # what went wrong with the last photo, build or file
    film: str = ""  # HTML that the last video left
    table: tuple[str, str] | None = None  # token and name of the last table
    jobs: dict[str, Job] = field(default_factory=dict)  # by kind: look, build, film, recording, clip
    notices: list[tuple[int, str]] = field(default_factory=list)
    sessions: set[str] = field(default_factory=set)  # Gradio's names for the page
    pages: dict[str, float] = field(default_factory=dict)  # names of its tabs, a copied one is another, and when each was heard of
    mirror: "Mirror | None" = None  # the face before its camera, while one is followed
    over: bool = False

    @property
    def who(self) -> Who:
        return Who(self.key, self.address)

    def busy(self, *kinds: str) -> Job | None:
        """The visit's job of one of these kinds that is under way."""
        return next((job for kind in kinds if (job := self.jobs.get(kind)) is not None and not job.over), None)

    def is_over(self, now: float, ttl: float) -> bool:
        """Whether its time has run out."""
        if not self.page:
            return now - self.seen > ttl and not self.busy(*self.jobs)
        return now - self.seen > LOST or (self.leaving is not None and now - self.leaving > LEAVING)
