"""The photoreal path: edited portraits from an instruction editor, checked, unrolled, and animated like procedural ones."""

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from ... import stages
from ...attributes.edit_vocabulary import Axis, Category, HairVolume, Locks, Prop, Recolor, Tint, Tuck
from ...edits.workshop import Workshop
from ...portrait import Portrait
from ...portrait.networks import Embed
from ...rig.rig import Rig
from ...texture.atlas import Texture
from ..base import Clip, Frame, Plan, Unedited
from ..procedural import Studio
from ..rerender import packed, to_frame
from .agreement import check_asked
from .attempts import TRIES, Outcome, Task, attempt
from .compose import grows_hair, region_mask
from .editor import Between, Editor, EditorGone, Request
from .filters import Inspector, Verdict
from .prompts import LOOKS, instruction
from .rebake import Lesson, to_lesson
from .views import Posed, complete, judge_look, look_frame, retaken
from .weighting import DIFFUSION, PROCEDURAL, weighted

SHARES = (0.25, 0.5, 0.75)
IMAGINE_SHARE = 0.7  # of the time for synthesis; the rest is for unrolling and rendering
SMALLEST = 1e-3  # share of the picture that a region must have to be worth an edit
End = tuple[str, int]  # axis name, +1 or -1
Progress = Callable[[float, str], None]


def key_of(end: End) -> str:
    """What an end is called in reports: "nose_width -"."""
    return f"{end[0]} {'+' if end[1] > 0 else '-'}"


class DiffusionSynthesizer:
    """See `Synthesizer`. Holds the editor, nothing of a visitor; what came of a build is left in `plan.report`.

    Args:
        editor: makes the pictures.
        embed: face embedding as a second opinion on identity, or None.
        tries: seeds per picture before it is given up.
    """

    name = "diffusion"
    takes_words = True  # categories may hold axes that are only words

    def __init__(self, editor: Editor, embed: Embed | None = None, tries: int = TRIES):
        self.editor, self.embed, self.tries = editor, embed, tries

    def clips(
        self,
        portrait: Portrait,
        rig: Rig,
        texture: Texture,
        categories: list[Category],
        plan: Plan,
        progress: Progress = lambda share, text: None,
    ) -> Iterator[Clip]:
        """See `Synthesizer.clips`. `texture` is completed in place where the photo shows nothing; catalogue axes whose
        pictures were refused keep their procedural edit, described ones are listed as missing."""
        session = Session(self, portrait, rig, texture, categories, plan, progress)
        session.imagine()
        session.learn()
        yield from session.clips()


