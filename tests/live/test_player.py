"""The player in a real browser draws what the reader draws, whatever is set, and asks nobody for anything."""

import base64
import io
import json
from itertools import zip_longest

import numpy as np
import pytest
from PIL import Image

from perse.bench.live import base_bytes, random_controls
from perse.controls import Controls
from perse.live.container import decode
from perse.live.curves import curves
from perse.live.page import page_of
from perse.live.reader import assemble
from perse.motion.speech.lips import meeting_of
from perse.renderer import Renderer
from perse.rig.expressions import NAMES

from .soak import soak

pytestmark = pytest.mark.slow

SIZE, PANEL = 384, 320
FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]
SET = "async (controls) => { perse.player.set(controls); await perse.player.settled(); }"
# The blended picture is rounded to 8 bits after every Gaussian, and colours to 10.
MEAN, NEARLY_ALL = 1.0, 4.0  # grey levels of 255: mean, and 99.5 in 100 values


class Page:
    """The exported page, opened from disk."""

    def __init__(self, browser, path, **options):
        self.requests, self.errors = [], []
        self.page = browser.new_page(**{"viewport": {"width": SIZE + PANEL, "height": SIZE}, **options})
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("html[data-ready=whole]")
        self.page.evaluate("for (const id of ['note', 'made']) document.getElementById(id).style.display = 'none'")

    def show(self, controls: Controls) -> np.ndarray:
        self.page.evaluate(SET, json.loads(controls.to_json()))
        return self.shot()

    def shot(self) -> np.ndarray:
        self.page.evaluate("perse.player.settled()")
        picture = self.page.screenshot(clip={"x": 0, "y": 0, "width": SIZE, "height": SIZE})
        return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).astype(int)


@pytest.fixture(scope="module")
def read(live):
    return assemble(decode(live))


@pytest.fixture(scope="module")
def reader(read):
    renderer = Renderer(read, SIZE)
    return lambda controls: renderer.frame(controls).astype(int)


