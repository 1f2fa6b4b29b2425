"""The public API of the page: /build, /preview, /video, /export and /info, for gradio_client and for tools."""

from pathlib import Path

import gradio as gr

from ..controls import RANGES, Controls
from ..errors import PerseError
from ..files import write_atomically
from ..framing import frame_size
from ..motion.keyframes import along, read_keys
from ..motion.length import ON_PAGE
from ..motion.presets import PRESETS, preset_motion, preset_named
from ..motion.speech.voice import VOICES
from ..render.visible_label import draw_mark
from ..settings import API_BUDGETS, DEFAULT_BUDGET, SEEDS, SIZES, VIDEO_FORMATS, VIDEO_FPS, VIDEO_SECONDS, VIDEO_SIZES, api_limits
from . import gradio_patches
from .client_address import address_in
from .engine import AVATAR, BUILD, PICTURE, Engine
from .failures import note_failure
from .fair_pool import Busy, FairPool
from .jobs import Job
from .visits import Visits
from .waiting_line import Line

PROGRAMS_SHARE = 0.2  # share of a line that the programs of one address may take: a person's page takes up to half


def check_video(seconds: float, fps: float, size: float, suffix: str, motion: str) -> None:
    """PerseError for a video that this page does not make."""
    for name, value, (low, high) in (("length", seconds, VIDEO_SECONDS), ("frame rate", fps, VIDEO_FPS), ("size", size, VIDEO_SIZES)):
        number(name, value, low, high)
    if suffix not in VIDEO_FORMATS:
        raise PerseError(f"Unknown format {str(suffix)[:40]!r}: use {', '.join(VIDEO_FORMATS)}.")
    preset_named(motion)