@dataclass
class Session:
    """One build."""

    synthesizer: DiffusionSynthesizer
    portrait: Portrait
    rig: Rig
    texture: Texture
    categories: list[Category]
    plan: Plan
    progress: Progress
    axes: dict[str, tuple[Category, Axis]] = field(default_factory=dict)
    ends: dict[str, End] = field(default_factory=dict)  # task key -> end
    skipped: dict[str, str] = field(default_factory=dict)
    lessons: dict[End, Lesson] = field(default_factory=dict)
    views: dict[str, tuple[np.ndarray, Posed]] = field(default_factory=dict)
    outcome: Outcome | None = None

    def __post_init__(self):
        self.axes = {a.name: (c, a) for c in self.categories for a in c.axes}
        self.inspector = Inspector(self.portrait, self.synthesizer.embed)
        self.workshop = Workshop.shared(self.rig, self.texture, self.plan.seed)
        self.start = time.monotonic()
        self.made, self.total = 0, 1

    # What is asked of the editor -------------------------------------------------------------------------------------

    def imagine(self) -> None:
        """Have all pictures made and judged: the visitor's own words first, then views, then the catalogue, of which pictures
        add most where something is painted. What an editor that is not to be had any more has not made is procedural."""
        edits = sorted(self._edit_tasks(), key=lambda t: self._rank(self.ends[t.key]))
        words = [t for t in edits if self._rank(self.ends[t.key]) == 0]
        tasks = words + self._look_tasks() + edits[len(words) :]
        self.total = max(len(tasks), 1)
        self._tell(stages.IMAGINING)
        self.outcome = attempt(
            self.synthesizer.editor,
            tasks,
            self.plan.seed,
            lambda: self._tell(stages.IMAGINING),
            self.synthesizer.tries,
            self._until(IMAGINE_SHARE),
        )

    def _rank(self, end: End) -> int:
        axis = self.axes[end[0]][1]
        return 0 if not axis.edits else 1 if self.workshop.edit(axis, end[1]).change(self.texture) is not None else 2

    def _until(self, share: float) -> float | None:
        """The moment at which a share of the time until the plan's deadline is over."""
        return None if self.plan.deadline is None else self.start + share * (self.plan.deadline - self.start)

    def _tell(self, text: str) -> None:
        self.progress(0.6 * min(self.made / self.total, 1), text)

    def _edit_tasks(self) -> list[Task]:
        tasks = []
        for category, axis in self.axes.values():
            mask = None
            for sign in (1, -1) if axis.low < 0 else (1,):
                prompt = instruction(category, axis, sign)
                if prompt is None or not self._paintable(category, axis):
                    continue
                mask = region_mask(category, axis, self.workshop, self.portrait) if mask is None else mask
                key = key_of((axis.name, sign))
                if mask.mean() < SMALLEST:
                    self.skipped[key] = "the photo does not show its region"
                    continue
                self.ends[key] = (axis.name, sign)
                tasks.append(Task(key, Request(self.portrait.image, prompt, mask, 0), self._judge(category, axis, sign, mask)))
        return tasks

    @staticmethod
    def _paintable(category: Category, axis: Axis) -> bool:
        """Objects, and hair that hangs in strands, are geometry that no picture can be unrolled to."""
        if not axis.edits:
            return True
        if axis.needs is not None or any(isinstance(e, Prop | Locks | Tuck) for e in axis.edits):
            return False
        if all(isinstance(e, Tint) for e in axis.edits):
            return False
        if grows_hair(category):
            return all(isinstance(e, Recolor | HairVolume | Tint) for e in axis.edits)
        return True

    def _judge(self, category: Category, axis: Axis, sign: int, mask: np.ndarray) -> Callable[[np.ndarray], Verdict]:
        form = not axis.edits or grows_hair(category) or self.workshop.edit(axis, sign).shape is not None

        def judge(raw: np.ndarray) -> Verdict:
            self.made += 1
            verdict = self.inspector.edit(raw, mask, form)
            return check_asked(category, axis, sign, verdict, self.portrait, self.workshop)

        return judge

    def _look_tasks(self) -> list[Task]:
        def task(look):
            def judge(raw: np.ndarray) -> Verdict:
                self.made += 1
                verdict, posed = judge_look(raw, look, self.inspector, self.rig, self.texture)
                if posed is not None:
                    self.views[look.name] = (raw, posed)
                return verdict

            return Task(look.name, Request(self.portrait.image, look.prompt, None, 0), judge)

        return [task(look) for look in LOOKS]

    # What is learnt of it --------------------------------------------------------------------------------------------

    def learn(self) -> None:
        """Complete the texture, unroll the accepted edits and give them to the workshop that every later stage uses."""
        turned = [self.views[look.name] for look in LOOKS if look.name in self.views and not look.expression]
        painted = complete(self.texture, self.rig, turned) if turned else 0.0
        if turned:  # the workshop and its edits were made from the texture as it was
            self.texture.workshops.pop(self.plan.seed, None)
        self.studio = Studio(self.rig, self.texture, self.plan)
        workshop = self.studio.workshop
        accepted = [(key, *value) for key, value in self.outcome.accepted.items() if key in self.ends]
        for n, (key, _, verdict) in enumerate(accepted):
            name, sign = self.ends[key]
            category, axis = self.axes[name]
            if axis.edits and self.plan.deadline is not None and time.monotonic() > self.plan.deadline:
                self.skipped[key] = "there was no time left to unroll it"
                continue
            self.progress(0.6 + 0.15 * n / len(accepted), stages.imagining(category))
            lesson = to_lesson(category, axis, sign, verdict, self.portrait, workshop)
            workshop.install(axis, sign, lesson.edit, lesson.owned)
            self.lessons[name, sign] = lesson
        self.missing = [name for name, (_, axis) in self.axes.items() if not axis.edits and (name, 1) not in self.lessons]
        dropped = self.skipped | {key: "; ".join(dict.fromkeys(reasons)) for key, reasons in self.outcome.dropped.items()}
        self.report = self.plan.report
        self.report |= {
            "editor": self.synthesizer.editor.name,
            "pictures": self.outcome.made,
            "edits": sorted(map(key_of, self.lessons)),
            "looks": sorted(self.views),
            "painted": round(painted, 3),
            "interpolated": 0,
            "dropped": dict(sorted(dropped.items())),
            "missing": self.missing,
        }

    # What is taught --------------------------------------------------------------------------------------------------

    def clips(self) -> Iterator[Clip]:
        """Source, edits, interpolated faces."""
        studio = self.studio
        source = weighted(studio.source_clip(self.portrait), PROCEDURAL)
        for raw, posed in self.views.values():
            frame = look_frame(raw, posed, studio, DIFFUSION)
            if frame is not None:
                source.frames.append(frame)
                source.latents.append(np.zeros(0, np.float32))
        yield source
        for (name, sign), lesson in self.lessons.items():
            category = self.axes[name][0]
            clip = Clip(category.name, "edit")
            self._add(clip, self._photo_frame(lesson.portrait, self._verdict((name, sign)).weight), category, {name: float(sign)})
            yield clip
        if self.plan.interpolate:
            self.progress(0.75, f"{stages.IMAGINING}: faces between styles")
            yield from (clip for clip in self._between().values() if clip.frames)
        made = {(category.name, category.axis_index(name)) for name, _ in self.lessons for category in (self.axes[name][0],)}
        if self.plan.lessons is not None:
            studio.plan = replace(self.plan, lessons=max(self.plan.lessons - len(self.lessons), 0))
        for clip in studio.lessons(self.categories, lambda share, text: self.progress(0.8 + 0.2 * share, text)):
            own = clip.kind == "edit" and any((clip.category, int(k)) in made for k in np.flatnonzero(clip.latents[0]))
            yield weighted(clip, DIFFUSION if own else PROCEDURAL)

    def _add(self, clip: Clip, frame: Frame, category: Category, at: dict[str, float]) -> None:
        latent = np.zeros(category.dim, np.float32)
        for name, amount in at.items():
            latent[category.axis_index(name)] += amount
        clip.frames.append(frame)
        clip.latents.append(latent)

    def _photo_frame(self, portrait: Portrait, weight: np.ndarray) -> Frame:
        """The generated picture itself as a lesson, in the portrait's own view; weight (S, S): where it differs from the photo."""
        camera, photo = self.studio.camera, self.portrait
        taken = [np.concatenate([p.foreground * p.alpha[..., None], p.alpha[..., None]], -1) for p in (portrait, photo)]
        edited, plain, changed = (np.clip(retaken(p, self.rig.camera, camera), 0, 1) for p in (*taken, weight[..., None].repeat(3, -1)))
        edited = plain + changed[..., :1] * (edited - plain)
        before = Unedited(packed(plain[..., :3]), packed(plain[..., 3]), packed(1 - changed[..., 0]))
        rest = {name: np.zeros(size, np.float32) for name, size in (("weights", len(self.rig.blendshapes)), ("head", 3), ("gaze", 2))}
        frame = to_frame(edited[..., :3], edited[..., 3], before, camera, rest)
        frame.weight = DIFFUSION
        return frame

    def _between(self) -> dict[str, Clip]:
        """By category, faces between neighbouring accepted edits, at the shares that they are seen to lie at. Morphs
        (`Studio.mixed`) cover every pair too, in other poses: they alone serve a pair that is refused here."""
        clips = {c.name: Clip(c.name, "interpolated") for c in self.categories}
        steps: list[tuple[Category, End, End, Between]] = []
        for category in self.categories:
            points = [(a.name, s) for a in category.axes for s in (1, -1) if (a.name, s) in self.lessons]
            for first, second in itertools.pairwise(points):
                if first[0] != second[0]:
                    requests = [self._request(end) for end in (first, second)]
                    steps += [(category, first, second, Between(*requests, share)) for share in SHARES]
        if not steps or (self.plan.deadline is not None and time.monotonic() > self.plan.deadline):
            return clips
        try:
            pictures = self.synthesizer.editor.interpolate(
                [s[-1] for s in steps], lambda: self.progress(0.75, f"{stages.IMAGINING}: faces between styles")
            )
        except EditorGone as gone:
            pictures, steps = gone.made, steps[: len(gone.made)]
        for (category, first, second, step), raw in zip(steps, pictures, strict=True):
            mask = np.maximum(step.first.mask, step.second.mask)
            edits = [self._verdict(end).picture for end in (first, second)]
            verdict, share = self.inspector.between(raw, mask, *edits, step.share)
            if verdict.ok:
                frame = self._photo_frame(self._mixed(first, second, share, verdict), verdict.weight)
                self._add(clips[category.name], frame, category, {first[0]: first[1] * (1 - share), second[0]: second[1] * share})
                self.report["interpolated"] += 1
        return clips

    def _request(self, end: End) -> Request:
        return self.outcome.accepted[key_of(end)][0]

    def _verdict(self, end: End) -> Verdict:
        return self.outcome.accepted[key_of(end)][1]

    def _mixed(self, first: End, second: End, share: float, verdict: Verdict) -> Portrait:
        """A portrait of an interpolated picture: its outline lies between those of the two edits."""
        a, b = self.lessons[first].portrait, self.lessons[second].portrait
        alpha = (1 - share) * a.alpha + share * b.alpha
        # Where the two outlines differ the picture's own colours are mixed with background: theirs are not.
        solid = cv2.erode((np.minimum(a.alpha, b.alpha) > 0.97).astype(np.float32), np.ones((3, 3)))[..., None]
        foreground = solid * verdict.picture + (1 - solid) * ((1 - share) * a.foreground + share * b.foreground)
        return replace(a, image=verdict.picture, alpha=alpha, foreground=foreground)
