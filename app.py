"""PERSE on the web: `python app.py`, or a Hugging Face Space. Handlers, the page, the wiring; the rest is in perse/ui."""

import importlib.util
import json
import os
import secrets
import shutil
import signal
import sys
from functools import partial
from pathlib import Path

import perse  # noqa: F401  (sets the threading environment; must come before torch)

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")

import gradio as gr
import gradio.mcp
from gradio.utils import get_upload_folder

import perse.gpu  # noqa: F401  (on ZeroGPU, `spaces` must come before torch)
from perse.controls import Controls
from perse.errors import PerseError
from perse.motion.drive import drive
from perse.motion.motion import Motion
from perse.motion.presets import PRESETS, preset_motion
from perse.motion.table import motion_csv
from perse.pipeline import PersePipeline, warm_up_in_background
from perse.ui import pieces
from perse.ui.api import FORMATS, VIDEO_SECONDS, VIDEO_SIZES, Api, check_video, visit_of
from perse.ui.examples import EXAMPLES
from perse.ui.jobs import Job, Running, Turns, Update
from perse.ui.routes import FrameRoutes
from perse.ui.visits import Entry, Visits

TTL = float(os.environ.get("PERSE_TTL", 1800))  # seconds an unused avatar is kept
MARK = os.environ.get("PERSE_MARK", "")  # a label on what visitors save, "AI generated" say; none if empty
BUDGETS = {"Fast (15 s)": 15.0, "Standard (30 s)": 30.0, "Fine (1 min)": 60.0}
if "PERSE_BUDGET" in os.environ:  # an owner's own choice comes first
    BUDGETS = {f"Quick ({float(os.environ['PERSE_BUDGET']):g} s)": float(os.environ["PERSE_BUDGET"])} | BUDGETS
DEFAULT = "Standard (30 s)" if "PERSE_BUDGET" not in os.environ else next(iter(BUDGETS))

pipeline = PersePipeline.from_pretrained()
visits = Visits(Path(get_upload_folder()) / f"visits-{secrets.token_urlsafe(18)}", int(os.environ.get("PERSE_MAX_AVATARS", 24)), TTL)
building, filming = Turns(), Turns()
builds, films = Running(), Running()


# ------------------------------------------------------------------ handlers

def analyse(photo: str | None, agreed: bool):
    """A photo has arrived: show the crop and the hints before anything is spent."""
    if photo is None:
        return None, pieces.html("intro.html"), gr.update(interactive=False), None
    try:
        portrait = pipeline.prepare(photo)
    except PerseError as error:
        gr.Warning(str(error), title="This photo does not work")
        return None, pieces.message(str(error)), gr.update(interactive=False), None
    finally:
        Path(photo).unlink(missing_ok=True)
    return (portrait, "perse"), pieces.found(portrait), gr.update(interactive=agreed), gr.skip()


def start_example(request: gr.Request, event: gr.EventData):
    """An example portrait: its ready-made avatar opens at once, or its photo is prepared for a build."""
    example = EXAMPLES[event.example]
    if example.avatar_path.is_file():
        try:
            token = visits.add(visit_of(request), example.avatar(), example.name)
            return gr.skip(), gr.skip(), gr.skip(), token
        except PerseError:
            pass  # made by another version: build it anew
    portrait = pipeline.prepare(example.photo())
    return (portrait, example.name), pieces.found(portrait, example=True), gr.update(interactive=True), ""


