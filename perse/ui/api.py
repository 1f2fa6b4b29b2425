"""The public API of the page: /build, /preview, /video, /export and /info, for gradio_client and for tools."""

from pathlib import Path

import gradio as gr

from ..controls import Controls
from ..errors import PerseError
from ..files import write_atomically
from ..motion.presets import PRESETS, preset_motion
from ..pipeline import DEFAULT_BUDGET, PersePipeline, encode_picture
from ..render.mark import draw_mark
from .jobs import Job, Turns
from .visits import Visits

FORMATS = ("mp4", "webm", "gif")
VIDEO_SECONDS, VIDEO_FPS, VIDEO_SIZES = (0.5, 30.0), (5.0, 60.0), (128, 1080)


def check_video(seconds: float, fps: float, size: float, suffix: str, motion: str) -> None:
    """PerseError for a video that this page does not make."""
    for name, value, (low, high) in (
            ("length", seconds, VIDEO_SECONDS), ("frame rate", fps, VIDEO_FPS), ("size", size, VIDEO_SIZES)):
        if not isinstance(value, (int, float)) or not low <= value <= high:
            raise PerseError(f"The {name} must lie between {low:g} and {high:g}, not {value}.")
    if suffix not in FORMATS:
        raise PerseError(f"Unknown format {suffix!r}: use {', '.join(FORMATS)}.")
    if motion not in PRESETS:
        raise PerseError(f"Unknown motion {motion!r}; known are: {', '.join(PRESETS)}.")


