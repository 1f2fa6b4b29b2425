"""PERSE on the web: `python app.py`, or a Hugging Face Space. Handlers, the page, the wiring; the rest is in perse/ui."""

import atexit
import importlib.util
import os
import signal
import sys
from collections.abc import Callable
from functools import partial

import perse  # noqa: F401  (sets the threading environment; must come before torch)
from perse.errors import PerseError
from perse.memory import settle, share_heaps
from perse.terminal import print_anything
from perse.ui import gradio_without_stubs
from perse.ui.visits_folder import claim_root

# All that Gradio stores lies in one folder with all that we store, and goes with it.
print_anything()
try:
    ROOT = claim_root(os.environ.get("GRADIO_TEMP_DIR"))
except PerseError as refused:
    sys.exit(f"perse: {refused}")
os.environ["GRADIO_TEMP_DIR"] = str(ROOT)
os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
share_heaps()
gradio_without_stubs.leave_out()

import gradio as gr
from starlette.middleware import Middleware

from perse import gpu  # on ZeroGPU, `spaces` must come before torch
from perse.errors import PerseError
from perse.motion.driving.choices import REGIONS, STRENGTHS
from perse.motion.presets import PRESETS
from perse.settings import (
    KEPT_SECONDS,
    LIVE_SIZE,
    MOST_AVATARS,
    MOST_MEMORY,
    OFFERED_VIDEO_FPS,
    OFFERED_VIDEO_SIZES,
    SPOKEN_MARK,
    VIDEO_FORMATS,
    VIDEO_SECONDS,
)
from perse.ui import gradio_patches, html_pieces
from perse.ui.api import Api, friendly
from perse.ui.desk import FILM_DEADLINE, Desk
from perse.ui.engine import AVATAR, page_engine
from perse.ui.fair_pool import FairPool
from perse.ui.film_plan import TABLES
from perse.ui.guard import MAX_UPLOAD, Guard
from perse.ui.live_routes import LiveRoutes
from perse.ui.material_routes import MaterialRoutes
from perse.ui.mirror_routes import MirrorRoutes
from perse.ui.one_visit import Visit
from perse.ui.routes import VISIT_HEADER, FrameRoutes, VisitRoutes
from perse.ui.uploads import Uploads
from perse.ui.visits import Visits

TTL = float(os.environ.get("PERSE_TTL", KEPT_SECONDS))
MARK = os.environ.get("PERSE_MARK", "")  # a label on what visitors save, "AI generated" say; none if empty
SPEECH_MARK = os.environ.get("PERSE_SPEECH_MARK", SPOKEN_MARK)  # the same, on videos in which somebody speaks
BUDGETS = {"Fast (up to 12 s)": 12.0, "Standard (up to 25 s)": 25.0, "Fine (up to 1 min)": 60.0}
if "PERSE_BUDGET" in os.environ:  # an owner's own choice comes first
    BUDGETS = {f"Quick ({float(os.environ['PERSE_BUDGET']):g} s)": float(os.environ["PERSE_BUDGET"])} | BUDGETS
DEFAULT = "Standard (up to 25 s)" if "PERSE_BUDGET" not in os.environ else next(iter(BUDGETS))
MCP = importlib.util.find_spec("mcp") is not None

gradio_patches.never_fetch()
gradio_patches.never_check_itself()
gradio_patches.tell_in_sentences()
try:
    engine = page_engine()
except PerseError as refused:
    sys.exit(f"perse: {refused}")