def fit(chosen, budget: str, request: gr.Request):
    """Fit the avatar, with stage names and a preview that sharpens. Cancel and a closed page end the fit.

    All that the page shows of a build is what this generator sends, one piece after another: with a second request's
    answer beside it, the browser could apply the two in either order. The style sheet hides and shows the buttons by
    the piece that is there.
    """
    if chosen is None:
        raise gr.Error("Please choose a photo first.", print_exception=False)
    portrait, name = chosen
    job = Job(lambda report, cancelled: pipeline.build(portrait, BUDGETS[budget], 0, report, cancelled), building)
    with builds.job(visit_of(request), job):
        try:
            yield pieces.progress(Update(0.0, "starting"), portrait), ""
            for update in job.updates():
                yield pieces.progress(update, portrait), ""
        except PerseError as error:
            gr.Warning(str(error))
            yield pieces.message(str(error)), ""
            return
    if job.cancelled:
        yield pieces.found(portrait, name != "perse"), ""
        return
    for note in set(job.result.report.build["notes"]) - set(pipeline.notes):
        gr.Info(note, title="About this build")
    yield pieces.found(portrait, name != "perse"), visits.add(visit_of(request), job.result, name)


def stop_build(request: gr.Request) -> None:
    """Cancel: `fit`, which watches the job, puts the page back."""
    builds.cancel(visit_of(request))


def stop_film(request: gr.Request) -> None:
    """Cancel: `film` or `tabulate`, which watch the job, put the page back."""
    films.cancel(visit_of(request))


def open_avatar(path: str, request: gr.Request) -> str:
    """An avatar file comes back."""
    try:
        return visits.add(visit_of(request), pipeline.load(path), "perse")
    except PerseError as error:
        gr.Warning(str(error), title="This file does not work")
        return ""
    finally:
        Path(path).unlink(missing_ok=True)


def take_clip(path: str, request: gr.Request):
    """A driving clip has arrived: it moves to the visit's own folder, and away from Gradio's cache."""
    kept = visits.path(visit_of(request), f"clip{Path(path).suffix}")
    shutil.move(path, kept)
    return str(kept), None, pieces.clip_note("The video will follow your clip.")


def drop_clip(clip: str | None):
    """Back to the ready-made motions."""
    if clip:
        Path(clip).unlink(missing_ok=True)
    return None, ""


def planned(entry: Entry, look: Controls, motion: str, clip: str | None, seconds: float, fps: int, report) -> Motion:
    """The motion that the Video tab is set to: the driving clip's, or a ready-made one."""
    if clip:
        report(0.0, "following your clip")
        return drive(entry.avatar, clip, look, float(fps), float(seconds))
    return preset_motion(motion, look, float(seconds), float(fps))


def tabulate(token: str, look: str, motion: str, clip: str | None, seconds: float, fps: int, request: gr.Request):
    """The motion as CSV, for the browser to keep as a file: [name, text] as JSON."""
    try:
        check_video(seconds, fps, VIDEO_SIZES[0], FORMATS[0], motion)
        entry, edit = visits.get(token), Controls.from_json(look)
        job = Job(lambda report, cancelled: motion_csv(planned(entry, edit, motion, clip, seconds, fps, report)), filming)
        with films.job(visit_of(request), job):
            yield "", pieces.progress(Update(0.0, "writing the table"))
            for update in job.updates():
                yield "", pieces.progress(update)
        if job.cancelled:
            yield "", ""
            return
        yield json.dumps([f"{entry.name}-{'clip' if clip else motion}.csv", job.result]), ""
    except PerseError as error:
        gr.Warning(str(error))
        yield "", pieces.message(str(error))


def film(token: str, look: str, background: str, motion: str, clip: str | None, seconds: float, size: int, fps: int, kind: str,
         framing: str, request: gr.Request):
    """Render the look of the moment of pressing, in motion. Cancel and a closed page end it."""
    def work(report, cancelled):
        plan = planned(entry, edit, motion, clip, seconds, fps, report)
        pipeline.video(entry.avatar, plan, path, int(size), background, framing.lower(), partial(report, text="rendering"), cancelled,
                       MARK)

    try:
        check_video(seconds, fps, size, kind, motion)
        entry, edit = visits.get(token), Controls.from_json(look)
        path = visits.path(visit_of(request), f"{entry.name}-{'clip' if clip else motion}.{kind}")
        job = Job(work, filming)
        with films.job(visit_of(request), job):
            yield pieces.progress(Update(0.0, "starting"))
            for update in job.updates():
                yield pieces.progress(update)
        yield "" if job.cancelled else pieces.video(f"perse/file/{visits.publish(path)}", path.name)
    except PerseError as error:
        gr.Warning(str(error))
        yield pieces.message(str(error))