@pytest.fixture(scope="module")
def path(live, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "head.html"
    path.write_bytes(page_of(live))
    return path


@pytest.fixture(scope="module")
def browser(launch):
    browser = launch(FLAGS)
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def page(browser, path):
    page = Page(browser, path)
    yield page
    page.page.close()


def agrees(shown: np.ndarray, wanted: np.ndarray) -> None:
    error = np.abs(shown - wanted)
    assert error.mean() < MEAN and np.percentile(error, 99.5) <= NEARLY_ALL, (error.mean(), np.percentile(error, 99.5))


POSES = {
    "rest": Controls(),
    "headroom": Controls(styles={"hat": {"cowboy": 1.0}}, zoom=1.05),
    "headroom for a part": Controls(styles={"hat": {"cowboy": 0.7}}, yaw=-25),
    "closed eyes": Controls(expression={"blink": 1.0}, zoom=2.5),
    "half closed, looking aside": Controls(expression={"blink": 0.6}, gaze_yaw=30, zoom=2.5),
    "looking down": Controls(gaze_pitch=20, zoom=2.5),
    "open mouth": Controls(expression={"jaw_open": 1.0, "grin": 0.5}, zoom=2.0),
    "tongue between the teeth": Controls(expression={"jaw_open": 0.35, "tongue_out": 0.5}, zoom=2.5),
    "jaw aside": Controls(expression={"jaw_left": 1.0, "jaw_forward": 1.0, "jaw_open": 0.3}),
    "head turned": Controls(head_yaw=35, head_pitch=20, head_roll=-20),
    "head far off": Controls(head_y=-0.8, head_x=0.5, body_yaw=20),
    "from behind": Controls(yaw=170, pitch=-30, roll=25, zoom=0.7),
    "neutral": Controls(neutralise=1.0),
    "beyond every range": Controls(expression={"smile": 1.0, "grin": 1.0, "mouth_close": 1.0}, attributes={"nose_width": 2.0}),
    "two hats": Controls(styles={"hat": {"cap": 0.5, "cowboy": 0.5}}),
    "between two beards": Controls(attributes={"beard_full": 0.5, "beard_moustache": 0.5}),
    "dyed, and the hair taken off": Controls(attributes={"hair_blue": 1.0, "hair_bald": 0.6, "hair_ears": 1.0}),
    "raw latent": Controls(latents={"nose": (0.5, -0.5, 0, 0, 0, 1.0)}),
    "a style under its former category": Controls(styles={"hair": {"blue": 0.7, "cropped": 0.6}}),
    "two styles and a slider of one category": Controls(styles={"hair_colour": {"blue": 0.5, "red": 0.5}}, attributes={"hair_dark": 0.3}),
}


@pytest.mark.parametrize("controls", POSES.values(), ids=POSES)
def test_the_browser_draws_what_the_reader_draws(page, reader, controls):
    agrees(page.show(controls), reader(controls))


def test_displacements_of_a_motion_move_the_mouth_as_the_reader_moves_it(page, read, reader):
    meeting = meeting_of(read.rig)
    assert meeting.press is not None, "a smile whose lips have something to do"
    frame = Controls(neutralise=1.0, zoom=2.0, expression={"jaw_open": 0.1}, detail=meeting.detail(1.0, 0.0, np.zeros(len(NAMES))))
    told = curves([frame], read)
    controls = json.loads(frame.with_(detail=()).to_json())
    page.page.evaluate(SET, {**controls, "detail": {**told["moves"], "amounts": told["frames"][0]["detail"]}})
    agrees(page.shot(), reader(frame))
    assert np.abs(reader(frame) - reader(frame.with_(detail=()))).max() > 20


def test_and_so_it_does_for_random_looks(page, reader, read):
    for seed in range(10):
        controls = random_controls(read, seed)
        agrees(page.show(controls), reader(controls))


def test_every_slider_does_what_it_should(page, reader, read):
    """At their ends, one of each category and one of the rest at a time: what the page shows is what the reader shows of the same names."""
    page.page.evaluate("perse.panel.reset()")
    sliders = page.page.evaluate("[...document.querySelectorAll('input[type=range]')].map((s) => [s.id.slice(4), Number(s.max)])")
    barred = page.page.evaluate("perse.player.head.categories.flatMap((c) => c.axes.filter((a) => a.unavailable).map((a) => a.name))")
    home = {a.name: c.name for c in read.space.categories.values() for a in c.axes}
    assert {*home} - {*barred} | {"smile", "blink", "jaw_open", "head_yaw", "gaze_pitch"} <= {name for name, _ in sliders}
    groups: dict[str, list] = {}
    for name, most in sliders:
        groups.setdefault(home.get(name, ""), []).append((name, most))
    for batch in zip_longest(*groups.values()):
        chosen = dict(filter(None, batch))
        page.page.evaluate(
            """async (chosen) => {
              perse.panel.reset();
              for (const [name, value] of Object.entries(chosen)) {
                const slider = document.getElementById("set-" + name);
                slider.value = value;
                slider.dispatchEvent(new Event("input"));
              }
              await perse.player.settled();
            }""",
            chosen,
        )
        attributes = {name: most for name, most in chosen.items() if name in home}
        expression = {name: most for name, most in chosen.items() if name in read.expressions()}
        rest = {name: most for name, most in chosen.items() if name not in attributes | expression}
        agrees(page.shot(), reader(Controls(attributes=attributes, expression=expression, **rest)))


def test_a_style_is_a_click_and_another_takes_it_off(page, reader):
    page.page.evaluate("perse.panel.reset()")
    chip = page.page.locator("[data-style='beard/full']")
    chip.evaluate("(e) => e.closest('details').open = true")
    chip.click()
    agrees(page.shot(), reader(Controls(styles={"beard": {"full": 1.0}})))
    assert chip.get_attribute("aria-pressed") == "true"
    chip.click()
    agrees(page.shot(), reader(Controls()))


def test_dragging_turns_wheel_zooms_and_double_click_puts_back(page, reader):
    page.page.evaluate("perse.panel.reset()")
    mouse = page.page.mouse
    mouse.move(150, 200)
    mouse.down()
    mouse.move(200, 180, steps=4)
    mouse.up()
    agrees(page.shot(), reader(Controls(yaw=-0.45 * 50, pitch=-0.45 * 20)))
    mouse.wheel(0, -300)
    page.page.wait_for_timeout(50)
    assert page.page.evaluate("perse.controls.zoom") == pytest.approx(np.exp(0.45))
    mouse.dblclick(150, 200)
    agrees(page.shot(), reader(Controls()))


def test_a_motion_moves_until_it_is_stopped(page):
    page.page.evaluate("perse.panel.reset()")
    seen = set()
    button = page.page.locator("[data-motion='nod']")
    button.evaluate("(e) => e.closest('details').open = true")
    button.click()
    while len(seen) < 4:  # frames that differ
        seen.add(page.page.evaluate("async () => { await perse.player.settled(); return perse.player.controls.head_pitch; }"))
    button.click()
    page.page.evaluate("perse.player.settled()")
    assert not page.page.evaluate("perse.player.controls.head_pitch")


def test_a_lost_context_comes_back(page, reader):
    controls = Controls(styles={"hat": {"beanie": 1.0}}, expression={"smile": 1.0})
    page.show(controls)
    page.page.evaluate(
        """async () => {
          const { canvas, gl } = perse.player, lose = gl.getExtension("WEBGL_lose_context");
          const event = (name) => new Promise((done) => canvas.addEventListener(name, done, { once: true }));
          const lost = event("webglcontextlost");
          lose.loseContext();
          await lost;
          await new Promise((done) => setTimeout(done, 100)); // the event has to be over before a context may come back
          perse.player.set(perse.player.controls); // whoever drags meanwhile harms nothing
          const back = event("webglcontextrestored");
          lose.restoreContext();
          await back;
        }"""
    )
    agrees(page.shot(), reader(controls))


def test_a_picture_is_possible_before_the_axes_are_here(page, reader, live):
    """The stream stops after the base, and goes on when it has been looked at."""
    first, rest = (base64.b64encode(part).decode() for part in (live[: base_bytes(live)], live[base_bytes(live) :]))
    before, after = page.page.evaluate(
        """async ([first, rest]) => {
          const bytes = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
          const canvas = document.createElement("canvas");
          canvas.style.cssText = "position:fixed;left:0;top:0;width:384px;height:384px;background:#ededed";
          document.body.append(canvas);
          let more;
          const stream = new ReadableStream({ start(controller) { controller.enqueue(bytes(first)); more = controller; } });
          const player = await perse.player.constructor.open(canvas, stream);
          const controls = { attributes: { glasses_round: 1 }, expression: { smile: 1 } };
          player.set(controls);
          await player.settled();
          const before = canvas.toDataURL();
          more.enqueue(bytes(rest));
          more.close();
          await player.whole;
          await player.settled();
          const after = canvas.toDataURL();
          player.close();
          canvas.remove();
          return [before, after];
        }""",
        [first, rest],
    )
    for data, controls in (
        (before, Controls(expression={"smile": 1.0})),
        (after, Controls(expression={"smile": 1.0}, attributes={"glasses_round": 1.0})),
    ):
        picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(data.partition(",")[2]))).convert("RGBA")).astype(float)
        cover = picture[..., 3:] / 255
        agrees(picture[..., :3] * cover + 237 * (1 - cover), reader(controls))


