"""What a visitor can do on the page, and what the page shows of it.

Every action is short: it changes the visit and returns. Long work is a job of the visit; the page asks for `state` while one runs, and
shows what it says. So two events cannot overwrite each other, a lost connection loses nothing, and a reloaded page goes on.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from ..controls import Controls
from ..errors import PerseError
from ..framing import frame_size
from ..motion.length import ON_PAGE
from ..motion.motion import Motion
from . import html_pieces, shown
from .api import build_deadline, check_video
from .brought import CLIP, RECORDING
from .engine import AVATAR, BUILD, OPENING, PICTURE, WARMING, Engine
from .examples import EXAMPLES
from .file_names import file_name
from .film_plan import TABLES, FilmPlan, film_plan
from .material import Material
from .one_visit import Entry, Photo, Visit
from .visit_jobs import cancel, start
from .visits import Visits
from .waiting_line import Line
from .ways import FOLLOW, SPEAK, Way, read_way

LOOK_DEADLINE, FILM_DEADLINE = 120.0, 900.0  # seconds after which reading a photo or avatar file, and making a video, are stopped
NEWS = 0.5  # weight of the last build's pace against those before
CLEAR_FORMATS = ("webm", "webp")  # that can be transparent


class Desk:
    """The page's actions, over visits and lines that the API shares.

    Args:
        engine, visits: see there.
        budgets: seconds of a build by the label of the choice.
        mark: a visible label on every video; none if empty. speech_mark: the same, on those in which the avatar speaks.
    """

    def __init__(self, engine: Engine, visits: Visits, budgets: dict[str, float], mark: str = "", speech_mark: str = ""):
        self.engine, self.visits, self.budgets, self.mark, self.speech_mark = engine, visits, budgets, mark, speech_mark
        self.looking = Line(length=32, usual=4.0)
        self.building = Line(length=16, usual=60.0)
        self.filming = Line(length=16, usual=20.0)
        self.stretch = 1.0  # how many times as long as it was given a build took lately
        self.material = Material(engine, visits, self.looking)

    # ------------------------------------------------------------------ photo, example, avatar file

    def take_photo(self, visit: Visit, path: str | None) -> None:
        """A photo has arrived, or was taken away (None): look for a face and for what will limit the result."""
        self._clear(visit)
        if path is None:
            return
        kept = self.visits.owns(path, visit)  # it stays where it is while the browser shows it

        def work(report, cancelled):
            try:
                return Photo(self._read_portrait(kept, report, cancelled), "perse")
            finally:
                kept.unlink(missing_ok=True)

        self._start(
            visit, "look", work, self.looking, LOOK_DEADLINE, partial(self.visits.keep_photo, visit), lambda: kept.unlink(missing_ok=True)
        )

    def take_face(self, visit: Visit, face: int) -> None:
        """Another face of the photo that lies there, from 1, counted from left to right."""
        photo = visit.photo
        if photo is None or photo.portrait.original is None or not 1 <= face <= len(photo.portrait.faces):
            raise PerseError("Please choose one of the faces in your photo.")
        original = photo.portrait.original
        visit.message = ""

        def work(report, cancelled):
            return Photo(self._read_portrait(original, report, cancelled, face), photo.name, photo.example)

        self._start(visit, "look", work, self.looking, LOOK_DEADLINE, partial(self.visits.keep_photo, visit))

    def take_example(self, visit: Visit, name: str) -> None:
        """An example portrait: its ready-made avatar opens, or its photo is prepared for a build."""
        if (example := EXAMPLES.get(name)) is None:
            raise PerseError("Please choose one of the examples.")
        self._clear(visit)
        if (avatar := example.opened()) is not None:
            self.visits.add(visit, avatar, name, shared=True)
            return

        def work(report, cancelled):
            if example.avatar_path.is_file():
                self._wait_for(AVATAR, report, cancelled)
                report(None, OPENING)
                try:
                    return example.avatar()
                except PerseError:
                    pass  # made by another version: build it anew
            return Photo(self._read_portrait(example.photo(), report, cancelled), name, True)

        def done(found):
            if isinstance(found, Photo):
                self.visits.keep_photo(visit, found)
            else:
                self.visits.add(visit, found, name, shared=True)

        self._start(visit, "look", work, self.looking, LOOK_DEADLINE, done)
        visit.example = name

    def take_avatar(self, visit: Visit, path: str) -> None:
        """An avatar file comes back."""
        self._clear(visit)
        kept = self.visits.take(visit, path)

        def work(report, cancelled):
            try:
                self._wait_for(AVATAR, report, cancelled)
                report(None, OPENING)
                return self.engine.pipeline.load(kept)
            finally:
                kept.unlink(missing_ok=True)

        self._start(visit, "look", work, self.looking, LOOK_DEADLINE, partial(self.visits.add, visit), lambda: kept.unlink(missing_ok=True))

    def agree(self, visit: Visit, agreed: bool) -> None:
        """The box of consent was ticked or emptied."""
        visit.agreed = agreed is True

    # ------------------------------------------------------------------ build

    def missing(self, visit: Visit) -> str:
        """What a build still needs: photo, checking (wait for it), consent, or nothing. The one place that knows."""
        if visit.busy("look"):
            return "checking"
        if visit.photo is None:
            return "photo"
        return "" if visit.agreed or visit.photo.example else "consent"

    def build(self, visit: Visit, budget: str) -> None:
        """Fit the avatar. PerseError if something is missing."""
        photo, needed = visit.photo, self.missing(visit)
        if needed or photo is None:
            raise PerseError(
                {
                    "photo": "Please choose a photo first.",
                    "checking": "Please wait a moment: your photo is being looked at.",
                    "consent": "Please tick the box: this is you, or you have the person's permission.",
                }[needed or "photo"]
            )
        if budget not in self.budgets:
            raise PerseError("Please choose how much time to spend.")
        seconds = self.budgets[budget]
        photo.used = self.visits.clock()
        visit.message = ""

        began = self.visits.clock()  # its turn may come later

        def done(avatar):
            self.stretch += NEWS * ((self.visits.clock() - began) / seconds - self.stretch)
            self.visits.add(visit, avatar, photo.name, built=True)
            visit.photo = None  # built: it is not needed any more
            for note in sorted(set(avatar.report.build["notes"]) - set(self.engine.notes)):
                visit.notices = [*visit.notices[-4:], (visit.notices[-1][0] + 1 if visit.notices else 1, note)]

        def work(report, cancelled):
            nonlocal began
            self._wait_for(BUILD, report, cancelled, then=seconds)
            began = self.visits.clock()
            return self.engine.pipeline.build(replace(photo.portrait, original=None), seconds, 0, report, cancelled)

        self._start(visit, "build", work, self.building, build_deadline(seconds), done, planned=seconds * max(1.0, self.stretch))

    # ------------------------------------------------------------------ video

    def film(
        self,
        visit: Visit,
        token: str,
        look: str,
        background: str,
        motion: str,
        seconds: float,
        size: float,
        fps: float,
        kind: str,
        framing: str,
        *wanted,
    ) -> None:
        """Render the look of the moment of pressing, in motion. PerseError for what this page does not make.

        wanted: from the region on, as of `_planned`. What is spoken or followed is as long as it is, whatever `seconds` say.
        """
        check_video(seconds, fps, size, kind, motion)
        entry, edit = self.own_avatar(visit, token), Controls.from_json(look)
        frame = frame_size(entry.avatar.source, int(size), framing.lower())
        if background == "transparent" and kind not in CLEAR_FORMATS:
            raise PerseError(f"Only {' and '.join(CLEAR_FORMATS)} can be transparent: please choose one of them, or a background.")
        if framing == "Source" and background == "grey":  # nobody has chosen one: the photo goes on around the head
            background = "original"
        plan = self._planned(visit, entry, motion, seconds, fps, frame, *wanted)
        path = self.visits.path(visit, file_name(entry, plan.name, edit, f".{kind}"))

        def work(report, cancelled):
            from ..render.video import is_silent

            made, begun = self._moving(entry, plan, edit, report, cancelled), plan.begins
            spoken = made.sound is not None and plan.way.kind != FOLLOW
            self._wait_for(PICTURE, report, cancelled)
            notes = self.engine.pipeline.video(
                entry.avatar,
                made,
                path,
                int(size),
                background,
                framing.lower(),
                lambda share: report(begun + (1 - begun) * share, "rendering"),
                cancelled,
                self.mark or (self.speech_mark if spoken else ""),
                ON_PAGE,
            )
            return made.sound is not None and not is_silent(path), notes

        def done(told: tuple[bool, tuple[str, ...]]) -> None:
            visit.film = html_pieces.video(f"perse/file/{self.visits.publish(visit, path)}", path.name, *told, path.stat().st_size)

        visit.film = ""
        self._start(visit, "film", work, self.filming, FILM_DEADLINE, done)

    def tabulate(
        self, visit: Visit, token: str, look: str, motion: str, seconds: float, fps: float, table: str = next(iter(TABLES)), *wanted
    ) -> None:
        """The motion as a table, one of TABLES; its name says that it is synthetic, since animation tools take no comment lines. wanted: as
        in `film`."""
        check_video(seconds, fps, 512, "mp4", motion)
        if table not in TABLES:
            raise PerseError("Please choose one of the tables.")
        entry, edit = self.own_avatar(visit, token), Controls.from_json(look)
        plan = self._planned(visit, entry, motion, seconds, fps, (1, 1), *wanted)
        path = self.visits.path(visit, file_name(entry, plan.name, edit, "-synthetic.csv"))

        def work(report, cancelled):
            path.write_text(TABLES[table](self._moving(entry, plan, edit, report, cancelled)), encoding="utf-8")
            return path

        def done(path):
            visit.table = (self.visits.publish(visit, path), path.name)

        visit.film, visit.table = "", None
        self._start(visit, "film", work, self.filming, FILM_DEADLINE, done)

    def _planned(
        self,
        visit: Visit,
        entry: Entry,
        motion: str,
        seconds: float,
        fps: float,
        frame: tuple[int, int],
        region: str = "all",
        strength: float = 1.0,
        absolute: bool = False,
        keys: str = "",
        alone: bool = False,
        way: str = "",
    ) -> FilmPlan:
        """frame: width and height of the pictures; the rest is the page's, as `read_way` and `film_plan` say."""
        moved = read_way(way)
        own = self.own_material(visit, moved)
        return film_plan(entry.avatar, moved, own, motion, seconds, fps, frame, region, strength, absolute, keys, alone)

    def own_material(self, visit: Visit, way: Way) -> Path | None:
        """What the visitor has brought for this way, if it needs any."""
        if way.kind == FOLLOW:
            return self.material.wanted(visit, CLIP)
        return self.material.wanted(visit, RECORDING) if way.kind == SPEAK and not way.say.strip() else None

    def _moving(self, entry: Entry, plan: FilmPlan, look: Controls, report, cancelled) -> Motion:
        """What finds a face in a clip also renders: it is waited for first."""
        return plan.made(entry.avatar, look, lambda: self._wait_for(BUILD, report, cancelled), report, cancelled)

    # ------------------------------------------------------------------ what is under way

    def cancel(self, visit: Visit, *kinds: str) -> None:
        """Stop the visit's jobs of these kinds."""
        cancel(visit, *kinds)

    def state(self, visit: Visit, seen: dict[str, str]) -> dict:
        """All that the page shows of the visit, as `shown.state`."""
        return shown.state(self, visit, seen)

    def _wait_for(self, part: str, report, cancelled, then: float = 0.0) -> None:
        """Wait for a part of the engine, and say so. then: seconds that the work takes afterwards."""
        self.engine.wait(part, lambda seconds: report(None, WARMING, None, seconds + then), cancelled)

    def _read_portrait(self, photo, report, cancelled, face: int | None = None):
        """The portrait in a photo."""
        self._wait_for(AVATAR, report, cancelled)
        report(None, "Looking for a face, hair, light and sharpness")
        portrait = self.engine.pipeline.prepare(photo, cancelled=cancelled, face=face)
        self.engine.expect_build()  # while the visitor reads what was found, and consents
        return portrait

    def _clear(self, visit: Visit) -> None:
        """A new photo, example or file takes the place of what was there."""
        self.cancel(visit, "look", "build")
        visit.photo, visit.message, visit.example = None, "", ""

    def own_avatar(self, visit: Visit, token: str) -> Entry:
        """The avatar of a token, if it is this visit's. PerseError otherwise."""
        entry = self.visits.get(token)
        if entry.visit is not visit:
            raise PerseError("This avatar belongs to another visit: please build it again or open your avatar file.")
        return entry

    def _start(
        self,
        visit: Visit,
        kind: str,
        work,
        line: Line,
        deadline: float,
        done: Callable,
        undone: Callable = lambda: None,
        planned: float | None = None,
    ) -> None:
        """As `visit_jobs.start`; what goes wrong is told where the piece of this kind is."""

        def failed(sentence: str) -> None:
            if kind == "film":
                visit.film = html_pieces.message(sentence)
            else:
                visit.message = sentence

        start(visit, kind, work, line, deadline, done, failed, undone, planned)
