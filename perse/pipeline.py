"""The one object that the page, the command line and the API use: portrait -> avatar -> frames, models cached."""

import copy
import logging
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from . import compile_ahead, stages
from .attributes.catalogue import CATEGORIES
from .attributes.own_words import describe as read_words
from .attributes.own_words import extend, without
from .avatar.as_mesh import to_glb
from .avatar.avatar import Avatar, Report
from .avatar.backdrop import remember
from .avatar.io import load_avatar, save_avatar
from .controls import Controls
from .edits.limits import find_limits
from .edits.workshop import Workshop
from .errors import BuildCancelled, PerseError
from .files import write_atomically
from .film import Shot, write_film
from .fitting.build_time import LEAST_FIT, Timetable
from .fitting.initial_avatar import begin
from .fitting.run import fit
from .fitting.schedule import Schedule
from .fitting.teaching import Progress
from .gpu import ON_ZERO, new_build
from .live.bake import bake as bake_live
from .live.page import page_of
from .memory import tidy
from .motion.length import IN_TERMINAL, ON_PAGE, Longest
from .motion.motion import Motion
from .portrait import Portrait, head_mask, load_portrait, networks
from .render import cuda
from .render.ply import write_ply
from .renderer import Renderer
from .rig.build import build_rig
from .settings import DEFAULT_BUDGET, MAX_BUDGET, MIN_BUDGET
from .synthesis.base import Plan, Synthesizer, mixed_axes
from .synthesis.choose import choose_synthesizer
from .synthesis.procedural import unseen_lessons
from .texture.bake import bake

PATIENCE = float(os.environ.get("PERSE_PATIENCE", 2.5))  # times the budget that a build may take on a slower machine; inf for no limit
COUNTED = 20.0  # times the budget: with so much patience no clock is asked, steps are counted, and a seed gives one avatar
GENERATING_SHARE, GENERATED_FIT = 0.4, 0.6  # for an editor's pictures, of the time that there is at most; for a fit to them, of the budget


def choose_device(name: str = "auto") -> torch.device:
    """ "auto", "cpu" or "cuda" -> where avatars are fitted. PerseError if CUDA is asked for and cannot be had, or the name is another."""
    if name not in ("auto", "cpu", "cuda"):
        raise PerseError(f"Unknown device {name!r}: use auto, cpu or cuda.")
    if name == "cuda" and not torch.cuda.is_available():
        raise PerseError("No CUDA GPU is available here: use --device cpu.")
    if name == "cuda" and (reason := cuda.why_not()):
        raise PerseError(f"{reason[:-1]}: use --device cpu.")
    return torch.device("cuda" if name != "cpu" and not cuda.why_not() else "cpu")


def check_budget(seconds: float) -> None:
    """PerseError unless a build may take this long."""
    if not MIN_BUDGET <= seconds <= MAX_BUDGET:
        raise PerseError(f"The budget must lie between {MIN_BUDGET:.0f} and {MAX_BUDGET:.0f} seconds, not {seconds:g}.")