def test_memory_stays_flat(page, read):
    """Half a minute of it; `tests/live/soak.py` does it for half an hour."""
    soak(page.page, read, 20)  # every part of the latent space has been on the card
    before = soak(page.page, read, 10)
    after = soak(page.page, read, 40, seed=100)
    assert after < before + 1.0


def test_nothing_was_asked_of_anybody_and_nothing_failed(page):
    assert len([url for url in page.requests if not url.startswith("blob:")]) == 1
    assert not page.errors


def test_a_phone_shows_head_and_panel_above_one_another(browser, path):
    phone = Page(browser, path, viewport={"width": 390, "height": 780}, has_touch=True, device_scale_factor=3)
    head, panel = (phone.page.locator(name).bounding_box() for name in ("#view", "#panel"))
    assert head["height"] > 300 and panel["y"] >= head["y"] + head["height"] and panel["width"] == 390
    assert phone.page.evaluate("document.documentElement.scrollWidth") <= 390
    assert phone.page.evaluate("perse.player.canvas.width") == 2 * 390  # no sharper than eyes are
    phone.page.touchscreen.tap(100, 100)
    assert not phone.errors
    phone.page.close()


def test_a_damaged_page_says_so(browser, path, tmp_path):
    text = path.read_text()
    start = text.index('id="live">') + 10
    (tmp_path / "broken.html").write_text(text[: start + 40_000] + text[text.index("</script>", start) :])
    page = browser.new_page()
    page.goto((tmp_path / "broken.html").as_uri())
    page.get_by_text("live avatar").wait_for()
    page.close()