class Api:
    """The five functions, over the same avatars and lines as the page.

    Args:
        pipeline, visits: the page's.
        building, filming: the lines in which builds and videos wait.
        mark: a visible label on every picture and video; none if empty.
    """

    def __init__(self, pipeline: PersePipeline, visits: Visits, building: Turns, filming: Turns, mark: str = ""):
        self.pipeline, self.visits, self.building, self.filming, self.mark = pipeline, visits, building, filming, mark

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
            budget, seed = gr.Number(label="budget", value=DEFAULT_BUDGET), gr.Number(label="seed", value=0, precision=0)
            motion, framing = gr.Textbox(label="motion", value="turntable"), gr.Textbox(label="framing", value="head")
            seconds, fps = gr.Number(label="seconds", value=4.0), gr.Number(label="fps", value=25)
            film, export = gr.Textbox(label="format", value="mp4"), gr.Textbox(label="format", value="ply")
            button.click(self.build, [photo, consent, budget, seed], answer, api_name="build", concurrency_limit=None, **common)
            button.click(self.preview, [handle, controls, size, background], file, api_name="preview", concurrency_limit=2, **common)
            button.click(self.video, [handle, controls, motion, seconds, fps, size, film, framing, background], file, api_name="video",
                         concurrency_limit=None, **common)
            button.click(self.export, [handle, controls, export], file, api_name="export", concurrency_limit=1, **common)
            button.click(self.info, handle, answer, api_name="info", concurrency_limit=4, **common)

    def build(self, photo: str, consent: bool = False, budget: float = DEFAULT_BUDGET, seed: int = 0, request: gr.Request = None):
        """Build an editable 3D head avatar from one portrait photo.

        Args:
            photo: a picture file with one clear face (JPEG, PNG, WebP, AVIF or HEIC).
            consent: must be true: this is me, or I have the person's permission.
            budget: seconds the build takes on two fast CPU cores, from 10 to 300; more gives more detail.
            seed: the same seed gives the same avatar.

        Returns:
            A JSON object: `avatar`, the handle that the other endpoints take (valid while this client stays connected, 30
            minutes at most without use); `quality`, hints about the photo; `build`, how it went.
        """
        with _friendly():
            try:
                if not consent:
                    raise PerseError(
                        "Please confirm with consent=true that this is you, or that you have the person's permission.")
                if not 10 <= budget <= 300:
                    raise PerseError(f"The budget must lie between 10 and 300 seconds, not {budget:g}.")
                if not photo:
                    raise PerseError("Please send a photo.")
                portrait = self.pipeline.prepare(photo)
            finally:
                if photo:
                    Path(photo).unlink(missing_ok=True)
            job = Job(lambda report, cancelled: self.pipeline.build(portrait, budget, int(seed), report, cancelled), self.building)
            for _ in job.updates():
                yield gr.skip()
            token = self.visits.add(visit_of(request), job.result)
            yield {"avatar": token, "quality": job.result.report.quality, "build": job.result.report.build}

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
        with _friendly():
            entry = self.visits.get(avatar)
            picture = self.pipeline.render(entry.avatar, Controls.from_json(controls), int(size), background)
            path = self.visits.path(visit_of(request), f"{entry.name}-picture.png")
            write_atomically(path, encode_picture(draw_mark(picture, self.mark), ".png"))
            return str(path)

    def video(self, avatar: str, controls: str = "{}", motion: str = "turntable", seconds: float = 4.0, fps: float = 25,
              size: int = 512, format: str = "mp4", framing: str = "head", background: str = "grey", request: gr.Request = None):
        """Render a video of an avatar in motion, with an edit.

        Args:
            avatar: the handle that /build returned.
            controls: a Controls JSON object: the edit that the person wears in the video.
            motion: a ready-made motion; /info lists them (turntable, alive, expressions, chatter, sweep, ...).
            seconds: length, from 0.5 to 30.
            fps: frames a second, from 5 to 60.
            size: side of the square video in pixels, from 128 to 1080.
            format: mp4, webm or gif.
            framing: head, or source for the photo's own frame.
            background: white, black, grey, original or #rrggbb.

        Returns:
            A video file.
        """
        with _friendly():
            check_video(seconds, fps, size, format, motion)
            entry = self.visits.get(avatar)
            plan = preset_motion(motion, Controls.from_json(controls), float(seconds), float(fps))
            path = self.visits.path(visit_of(request), f"{entry.name}-{motion}.{format}")
            job = Job(lambda report, cancelled: self.pipeline.video(
                entry.avatar, plan, path, int(size), background, framing, report, cancelled, self.mark), self.filming)
            for _ in job.updates():
                yield gr.skip()
            yield str(path)

    def export(self, avatar: str, controls: str = "{}", format: str = "ply", request: gr.Request = None) -> str:
        """Export an avatar to a file.

        Args:
            avatar: the handle that /build returned.
            controls: a Controls JSON object: the moment that ply and html freeze.
            format: ply (3D Gaussians in the standard layout, for any splat viewer), html (a page that shows them by itself) or
                safetensors (the avatar, to be opened here again).

        Returns:
            The file.
        """
        with _friendly():
            entry = self.visits.get(avatar)
            if format not in ("ply", "html", "safetensors"):
                raise PerseError(f"Unknown format {format!r}: use ply, html or safetensors.")
            path = self.visits.path(visit_of(request), f"{entry.name}.{format}")
            if format == "safetensors":
                self.pipeline.save(entry.avatar, path)
            else:
                self.pipeline.export(entry.avatar, Controls.from_json(controls), path)
            return str(path)

    def info(self, avatar: str) -> dict:
        """Tell what an avatar offers: categories with their sliders and styles, expressions, ranges, motions, build report.

        Args:
            avatar: the handle that /build returned.

        Returns:
            A JSON object.
        """
        with _friendly():
            return self.pipeline.info(self.visits.get(avatar).avatar) | {"motions": {n: p.help for n, p in PRESETS.items()}}


class _friendly:
    """Turns a PerseError into Gradio's error, so that a client gets the sentence and the log no traceback."""

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if isinstance(error, PerseError):
            raise gr.Error(str(error), print_exception=False) from None


def visit_of(request: gr.Request | None) -> str:
    """The visit a request belongs to. It only groups what is deleted together; it is no key to anything."""
    return (request and request.session_hash) or "nobody"