class PersePipeline:
    """Portrait in; avatar, pictures and videos out. Holds models, never a visitor's data.

    Args:
        synthesizer: makes the teaching clips.
        device: where avatars are fitted.
        notes: sentences that say why it is these two; every build report repeats them.
    """

    def __init__(self, synthesizer: Synthesizer, device: torch.device, notes: tuple[str, ...] = ()):
        self.device, self._serving = device, (synthesizer, notes)

    @property
    def synthesizer(self) -> Synthesizer:
        """What makes the teaching clips of the next build."""
        return self._serving[0]

    @property
    def notes(self) -> tuple[str, ...]:
        """Why it is this one."""
        return self._serving[1]

    def adopt(self, synthesizer: Synthesizer, reason: str) -> None:
        """From the next build on another one serves; builds that run go on with theirs. reason: takes the place of the first note."""
        self._serving = synthesizer, (reason, *self.notes[1:])  # one tuple, replaced whole: another thread may begin a build meanwhile

    @staticmethod
    def from_pretrained(synthesizer: str = "auto", device: str = "auto") -> "PersePipeline":
        """The pipeline of this process, made once per choice.

        Raises:
            PerseError: for an unknown or unavailable synthesizer or device.
        """
        return _pipeline(synthesizer, str(choose_device(device)), device != "cpu" and torch.cuda.is_available())

    def prepare(
        self, photo: str | Path | bytes | Image.Image | np.ndarray, cancelled: Callable[[], bool] = lambda: False, face: int | None = None
    ) -> Portrait:
        """Decode and analyse a photo; PerseError says what is wrong with it. About a second.

        face: of several ones, from 1, counted from left to right; the largest if None.
        """
        return load_portrait(photo, cancelled=cancelled, face=face)

    def build(
        self,
        portrait: Portrait,
        budget: float = DEFAULT_BUDGET,
        seed: int = 0,
        progress: Progress = lambda *a: None,
        cancelled: Callable[[], bool] = lambda: False,
        categories=CATEGORIES,
        interpolate: bool = True,
        describe: Sequence[str] = (),
        patience: float = PATIENCE,
        study: bool = False,
    ) -> Avatar:
        """Fit an avatar.

        Args:
            budget: seconds that the whole build takes at most: resolution and steps are those that two ordinary cores have time for in them, or fewer
                by what this machine is seen to do.
            progress: called with (share of the time that is over, in [0, 1], what happens, preview picture (h, w, 3) float or None).
            cancelled: asked often; True ends the build with BuildCancelled.
            seed: of all that is random; with a patience of COUNTED or more the same seed gives the same avatar.
            interpolate: whether interpolated 2D faces teach the ways between styles; off only to measure what they do.
            patience: times the budget that are taken if it is too little for what cannot be left out; 1 makes the budget a limit;
                COUNTED or more asks no clock but counts steps, of which two fast CPU cores do as many in those seconds: the same on every machine.
            study: measure what is learnt of the sliders, on lessons and on pictures that teach nothing; takes minutes.
            describe: styles in words ("curly red hair", "beard: long and grey"), for a synthesizer that understands words.

        Returns:
            The avatar, on the CPU, ready to render. Its `report.build` tells how it went.
        """
        check_budget(budget)
        synthesizer, notes = self._serving
        if describe and not getattr(synthesizer, "takes_words", False):
            raise PerseError("Styles in words need the diffusion synthesizer: please choose it, or a style of the catalogue.")
        categories = extend(categories, read_words(describe, list(categories)))
        new_build()
        if patience < COUNTED:  # the clock starts when nothing is left to compile, or this would pass for a slow machine
            progress(0.0, stages.STARTING, None)
            compile_ahead.ready()
        torch.manual_seed(seed)
        generates = getattr(synthesizer, "takes_words", False)
        table = Timetable(
            Schedule.for_budget(budget, seed),
            None if patience >= COUNTED else budget,
            patience,
            least_fit=GENERATED_FIT if generates else LEAST_FIT,
        )

        def report(stage: str) -> Progress:
            table.begin(stage)

            def tell(share: float, text: str, preview: np.ndarray | None = None):
                if cancelled():
                    raise BuildCancelled()
                progress(table.told(share), text, preview)

            return tell

        report("measuring")(0.0, stages.MEASURING)
        rig = build_rig(portrait)
        report("studying")(0.0, stages.STUDYING)
        texture = bake(portrait, rig)
        categories = list(categories)
        tell = report("imagining")
        plan = self._plan(table, interpolate, generates)
        clips = list(synthesizer.clips(portrait, rig, texture, categories, plan, tell))
        report("preparing")(0.0, stages.PREPARING)
        synthesis = plan.report  # what a generating synthesizer reports
        categories = without(categories, synthesis.get("missing", ()))
        schedule = table.schedule
        beginning = begin(portrait, rig, texture, categories, schedule.gaussians, seed, mixed_axes(clips, categories))
        tell = report("face")
        schedule = replace(schedule, deadline=table.fit_until(), limit=table.limit, kernels=table.speed.kernels)
        unseen = list(unseen_lessons(rig, texture, plan, categories)) if study else None
        limits = find_limits(Workshop.shared(rig, texture, seed), categories)
        texture.workshops.clear()  # edits are done with
        tidy()  # what they held, half a gigabyte, fitting can use
        fitted = fit(beginning, portrait, clips, schedule, head_mask(portrait), self.device, tell, cancelled, unseen)
        avatar = beginning.avatar.requires_grad_(False)
        tell = report("finishing")
        tell(0.0, stages.FINISHING)
        avatar.source = remember(portrait)
        avatar.report = Report(
            quality=[{"code": h.code, "message": h.message, "value": _plain(h.value)} for h in portrait.quality],
            build={
                "synthesizer": synthesizer.name,
                "seed": seed,
                "budget": budget,
                "gaussians": len(avatar),
                "clips": len(clips),
                "frames": sum(len(c.frames) for c in clips),
                "clip_size": schedule.clip_size,
                "source_steps": fitted.steps[0],
                "space_steps": fitted.steps[1],
                "psnr_head": round(fitted.likeness, 2),
                "device": fitted.device,
                "notes": [*notes, *networks.notes(), *([fitted.note] if fitted.note else [])],
                "interpolated": interpolate,
                "limits": limits,
                **({"synthesis": synthesis} if synthesis else {}),
                **({"lessons": fitted.lessons} if fitted.lessons else {}),
            },
        )
        progress(1.0, stages.DONE, None)
        return avatar

    @staticmethod
    def _plan(table: Timetable, interpolate: bool, generates: bool) -> Plan:
        """What is to be synthesized, and until when."""
        schedule, deadline = table.schedule, table.until("imagining")
        if table.timed and generates:  # an editor needs more time than any number of renderings
            deadline = table.start + GENERATING_SHARE * (table.limit - table.start)
        return Plan(
            size=schedule.clip_size,
            source_frames=schedule.source_frames,
            amounts=schedule.amounts,
            frames_per_end=schedule.views,
            interpolate=interpolate,
            seed=schedule.seed,
            lessons=schedule.lessons,
            deadline=deadline,
            least=table.lessons(),
        )

    def render(
        self, avatar: Avatar, controls: Controls = Controls(), size: int | None = None, background: str = "grey", framing: str = "head"
    ) -> np.ndarray:
        """One picture.

        Args:
            size: pixels, side of the square picture, 512 if None; of framing "source" the shorter side, at most the photo's own, which None is.
            background: white, black, grey, transparent, original or #rrggbb.
            framing: "head", or "source" for the photo's own frame.

        Returns:
            (H, W, 3) uint8, or (H, W, 4) with background "transparent".
        """
        return Renderer(avatar, size, background, framing).frame(controls)

    def video(
        self,
        avatar: Avatar,
        motion: Motion,
        path: str | Path,
        size: int | None = None,
        background: str = "grey",
        framing: str = "head",
        progress: Callable[[float], None] = lambda share: None,
        cancelled: Callable[[], bool] = lambda: False,
        mark: str = "",
        longest: Longest | None = None,
    ) -> tuple[str, ...]:
        """Render a motion to .mp4, .webm, .gif or .webp, with its sound. The file appears whole or not at all; BuildCancelled if cancelled.

        mark: a visible label at the bottom left; none if empty. longest: what a longer motion is cut to. Returns sentences for people on how
        the motion came about, what is left out of it, and what the file cannot hold.
        """
        shot = Shot(motion, path, size, background, framing, mark, longest)
        if self.device.type == "cuda" and not ON_ZERO:  # a lent GPU is for fitting; the avatar itself serves previews meanwhile
            try:
                return write_film(copy.deepcopy(avatar).place(self.device), shot, progress, cancelled)
            except RuntimeError:  # a card with too little memory, or broken down: the film begins anew
                logging.getLogger(__name__).warning("no film on the GPU", exc_info=True)
                return (*write_film(avatar, shot, progress, cancelled), "The GPU gave up: this video was drawn on the CPU.")
        return write_film(avatar, shot, progress, cancelled)

    def export(self, avatar: Avatar, controls: Controls, path: str | Path, all_properties: bool = False, y_up: bool = False) -> None:
        """Write the avatar for other viewers: .ply, this state in the standard 3DGS layout; .live, all of it for a player in a browser
        (docs/live_format.md); .html, a page with player and sliders that needs nobody; or .glb, this look as a mesh with ARKit's shapes. A .live and
        a .html begin in this state.

        all_properties, y_up: of a .ply, see `write_ply`; PerseError for another file."""
        path = Path(path)
        kind = path.suffix.lower()
        if kind != ".ply" and (all_properties or y_up):
            raise PerseError("Only a .ply is written with all properties or with y up.")
        if kind == ".ply":
            with torch.no_grad():
                write_ply(avatar(controls), path, all_properties, y_up)
        elif kind in (".live", ".html"):
            live = bake_live(avatar, look=controls)
            write_atomically(path, page_of(live) if kind == ".html" else live)
        elif kind == ".glb":
            write_atomically(path, to_glb(avatar, controls))
        else:
            raise PerseError(f"Cannot export to {path.suffix or 'a file without suffix'}: use .ply, .html, .live or .glb.")

    def info(self, avatar: Avatar) -> dict:
        """What an avatar offers, as plain JSON values. An axis that this portrait does not allow has available false and a reason."""
        categories, build = {}, dict(avatar.report.build)
        limits = build.pop("limits", {})
        for c in avatar.space.categories.values():
            categories[c.name] = {
                "label": c.label,
                "dim": c.dim,
                "axes": {
                    a.name: {"label": a.label, "help": a.help, "min": a.low, "max": a.high, **_availability([a.name], limits)}
                    for a in c.axes
                },
                "styles": {
                    s.name: {
                        "label": s.label,
                        "latent": [float(x) for x in avatar.space.style_code(c.name, s.name)],
                        **_availability([name for name, _ in s.at], limits),
                    }
                    for s in c.styles
                },
            }
        crop, size = (avatar.source.crop, avatar.source.size) if avatar.source else (None, None)
        return {
            "categories": categories,
            "expressions": {name: {"min": 0.0, "max": 1.0} for name in avatar.expressions()},
            "gaussians": len(avatar),
            "vertices": len(avatar.rig.vertices),
            "source": {"width": size[0], "height": size[1], "crop": list(crop)} if size else None,
            "quality": avatar.report.quality,
            "build": build,
            "longest_video": {"page": ON_PAGE.plain, "command_line": IN_TERMINAL.plain},
        }

    def save(self, avatar: Avatar, path: str | Path, surroundings: str = "whole") -> None:
        """Write the avatar file (safetensors); surroundings: of the head in its photo, "whole" or "blurred" beyond recognition."""
        save_avatar(avatar, path, surroundings)

    def load(self, path: str | Path) -> Avatar:
        """Read an avatar file; PerseError if it is none."""
        return load_avatar(path)


def _availability(axes: list[str], limits: dict[str, str]) -> dict:
    """Whether the portrait allows all of these axes; if not, the reason."""
    reason = next((limits[name] for name in axes if name in limits), None)
    return {"available": True} if reason is None else {"available": False, "reason": reason}


def _plain(value):
    if isinstance(value, (bool, np.bool_)):
        return bool(value)
    return round(float(value), 3) if isinstance(value, (int, float, np.floating, np.integer)) else str(value)


_lock = threading.Lock()


def _pipeline(synthesizer: str, device: str, gpu: bool) -> PersePipeline:
    with _lock:
        return _cached_pipeline(synthesizer, device, gpu)


@lru_cache
def _cached_pipeline(synthesizer: str, device: str, gpu: bool) -> PersePipeline:
    made, reason = choose_synthesizer(synthesizer, gpu)
    # A card that torch cannot use is told, too; that there is none needs no saying, and one that nobody asked for is not looked at.
    why = cuda.why_not() if device == "cpu" and (gpu or not torch.cuda.is_available()) else ""
    fitting = f"{why} Avatars are fitted on the CPU." if why not in ("", cuda.NO_CARD) else ""
    return PersePipeline(made, torch.device(device), tuple(note for note in (reason, fitting) if note))