visits = Visits(
    ROOT,
    int(os.environ.get("PERSE_MAX_AVATARS", MOST_AVATARS)),
    TTL,
    float(os.environ.get("PERSE_MEMORY", MOST_MEMORY / 1e6)) * 1e6,
    forget=lambda visit: forget_in_gradio(visit),
)
atexit.register(visits.close_all)
pool = FairPool(max(1, (os.cpu_count() or 2) // 4))  # the rasterizer uses all cores for one frame: more would only make all late
desk = Desk(engine, visits, BUDGETS, MARK, SPEECH_MARK)


# ------------------------------------------------------------------ handlers


def forget_in_gradio(visit: Visit) -> None:
    """A visit has ended: Gradio drops what it remembers of it."""
    gradio_patches.forget(demo, visit.sessions, visit.folder)


def handler(action: Callable, *fixed) -> Callable:
    """`action(visit, *inputs, *fixed)` of the visit that asks. It is short and returns nothing: the page asks for the visit's state."""

    def handle(request: gr.Request, *inputs) -> None:
        with friendly():
            visit = visits.visit(request.headers.get(VISIT_HEADER))
            if len(visit.sessions) < 16:
                visit.sessions.add(request.session_hash)
            action(visit, *inputs, *fixed)

    return handle


def told(action: Callable) -> Callable:
    """`action(visit, *inputs)`, which says where the film would be why it makes none."""

    def act(visit: Visit, *inputs) -> None:
        try:
            action(visit, *inputs)
        except PerseError as error:
            visit.film = html_pieces.message(str(error))

    return act


def take_example(request: gr.Request, event: gr.EventData) -> None:
    """An example was clicked; which one comes with the event."""
    handler(desk.take_example)(request, str(getattr(event, "example", "")))


# ------------------------------------------------------------------ the page

piece = partial(gr.HTML, apply_default_css=False)

with gr.Blocks(title="PERSE: one photo, a 3D you", analytics_enabled=False, fill_width=True) as demo:
    piece(html_pieces.html("header.html"))
    avatar = gr.Textbox(visible=False)
    look, background = gr.Textbox(visible=False), gr.Textbox(visible=False)
    motion = gr.Textbox(next(iter(PRESETS)), visible=False)
    keys, alone, way = gr.Textbox(visible=False), gr.Checkbox(visible=False), gr.Textbox(visible=False)

    with gr.Row(elem_id="view-start"):
        with gr.Column(elem_classes="perse-card", scale=5):
            piece("<h2><b>1</b>Your photo</h2>")
            photo = gr.Image(
                label="Portrait",
                show_label=False,
                type="filepath",
                sources=["upload", "webcam", "clipboard"],
                webcam_options=gr.WebcamOptions(mirror=False),  # as others see one, like a clip; style.css mirrors what is seen meanwhile
                height=300,
                placeholder="# Choose a photo\nor drop or paste one here",  # style.css shows the second line to who has a pointer
                elem_id="perse-photo",
            )
            piece('<button type="button" id="perse-adjust" class="perse-button perse-small">Turn, mirror or crop</button>')
            examples = piece(
                html_pieces.examples(),
                js_on_load="element.addEventListener('click', (e) => { const tile = "
                "e.target.closest('[data-example]'); if (tile) trigger('click', {example: tile.dataset.example}); })",
            )
            piece('<div id="perse-kept" class="perse-kept-here"></div>')
            reopen = gr.UploadButton("Open an avatar file", file_types=[".safetensors"], type="filepath", variant="secondary", size="md")
        with gr.Column(elem_classes="perse-card", scale=6):
            piece("<h2><b>2</b>Build</h2>")
            piece(html_pieces.place("found", html_pieces.html("intro.html")))
            with gr.Column(elem_classes="perse-plain", elem_id="perse-before"):
                budget = gr.Radio(list(BUDGETS), value=DEFAULT, label="Time to spend", elem_id="perse-budget")
                consent = gr.Checkbox(label="This is me, or I have the person's permission", elem_id="perse-consent")
                go = gr.Button("Choose a photo to begin", variant="primary", size="lg", elem_classes="perse-go", elem_id="perse-build")
                piece(html_pieces.place("how"))
            cancel = gr.Button("Cancel", elem_id="perse-cancel")
            tick = gr.Button("Agreed", elem_id="perse-tick")  # pressed by the page itself, as the next: nobody sees them
            fresh = gr.Button("Another photo", elem_id="perse-fresh")

    with gr.Row(elem_id="view-play"):
        with gr.Column(elem_id="stage-column"):
            piece(html_pieces.html("stage.html"))
            piece(html_pieces.html("under.html"))
        with gr.Column(elem_id="panel-column"):
            piece(html_pieces.html("panel.html"))
            piece(html_pieces.html("video.html"))
            with gr.Column(elem_id="perse-video"):
                with gr.Column(elem_id="perse-taken", elem_classes="perse-plain"):
                    region = gr.Radio(
                        [name.capitalize() for name in REGIONS], value="All", label="What is taken over", elem_id="perse-region"
                    )
                    strength = gr.Slider(*STRENGTHS, value=1, step=0.05, label="Strength", elem_id="perse-follows")
                    absolute = gr.Checkbox(
                        label="Copy the expression and pose themselves, not what changes in them", elem_id="perse-absolute"
                    )
                seconds = gr.Slider(1, VIDEO_SECONDS[1], value=4, step=1, label="Seconds", elem_id="perse-seconds")
                with gr.Accordion("Size and format", open=False):
                    with gr.Row():
                        size = gr.Radio(list(OFFERED_VIDEO_SIZES), value=LIVE_SIZE, label="Size", elem_id="perse-size")
                        kind = gr.Radio(list(VIDEO_FORMATS), value="mp4", label="Format", elem_id="perse-kind")
                    with gr.Row():
                        fps = gr.Radio(list(OFFERED_VIDEO_FPS), value=25, label="Frames a second")
                        framing = gr.Radio([("Head", "Head"), ("As in the photo", "Source")], value="Head", label="Picture")
                    gr.Checkbox(label="Transparent background", elem_id="perse-clear")
                with gr.Accordion("The motion as a table", open=False):
                    columns = gr.Radio(list(TABLES), value=next(iter(TABLES)), label="Columns", elem_id="perse-columns")
                    table = gr.Button("Motion as CSV", size="md", elem_id="perse-table")
            with gr.Column(elem_id="perse-make"):
                shoot = gr.Button("Make the video", variant="primary", size="lg", elem_classes="perse-go", elem_id="perse-shoot")
                piece(html_pieces.place("film"))
                cut = gr.Button("Cancel", elem_id="perse-cut")

    piece(html_pieces.html("privacy.html"))

    # -------------------------------------------------------------- the wiring

    for taken in (photo, reopen):
        gradio_patches.path_only(taken)
    # Nothing of the page waits in Gradio's queue, which programs can fill, and nothing personal passes through its outputs.
    quiet = dict(api_visibility="private", show_progress="hidden", queue=False)
    show = dict(fn=None, js="() => { perse.visit.ask(); }", **quiet)
    photo.upload(handler(desk.take_photo), photo, **quiet).then(**show)
    photo.clear(handler(desk.take_photo), photo, **quiet).then(**show)
    fresh.click(None, None, photo, js="() => null", **quiet)
    tick.click(None, None, consent, js="() => perse.visit.agreed", **quiet)
    examples.click(take_example, **quiet).then(None, js="() => { perse.visit.pressed = -Infinity; perse.visit.ask(); }", **quiet)
    reopen.upload(handler(desk.take_avatar), reopen, **quiet).then(**show)
    consent.input(handler(desk.agree), consent, trigger_mode="always_last", **quiet).then(**show)
    go.click(handler(desk.build), budget, **quiet).then(**show)
    cancel.click(handler(desk.cancel, "look", "build"), **quiet).then(**show)
    asked = "...rest.slice(0, -3), ...perse.keys.wanted(), perse.ways.wanted()]"
    shoot.click(
        handler(told(desk.film)),
        [avatar, look, background, motion, seconds, size, fps, kind, framing, region, strength, absolute, keys, alone, way],
        js=f"(a, l, b, m, ...rest) => [perse.token, perse.look.json(), perse.film.background(), perse.motion.name, {asked}",
        **quiet,
    ).then(**show)
    table.click(
        handler(told(desk.tabulate)),
        [avatar, look, motion, seconds, fps, columns, region, strength, absolute, keys, alone, way],
        js=f"(a, l, m, ...rest) => [perse.token, perse.look.json(), perse.motion.name, {asked}",
        **quiet,
    ).then(**show)
    cut.click(handler(desk.cancel, "film"), **quiet).then(**show)
    remembered = [size, kind, fps]
    demo.load(None, remembered, remembered, js="(...now) => perse.chosen.over(now)", **quiet)
    for setting in remembered:
        setting.input(None, remembered, js="(...now) => { perse.chosen.keep(now); }", **quiet)
    Api(engine, visits, desk.building, desk.filming, pool, FILM_DEADLINE, MARK, SPEECH_MARK).mount()


def main(wait: bool = True) -> None:
    """Serve the page, until it is stopped or in the background."""
    if gpu.ON_ZERO:  # what borrows a GPU has to be known, and models placed, before the page starts: in this thread (perse/gpu.py)
        from perse.pipeline import PersePipeline

        PersePipeline.from_pretrained()
        engine.start().wait(AVATAR)
    # A tool's caller may send a photo as a data URI; Gradio's copy of it has to go with the rest, when its time is over.
    if MCP:
        import gradio.mcp

        gradio.mcp.DEFAULT_TEMP_DIR = str(ROOT / "mcp")
    visits.sweep_forever()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # a stopped server cleans up like an interrupted one
    theme = gr.themes.Default(
        primary_hue="violet",
        secondary_hue="violet",
        neutral_hue="slate",
        radius_size="lg",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )
    routes = [
        *FrameRoutes(engine, visits, pool, MARK).routes(),
        *VisitRoutes(desk, pool).routes(),
        *LiveRoutes(engine, visits).routes(),
        *MaterialRoutes(desk).routes(),
        *MirrorRoutes(desk, pool).routes(),
        *Uploads(visits).routes(),
    ]
    settle()
    demo.queue(default_concurrency_limit=4, max_size=64, api_open=False).launch(
        theme=theme,
        head=html_pieces.head(MARK, SPEECH_MARK),
        run_history=False,
        footer_links=["api"],
        ssr_mode=False,
        state_session_capacity=512,
        max_file_size=MAX_UPLOAD,
        show_error=False,
        app_kwargs={"routes": routes, "middleware": [Middleware(Guard, owns=visits.owns)]},
        prevent_thread_lock=True,
        max_threads=80,
        mcp_server=MCP,
    )  # the API as MCP tools, where gradio[mcp] is installed
    if not gpu.ON_ZERO:
        engine.start()  # the page answers: from here on it costs nobody's wait
    if wait:
        demo.block_thread()


if __name__ == "__main__":
    main()