def number(name: str, value: object, low: float, high: float) -> float:
    """A number within its range; PerseError for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
        raise PerseError(f"The {name} must lie between {low:g} and {high:g}, not {str(value)[:20]}.")
    return value


def build_deadline(budget: float) -> float:
    """Seconds after which a build of this budget is stopped, on however slow a machine."""
    return 300.0 + 6.0 * budget


class Api:
    """The five functions, over the same avatars and lines as the page. Each build is a visit of its own, that lives as long as its
    avatar is used.

    Args:
        engine, visits: the page's.
        building, filming: the lines in which builds and videos wait; pool: where pictures and files are made.
        filming_deadline: seconds after which a video is stopped.
        mark: a visible label on every picture and video; none if empty. speech_mark: the same, on videos in which somebody speaks.
    """

    def __init__(
        self,
        engine: Engine,
        visits: Visits,
        building: Line,
        filming: Line,
        pool: FairPool,
        filming_deadline: float,
        mark: str = "",
        speech_mark: str = "",
    ):
        self.engine, self.visits, self.building, self.filming, self.pool = engine, visits, building, filming, pool
        self.filming_deadline, self.mark, self.speech_mark = filming_deadline, mark, mark or speech_mark

    def mount(self) -> None:
        """Add the endpoints to the Blocks that is being made."""
        with gr.Column(visible=False):
            handle = gr.Textbox(label="avatar")
            controls = gr.Textbox(label="controls", value="{}")
            size = gr.Number(label="size", value=512, precision=0)
            background = gr.Textbox(label="background", value="grey")
            file, answer = gr.File(label="file"), gr.JSON(label="answer")
            button = gr.Button("API")
            common = dict(queue=True, show_progress="hidden")
            photo, consent = gr.File(label="photo", type="filepath"), gr.Checkbox(label="consent")
            gradio_patches.path_only(photo)
            budget, seed = gr.Number(label="budget", value=DEFAULT_BUDGET), gr.Number(label="seed", value=0, precision=0)
            motion, framing = gr.Textbox(label="motion", value="turntable"), gr.Textbox(label="framing", value="head")
            seconds, fps = gr.Number(label="seconds", value=4.0), gr.Number(label="fps", value=25)
            film, export = gr.Textbox(label="format", value="mp4"), gr.Textbox(label="format", value="ply")
            say, voice = gr.Textbox(label="say", value=""), gr.Textbox(label="voice", value="")
            speech, spoken_consent = gr.File(label="speech", type="filepath"), gr.Checkbox(label="consent")
            gradio_patches.path_only(speech)
            keys = gr.Textbox(label="keys", value="")
            button.click(self.build, [photo, consent, budget, seed], answer, api_name="build", concurrency_limit=None, **common)
            button.click(self.preview, [handle, controls, size, background], file, api_name="preview", concurrency_limit=4, **common)
            button.click(
                self.video,
                [handle, controls, motion, seconds, fps, size, film, framing, background, say, voice, speech, spoken_consent, keys],
                file,
                api_name="video",
                concurrency_limit=None,
                **common,
            )
            button.click(self.export, [handle, controls, export], file, api_name="export", concurrency_limit=1, **common)
            button.click(self.info, handle, answer, api_name="info", concurrency_limit=4, **common)

    def build(self, photo: str, consent: bool = False, budget: float = DEFAULT_BUDGET, seed: int = 0, request: gr.Request = None):
        """Build an editable 3D head avatar from one portrait photo.

        Args:
            photo: a picture file with one clear face (JPEG, PNG, WebP, AVIF or HEIC); from a tool, as a data URI, 3 MB at most.
            consent: must be true: this is me, or I have the person's permission.
            budget: seconds the build takes on two fast CPU cores, from 10 to 300; more gives more detail.
            seed: the same seed gives the same avatar.

        Returns:
            A JSON object: `avatar`, the handle that the other endpoints take (deleted after 30 minutes without use);
            `quality`, hints about the photo; `build`, how it went.
        """
        with friendly():
            visit = self.visits.open(address_in(request.request) if request else "", page=False)
            kept = None
            try:
                if not photo:
                    raise PerseError("Please send a photo.")
                kept = self.visits.take(visit, photo)
                if consent is not True:
                    raise PerseError("Please confirm with consent=true that this is you, or that you have the person's permission.")
                number("budget", budget, *API_BUDGETS)
                number("seed", seed, *SEEDS)
                job = Job(
                    lambda report, cancelled: self._built(kept, budget, int(seed), report, cancelled),
                    self.building,
                    visit.who,
                    build_deadline(budget),
                    share=PROGRAMS_SHARE,
                ).start()
                for _ in job.updates():
                    visit.seen = self.visits.clock()
                    yield gr.skip()
                token, report = self.visits.add(visit, job.result, built=True), job.result.report
            except BaseException:
                self.visits.close(visit)
                raise
            yield {"avatar": token, "quality": report.quality, "build": report.build}

    def _built(self, photo: Path, budget: float, seed: int, report, cancelled):
        try:
            self.engine.wait(AVATAR, cancelled=cancelled)
            portrait = self.engine.pipeline.prepare(photo, cancelled=cancelled)
        finally:
            photo.unlink(missing_ok=True)
        self.engine.wait(BUILD, cancelled=cancelled)
        return self.engine.pipeline.build(portrait, budget, seed, report, cancelled)

    def _made(self, avatar: str, make, name: str) -> str:
        """`make(entry, path)` in the visit's turn; the path, in the visit's folder."""
        entry = self.visits.get(avatar)
        self.engine.wait(PICTURE)
        path = self.visits.path(entry.visit, f"{entry.name}{name}")
        try:
            self.pool.submit(entry.visit.who, lambda: make(entry, path), patient=True).result()
        except Busy:
            raise PerseError("Too many calls wait for this avatar: please wait for their answers first.") from None
        self.visits.publish(entry.visit, path)  # and so it goes when its time is over
        return str(path)

    def preview(self, avatar: str, controls: str = "{}", size: int = 512, background: str = "grey", request: gr.Request = None) -> str:
        """Render one picture of an avatar.

        Args:
            avatar: the handle that /build returned.
            controls: a Controls JSON object, e.g. {"expression": {"smile": 0.8}, "styles": {"beard": {"full": 1}}, "yaw": 15};
                /info lists the names. {} is the portrait as it is.
            size: side of the square picture in pixels, from 64 to 2048.
            background: white, black, grey, transparent, original or #rrggbb.

        Returns:
            A PNG file.
        """
        with friendly():
            look, side = Controls.from_json(controls), int(number("size", size, *SIZES))

            def make(entry, path):
                from ..render.picture import encode_picture

                picture = self.engine.pipeline.render(entry.avatar, look, side, background)
                write_atomically(path, encode_picture(draw_mark(picture, self.mark), ".png"))

            return self._made(avatar, make, "-picture.png")

    def video(
        self,
        avatar: str,
        controls: str = "{}",
        motion: str = "turntable",
        seconds: float = 4.0,
        fps: float = 25,
        size: int = 512,
        format: str = "mp4",
        framing: str = "head",
        background: str = "grey",
        say: str = "",
        voice: str = "",
        speech: str | None = None,
        consent: bool = False,
        keys: str = "",
        request: gr.Request = None,
    ):
        """Render a video of an avatar in motion, or one in which it speaks, with an edit.

        Args:
            avatar: the handle that /build returned.
            controls: a Controls JSON object: the edit that the person wears in the video.
            motion: a ready-made motion; /info lists them (turntable, alive, expressions, chatter, sweep, ...).
            seconds: length, from 0.5 to 60. Of speech the text or the recording decides.
            fps: frames a second, from 5 to 60.
            size: side of the square video in pixels, from 128 to 1080. Of framing source: the shorter side, at most the photo's.
            format: mp4, webm, gif or webp.
            framing: head, or source for the photo's own frame.
            background: white, black, grey, original or #rrggbb; with webm and webp also transparent.
            say: English text that the avatar says instead of the ready-made motion.
            voice: that says it; /info lists them.
            speech: instead of a text a recording of somebody speaking, in any language: a file of sound, or a clip with sound.
            consent: must be true with a recording: this is my voice, or I have the person's permission.
            keys: looks that come and go during the motion, in place of controls: a JSON list such as
                [{"seconds": 0}, {"seconds": 2, "look": {"styles": {"hair": {"blond": 1}}}, "easing": "smooth"}].

        Returns:
            A video file, mp4 and webm with its sound.
        """
        entry, kept = None, None
        with friendly():
            try:
                entry = self.visits.get(avatar)
                if speech:
                    kept = self.visits.take(entry.visit, speech)
                    if consent is not True:
                        raise PerseError(
                            "Please confirm with consent=true that this is your voice, or that you have the person's permission."
                        )
                check_video(seconds, fps, size, format, motion)
                looks, speaks = read_keys(keys) if keys else (), bool(say or kept)
                for key in looks:
                    entry.avatar.state(key.look)
                look = Controls() if looks else Controls.from_json(controls)
                name = "speech" if speaks else motion
                path = self.visits.path(entry.visit, f"{entry.name}-{name}.{format}")

                def work(report, cancelled):
                    self.engine.wait(PICTURE, cancelled=cancelled)
                    if speaks:
                        from ..motion.speech.asked import spoken_motion

                        most = ON_PAGE.seconds_at(float(fps), frame_size(entry.avatar.source, int(size), framing))
                        plan = spoken_motion(entry.avatar, say or None, voice, kept, most, look, float(fps), cancelled=cancelled)
                    else:
                        plan = preset_motion(motion, look, float(seconds), float(fps), entry.avatar.rig)
                    plan = along(plan, looks) if looks else plan
                    mark = self.speech_mark if plan.sound is not None else self.mark
                    self.engine.pipeline.video(entry.avatar, plan, path, int(size), background, framing, report, cancelled, mark, ON_PAGE)
                    return path

                job = Job(work, self.filming, entry.visit.who, self.filming_deadline, share=PROGRAMS_SHARE).start()
                for _ in job.updates():
                    self.visits.get(avatar)  # in use
                    yield gr.skip()
            finally:
                if kept is not None:
                    kept.unlink(missing_ok=True)
            self.visits.publish(entry.visit, path)
            yield str(path)

    def export(self, avatar: str, controls: str = "{}", format: str = "ply", request: gr.Request = None) -> str:
        """Export an avatar to a file.

        Args:
            avatar: the handle that /build returned.
            controls: a Controls JSON object: the moment that ply freezes, and that html begins with; glb takes its edits.
            format: ply (3D Gaussians in the standard layout, for any splat viewer), html (a page with player and sliders), glb
                (a mesh with ARKit's shapes) or safetensors (the avatar, to be opened here again).

        Returns:
            The file.
        """
        with friendly():
            look = Controls.from_json(controls)
            if format not in ("ply", "html", "glb", "safetensors"):
                raise PerseError(f"Unknown format {str(format)[:40]!r}: use ply, html, glb or safetensors.")

            def make(entry, path):
                if format == "safetensors":
                    self.engine.pipeline.save(entry.avatar, path, surroundings="blurred")
                else:
                    self.engine.pipeline.export(entry.avatar, look, path)

            return self._made(avatar, make, f".{format}")

    def info(self, avatar: str) -> dict:
        """Tell what an avatar offers: categories with their sliders and styles, expressions, motions, ranges of controls, limits of calls, build report.

        Args:
            avatar: the handle that /build returned.

        Returns:
            A JSON object.
        """
        with friendly():
            return self.engine.pipeline.info(self.visits.get(avatar).avatar) | {
                "motions": {n: p.help for n, p in PRESETS.items()},
                "voices": {n: v.label for n, v in VOICES.items()},
                "ranges": RANGES,
                "limits": api_limits(),
            }


class friendly:
    """Turns an error into Gradio's, so that a client gets one sentence and the log nothing personal."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if isinstance(error, Exception):
            raise gr.Error(str(error) if isinstance(error, PerseError) else note_failure(error), print_exception=False) from None