def end_visit(request: gr.Request) -> None:
    """The tab is closed: what is being made for this visit stops, for nobody would delete it, and the rest is deleted."""
    visit = visit_of(request)
    builds.cancel(visit)
    films.cancel(visit)
    visits.close(visit)


def path_only(payload) -> str | None:
    """Replaces a component's `preprocess`: the uploaded file's path as it is. Nothing is decoded before our own checks."""
    return payload and payload.path


# ------------------------------------------------------------------ the page

piece = partial(gr.HTML, apply_default_css=False)

with gr.Blocks(title="PERSE: one photo, a 3D you", analytics_enabled=False, delete_cache=(600, 1800), fill_width=True) as demo:
    piece(pieces.html("header.html"))
    chosen = gr.State(None, time_to_live=TTL)
    driver = gr.State(None, time_to_live=TTL)
    avatar = gr.Textbox(visible=False)
    look, background = gr.Textbox(visible=False), gr.Textbox(visible=False)
    motion = gr.Textbox(next(iter(PRESETS)), visible=False)

    with gr.Row(elem_id="view-start"):
        with gr.Column(elem_classes="perse-card", scale=5):
            piece("<h2><b>1</b>Your photo</h2>")
            photo = gr.Image(label="Portrait", show_label=False, type="filepath", sources=["upload", "webcam", "clipboard"], height=300,
                             elem_id="perse-photo")
            photo.preprocess = path_only
            examples = piece(pieces.examples(), js_on_load="element.addEventListener('click', (e) => { const tile = "
                               "e.target.closest('[data-example]'); if (tile) trigger('click', {example: tile.dataset.example}); })")
            reopen = gr.UploadButton("Open an avatar file", file_types=[".safetensors"], type="filepath", variant="secondary", size="md")
        with gr.Column(elem_classes="perse-card", scale=6):
            piece("<h2><b>2</b>Build</h2>")
            found = piece(pieces.html("intro.html"), elem_id="perse-found")
            with gr.Column(elem_classes="perse-plain", elem_id="perse-before"):
                budget = gr.Radio(list(BUDGETS), value=DEFAULT, label="Time to spend", elem_id="perse-budget")
                consent = gr.Checkbox(label="This is me, or I have the person's permission", elem_id="perse-consent")
                go = gr.Button("Build my avatar", variant="primary", size="lg", interactive=False, elem_classes="perse-go",
                               elem_id="perse-build")
                piece(pieces.note(" ".join(pipeline.notes)), elem_id="perse-how")
            cancel = gr.Button("Cancel", elem_id="perse-cancel")

    with gr.Row(elem_id="view-play"):
        with gr.Column(elem_id="stage-column"):
            piece(pieces.html("stage.html"))
        with gr.Column(elem_id="panel-column"):
            piece(pieces.html("panel.html"))
            with gr.Column(elem_id="perse-video"):
                with gr.Accordion("Follow a clip of yours instead", open=False):
                    clip = gr.Video(label="A face that moves, up to 30 seconds", sources=["upload", "webcam"], include_audio=False,
                                    height=240, elem_id="perse-clip")
                    clip.preprocess = path_only
                    clip_note = piece()
                    forget = gr.Button("Use the motions above", size="sm", elem_id="perse-forget")
                seconds = gr.Slider(1, VIDEO_SECONDS[1], value=4, step=1, label="Seconds")
                with gr.Row():
                    size = gr.Radio([256, 512, 720, 1080], value=512, label="Size")
                    kind = gr.Radio(list(FORMATS), value="mp4", label="Format")
                with gr.Row():
                    fps = gr.Radio([15, 25, 30, 60], value=25, label="Frames a second")
                    framing = gr.Radio(["Head", "Source"], value="Head", label="Framing")
                shoot = gr.Button("Render video", variant="primary", size="lg", elem_classes="perse-go", elem_id="perse-shoot")
                cut = gr.Button("Cancel", elem_id="perse-cut")
                film_out = piece(elem_id="perse-film")
                table = gr.Button("Motion as CSV", size="md", elem_id="perse-table")
                sheet = gr.Textbox(visible=False)

    piece('<p class="perse-privacy">Your photo is deleted as soon as it is read. Your avatar lives in this server\'s memory only while '
            "you are here, and is deleted when you close the page. Whatever you save is marked as synthetic.</p>")

    # -------------------------------------------------------------- the wiring

    quiet = dict(api_visibility="private", show_progress="hidden")
    shown = dict(api_visibility="private", show_progress="minimal", show_progress_on=found)
    enter = dict(fn=None, inputs=avatar, js="(token) => { perse.open(token); }", **quiet)
    start = [chosen, found, go]
    photo.upload(analyse, [photo, consent], [*start, photo], concurrency_id="look", concurrency_limit=2, **shown)
    photo.clear(analyse, [photo, consent], [*start, photo], **quiet)
    examples.click(start_example, None, [*start, avatar], concurrency_id="look", **shown).then(**enter)
    consent.input(lambda agreed, chosen: gr.update(interactive=agreed and chosen is not None), [consent, chosen], go, queue=False,
                  **quiet)
    go.click(fit, [chosen, budget], [found, avatar], js="(...x) => { perse.view('build'); return x; }", concurrency_limit=None,
             **quiet).then(**enter)
    cancel.click(stop_build, queue=False, **quiet)
    reopen.upload(open_avatar, reopen, avatar, **quiet).then(**enter)
    gr.on([clip.upload, clip.stop_recording], take_clip, clip, [driver, clip, clip_note], **quiet)
    forget.click(drop_clip, driver, [driver, clip_note], **quiet)
    shoot.click(film, [avatar, look, background, motion, driver, seconds, size, fps, kind, framing], film_out,
                js="(a, l, b, m, ...rest) => [perse.token, perse.look.json(), perse.stage.background, perse.motion.name, ...rest]",
                concurrency_limit=None, **quiet)
    table.click(tabulate, [avatar, look, motion, driver, seconds, fps], [sheet, film_out],
                js="(a, l, m, ...rest) => [perse.token, perse.look.json(), perse.motion.name, ...rest]", **quiet).then(
        fn=None, inputs=sheet, js="(file) => { perse.saveTable(file); }", **quiet)
    cut.click(stop_film, queue=False, **quiet)
    demo.unload(end_visit)
    Api(pipeline, visits, building, filming, MARK).mount()


def main() -> None:
    """Serve the page until it is stopped."""
    warm_up_in_background()
    # A tool's caller may send a photo as a data URI; Gradio's copy of it has to go with the rest, when its time is over.
    gradio.mcp.DEFAULT_TEMP_DIR = str(visits.root / "mcp")
    visits.sweep_forever()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # a stopped server cleans up like an interrupted one
    theme = gr.themes.Default(primary_hue="violet", secondary_hue="violet", neutral_hue="slate", radius_size="lg",
                              font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"])
    try:
        demo.queue(default_concurrency_limit=4, max_size=64).launch(
            theme=theme, head=pieces.head(), run_history=False, footer_links=["api"], ssr_mode=False,
            max_file_size="200mb", show_error=True, app_kwargs={"routes": FrameRoutes(pipeline, visits, mark=MARK).routes()},
            mcp_server=importlib.util.find_spec("mcp") is not None)  # the API as MCP tools, where gradio[mcp] is installed
    finally:
        visits.close_all()


if __name__ == "__main__":
    main()
