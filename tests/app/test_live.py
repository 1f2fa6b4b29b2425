"""The head in the visitor's own browser: the big picture without a request, for its owner alone, and the server's pictures where it cannot be."""

import gc
import io
import re
import wave
import weakref

import av
import cv2
import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut
from starlette.applications import Starlette
from starlette.testclient import TestClient

from perse.live.container import description
from perse.live.reader import assemble, decode
from perse.motion.presets import PRESETS
from perse.pipeline import PersePipeline
from perse.render.video import VideoWriter
from perse.sound import Sound
from perse.ui.engine import Engine
from perse.ui.examples import EXAMPLES
from perse.ui.live_routes import LiveRoutes
from perse.ui.routes import VISIT_HEADER
from perse.ui.visits import Visits

from .browser_visit import Visit
from .conftest import ARGS, has_mark

WEBGL = [a for a in ARGS if a != "--disable-3d-apis"] + ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
# Software draws slower than a visitor would wait for: here it may.
PATIENT = "perse.live.patience = Infinity"
LIVE = "perse.live.on && perse.live.player.frames > 0"
SETTLED = "async () => { await perse.live.player.whole; await perse.live.player.settled(); }"
# The visitor never lets go: the server's picture of what is at rest does not come.
HELD = "Object.defineProperty(perse.stage, 'held', { get: () => true, set: () => {} })"
NEAR = 6.0  # grey levels of 255, mean: two renderers, the live head of fewer Gaussians


class TestRoutes:
    @pytest.fixture(scope="class")
    def place(self, avatar_file, tmp_path_factory):
        """(test client, visits, pipeline)."""
        pipeline = PersePipeline.from_pretrained()
        visits = Visits(tmp_path_factory.mktemp("visits"))
        return TestClient(Starlette(routes=LiveRoutes(Engine.of(pipeline), visits).routes())), visits, pipeline.load(avatar_file)

    def test_the_live_file_is_for_the_visit_that_owns_the_avatar_and_goes_with_it(self, place, avatar_file):
        http, visits, _ = place
        avatar = PersePipeline.from_pretrained().load(avatar_file)
        mine, other = visits.open(), visits.open()
        token = visits.add(mine, avatar)
        sent = http.get(f"/perse/live/{token}", headers={VISIT_HEADER: mine.key})
        assert sent.status_code == 200 and sent.headers["cache-control"] == "no-store" and sent.headers["x-content-synthetic"]
        assert len(assemble(decode(sent.content))) <= len(avatar)
        assert http.get(f"/perse/live/{token}", headers={VISIT_HEADER: mine.key}).content == sent.content
        for headers in ({}, {VISIT_HEADER: other.key}, {VISIT_HEADER: "x" * 32}):
            assert http.get(f"/perse/live/{token}", headers=headers).status_code == 404
        gone = weakref.ref(avatar)
        del avatar
        visits.close(mine)
        gc.collect()
        assert http.get(f"/perse/live/{token}", headers={VISIT_HEADER: mine.key}).status_code == 404
        assert gone() is None, "nothing keeps the avatar, and its live file with it"

    def test_what_cannot_be_baked_is_a_sentence_and_keeps_no_avatar(self, place, avatar_file, monkeypatch):
        http, visits, _ = place

        def fails(avatar):
            raise ValueError(f"an avatar of {len(avatar)} Gaussians")

        monkeypatch.setattr("perse.live.bake.bake", fails)
        avatar, mine = PersePipeline.from_pretrained().load(avatar_file), visits.open()
        token = visits.add(mine, avatar)
        answer = http.get(f"/perse/live/{token}", headers={VISIT_HEADER: mine.key})
        assert answer.status_code == 404 and "the server draws it instead" in answer.json()["error"]
        gone = weakref.ref(avatar)
        del avatar
        visits.close(mine)
        gc.collect()
        assert gone() is None

    def test_moments_are_what_a_motion_adds_and_its_sound_is_a_wav(self, place):
        http, visits, avatar = place
        token = visits.add(visits.open(page=False), avatar)
        told = http.get(f"/perse/moments/nod?avatar={token}").json()
        assert len(told["frames"]) == round(told["fps"] * PRESETS["nod"].seconds) and not told["sound"] and not told["sweeps"]
        assert np.ptp([frame.get("head_pitch", 0) for frame in told["frames"]]) > 15
        assert http.get("/perse/moments/sweep").json()["sweeps"]
        few = http.get("/perse/moments/nod?count=5").json()["frames"]
        assert few == [told["frames"][round(k * len(told["frames"]) / 5)] for k in range(5)]
        assert http.get("/perse/moments/nod?count=9999").status_code == 400
        talking = http.get(f"/perse/moments/talking?avatar={token}").json()
        with wave.open(io.BytesIO(http.get("/perse/sound/talking").content)) as sound:
            assert sound.getnframes() / sound.getframerate() == pytest.approx(len(talking["frames"]) / talking["fps"], abs=0.1)
            assert np.frombuffer(sound.readframes(10**7), "<i2").std() > 500
        assert any(frame.get("expression", {}).get("jaw_open", 0) > 0.1 for frame in talking["frames"])

    def test_the_photos_background_has_no_person_in_it(self, place):
        http, visits, avatar = place
        token = visits.add(visits.open(page=False), avatar)
        sent = http.get(f"/perse/backdrop/{token}")
        assert sent.headers["cache-control"] == "no-store"
        picture = np.asarray(Image.open(io.BytesIO(sent.content)))
        assert picture.shape == (512, 512, 3) and picture.std() > 10

    @pytest.mark.parametrize(
        "path, sentence",
        [
            ("live/nobody", "no longer here"),
            ("backdrop/nobody", "no longer here"),
            ("example/nobody", "no such example"),
            ("example/..%2Fhopper", "no such example"),
            ("moments/fly", "Unknown motion"),
            ("moments/nod?avatar=nobody", "no longer here"),
            ("sound/fly", "Unknown motion"),
            ("sound/nod", "silent"),
        ],
    )
    def test_what_is_not_there_is_said_in_a_sentence(self, place, path, sentence):
        answer = place[0].get(f"/perse/{path}")
        assert answer.status_code == 404 and (path.endswith("hopper") or sentence in answer.json()["error"])

    @pytest.mark.parametrize("example", EXAMPLES.values(), ids=EXAMPLES)
    def test_an_examples_live_file_is_of_its_avatar(self, place, example, tmp_path):
        if not example.live_path.is_file():
            pytest.skip("a checkout without live examples: `python -m perse.ui.examples pictures` makes them")
        assert example.live() == example.live_path, "made of another avatar: run `python -m perse.ui.examples pictures`"
        sent = place[0].get(f"/perse/example/{example.name}")
        assert sent.status_code == 200 and description(sent.content)["synthetic"]


@pytest.fixture(scope="module")
def filmed(tmp_path_factory):
    """What the browser's camera sees: a face that tilts its head, 320 x 240, as YUV4MPEG."""
    path = tmp_path_factory.mktemp("camera") / "face.y4m"
    face = Image.fromarray(astronaut()[:384]).resize((320, 240))
    with path.open("wb") as out:
        out.write(b"YUV4MPEG2 W320 H240 F15:1 Ip A1:1 C420jpeg\n")
        for k in range(30):
            turned = face.rotate(12 * np.sin(2 * np.pi * k / 30), Image.Resampling.BICUBIC, center=(140, 88))
            out.write(b"FRAME\n" + cv2.cvtColor(np.asarray(turned), cv2.COLOR_RGB2YUV_I420).tobytes())
    return path


@pytest.fixture(scope="module")
def able(launch, filmed):
    """A browser that can draw by itself, if slowly, with a camera."""
    camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", f"--use-file-for-fake-video-capture={filmed}"]
    browser = launch([*WEBGL, *camera])
    yield browser
    browser.close()


@pytest.fixture
def alive(able, server, avatar_file):
    """alive(): a visitor whose avatar is drawn in the browser."""
    visits = []

    def start(opened=True, **options):
        v = Visit(able, server, **{"viewport": {"width": 700, "height": 640}, **options})
        visits.append(v)
        v.page.evaluate(PATIENT)
        if opened:
            with v.page.expect_file_chooser() as chooser:
                v.page.get_by_text("Open an avatar file").click()
            chooser.value.set_files(avatar_file)
            v.page.wait_for_function(LIVE)
            v.page.evaluate(SETTLED)
        return v

    yield start
    for v in visits:
        v.close()
        assert not v.errors and not v.elsewhere


def asked(v) -> list[str]:
    """Collects what the page asks for from now on; its sign of life is no part of it."""
    urls: list[str] = []
    v.page.on("request", lambda r: None if "/perse/state" in r.url or r.url.startswith("blob:") else urls.append(r.url))
    return urls


def stage(v) -> np.ndarray:
    """What the visitor sees of the head, (H, W, 3), without the buttons above it."""
    box = v.page.locator("#perse-canvas").bounding_box()
    clip = {"x": box["x"] + 60, "y": box["y"] + 60, "width": box["width"] - 120, "height": box["height"] - 130}
    return np.asarray(Image.open(io.BytesIO(v.page.screenshot(clip=clip))).convert("RGB")).astype(float)


def test_dragging_asks_nobody_for_anything_and_letting_go_shows_the_servers_picture(alive):
    v = alive()
    page = v.page
    page.wait_for_function("document.querySelector('.perse-live').classList.contains('perse-aside')")
    before, urls, frames = stage(v), asked(v), page.evaluate("perse.live.player.frames")
    drawn = page.evaluate("perse.stage.frames")
    page.evaluate("document.dispatchEvent(new PointerEvent('pointerdown'))")
    v.drag("perse-hair_volume", 1.0)
    v.drag("perse-smile", 1.0)
    v.drag("perse-head_yaw", -20)
    v.drag("perse-gaze_yaw", 15)
    v.drag("perse-yaw", 20)
    page.evaluate(SETTLED)
    page.wait_for_timeout(800)  # a pause with the button down is no letting go
    assert urls == [] and page.evaluate("perse.live.player.frames") > frames
    moved = stage(v)
    assert np.abs(moved - before).mean() > 3
    page.evaluate("document.dispatchEvent(new PointerEvent('pointerup'))")
    page.wait_for_function(f"perse.stage.frames > {drawn}")
    page.wait_for_timeout(600)  # the live picture has faded
    assert [re.sub(r".*/perse/(\w+)/.*", r"\1", url) for url in urls] == ["frame"]
    assert np.abs(stage(v) - moved).mean() < NEAR, "no jump"


def test_styles_undo_compare_and_backgrounds_act_in_the_browser(alive):
    v = alive()
    page = v.page
    page.get_by_role("tab", name="Beard").click()
    page.wait_for_function("document.querySelector('.perse-tile .perse-thumb').style.backgroundImage")
    page.evaluate(HELD)
    urls = asked(v)

    def seen(act) -> np.ndarray:
        act()
        page.evaluate(SETTLED)
        page.wait_for_timeout(500)  # a background is painted some frames after it is known
        return stage(v)

    plain = seen(lambda: page.evaluate("perse.stage.refresh()"))
    bearded = seen(lambda: page.locator("[data-style=full]").click())
    assert np.abs(bearded - plain).mean() > 1
    compare = "perse.stage.override = {look: perse.look.original()}; perse.stage.refresh()"
    assert np.abs(seen(lambda: page.evaluate(compare)) - bearded).mean() > 1
    assert np.abs(seen(lambda: page.evaluate("perse.stage.override = null; perse.stage.refresh()")) - bearded).mean() < 0.5
    assert np.abs(seen(lambda: page.evaluate("perse.look.undo()")) - plain).mean() < 0.5
    dark = seen(lambda: page.locator("[data-background='black']").click())
    assert plain.mean() - dark.mean() > 20
    assert urls == []
    photo = seen(
        lambda: (page.locator("[data-background=original]").click(), page.wait_for_function("perse.live.box.style.backgroundImage"))
    )
    assert np.abs(photo - plain).mean() > 3 and len(urls) == 1


def test_thumbnails_are_drawn_in_the_browser(alive):
    v = alive()
    page = v.page
    page.evaluate("perse.thumbs.slowest = Infinity")
    page.evaluate(HELD)
    page.wait_for_function("document.querySelector('.perse-tile .perse-thumb').style.backgroundImage")
    urls = asked(v)
    page.get_by_role("tab", name="Glasses").click()
    page.wait_for_function("document.querySelector('#perse-category .perse-thumb').style.backgroundImage")
    assert urls == []
    tiles = [page.locator("#perse-category .perse-thumb").nth(k).screenshot() for k in range(2)]
    plain, worn = (np.asarray(Image.open(io.BytesIO(tile)).convert("RGB")).astype(float) for tile in tiles)
    assert plain.std() > 20 and np.abs(plain - worn).mean() > 0.5, "two pictures of a head in two pairs of glasses"
    v.shot("live-thumbs")
    page.evaluate("perse.look.replace({styles: {glasses: {round: 1}}})")
    shown = "[...document.querySelectorAll('#perse-history .perse-thumb')].filter((t) => t.style.backgroundImage).length"
    page.wait_for_function(f"{shown} === 2")  # earlier looks, too
    assert urls == []


def test_motions_play_before_anything_is_rendered_with_their_sound(alive):
    v = alive()
    page = v.page
    page.evaluate("document.body.dataset.tab = 'video'")
    urls = asked(v)
    page.evaluate("perse.motion.choose('nod')")
    pitches = set()
    while len(pitches) < 4:
        pitches.add(page.evaluate("async () => { await perse.live.player.settled(); return perse.live.player.controls.head_pitch ?? 0; }"))
    page.evaluate("perse.motion.choose('nod')")  # pressed again: it stops
    page.evaluate(SETTLED)
    assert not page.evaluate("perse.live.playing") and page.evaluate("perse.live.player.controls.head_pitch") == 0
    page.evaluate("perse.motion.choose('talking')")
    page.wait_for_function("perse.live.player.controls.expression.jaw_open > 0.1")
    assert page.evaluate("perse.live.sound.src").endswith("/perse/sound/talking")
    page.wait_for_function("!perse.live.playing")  # it says it once
    others = [u.partition("/perse/")[2].partition("?")[0] for u in urls if "/frame/" not in u]
    assert set(others) == {"moments/nod", "moments/talking", "sound/talking"}


def test_what_is_typed_is_said_at_once_in_time_with_its_sound(alive, folder):
    v = alive()
    page = v.page
    page.evaluate("perse.visit.ask()")
    page.get_by_role("tab", name="Video").click()
    page.get_by_role("button", name="Speak", exact=True).click()
    page.locator("#perse-say").fill("Marmosets never juggle.")
    page.evaluate(HELD)
    urls = asked(v)
    page.get_by_role("button", name="Play", exact=True).click()
    page.wait_for_function("perse.live.sound?.currentTime > 0.3")
    # How many frames what is shown lies behind what is heard, a few times.
    behind = page.evaluate(
        """async () => {
          const { told } = perse.performed.last.speech, out = [];
          while (out.length < 6 && perse.live.playing) {
            const heard = perse.live.sound.currentTime * told.fps, { head_yaw, expression: { jaw_open = 0 } } = perse.live.player.controls;
            const shown = told.frames.findIndex((f) => (f.head_yaw ?? 0) === head_yaw && (f.expression?.jaw_open ?? 0) === jaw_open);
            out.push(heard - shown);
            await perse.live.player.settled();
            await new Promise(requestAnimationFrame);
          }
          return out;
        }"""
    )
    assert len(behind) >= 3 and np.median(behind) < 3, behind
    page.get_by_role("button", name="Stop", exact=True).click()
    assert page.evaluate("!perse.live.playing && !perse.live.sound")
    page.get_by_role("button", name="Play", exact=True).click()  # once more: nobody is asked
    page.wait_for_function("perse.live.playing === 'speech'")
    page.get_by_role("button", name="Ready-made").click()
    assert page.evaluate("!perse.live.playing")
    assert [u.partition("/perse/")[2].partition("/")[0] for u in urls if "/motion/" not in u and "/moments/" not in u] == ["speech"]
    assert "Marmosets" not in (folder / "log.txt").read_text()


@pytest.fixture(scope="module")
def nodding(tmp_path_factory):
    """A clip of a face that leans over, with a tone."""
    path, face = tmp_path_factory.mktemp("clip") / "leans.mp4", Image.fromarray(astronaut()[:384, 40:424])
    tone = Sound(0.3 * np.sin(np.arange(24_000) * 0.2).astype(np.float32), 24_000)
    with VideoWriter(path, 320, 320, fps=10, sound=tone) as film:
        for angle in 4 * np.minimum(np.arange(10), 3):
            film.write(np.asarray(face.rotate(-float(angle), Image.Resampling.BICUBIC, center=(185, 130)).resize((320, 320))))
    return path


def test_a_clip_is_followed_at_once_with_its_sound_and_consent(alive, nodding):
    v = alive()
    page = v.page
    page.evaluate(HELD)
    page.get_by_role("tab", name="Video").click()
    page.get_by_role("button", name="Follow a clip").click()
    page.locator("[data-upload=clip]").set_input_files(nodding)
    page.wait_for_selector("#perse-clip .perse-brought")
    play = page.locator("#perse-follow-play")
    play.click()
    page.wait_for_function("document.getElementById('perse-toast').textContent.includes('tick the box')")
    page.locator("[data-allow=clip]").check()
    urls = asked(v)
    play.click()
    page.wait_for_function("perse.live.playing === 'clip'")
    assert page.evaluate("perse.live.sound.src.startsWith('blob:')") and play.inner_text() == "Stop"
    page.wait_for_function("Math.abs(perse.live.player.controls.head_roll ?? 0) > 4")
    page.wait_for_function("!perse.live.playing")  # it does not begin again
    play.click()  # once more: nobody is asked
    page.wait_for_function("perse.live.playing === 'clip'")
    page.get_by_role("button", name="Ready-made").click()
    assert page.evaluate("!perse.live.playing")
    assert sum("/perse/follow/" in u for u in urls) == 1 and not any("/film" in u for u in urls)


def test_a_quick_clip_is_recorded_in_the_browser_with_sound_and_mark(alive):
    v = alive()
    page = v.page
    page.get_by_role("tab", name="Video").click()
    page.evaluate("perse.motion.choose('talking', false)")
    with page.expect_download() as download:
        page.get_by_role("button", name="Quick clip").click()
    name = download.value.suggested_filename
    assert re.fullmatch(r"perse-talking-synthetic\.(mp4|webm)", name)
    with av.open(str(download.value.path())) as clip:
        assert len(clip.streams.audio) == 1
        frames = [f.to_ndarray(format="rgb24") for f in clip.decode(video=0)]
    with av.open(str(download.value.path())) as clip:
        heard = np.concatenate([f.to_ndarray().ravel() for f in clip.decode(audio=0)])
    assert len(frames) > 4 and np.abs(frames[len(frames) // 2].astype(int) - frames[1]).mean() > 0.2
    assert np.abs(heard).max() > 0.01
    assert has_mark(frames[-1])
    assert page.get_by_role("button", name="Quick clip").is_visible()


def test_the_head_does_what_the_camera_sees_while_a_light_is_on(alive, folder):
    v = alive()
    page = v.page
    light = page.locator("#perse-camera-light")
    page.get_by_role("tab", name="Expression").click()
    page.get_by_role("button", name="Mirror me").click()
    assert "tick the box" in page.locator("#perse-toast").inner_text() and light.is_hidden()
    page.evaluate(HELD)
    # Software that draws all the time leaves the rest of the page no time.
    page.evaluate("() => { perse.live.player.gpu.draw = () => {}; }")
    urls = asked(v)
    page.locator("[data-allow=camera]").check()
    page.get_by_role("button", name="Mirror me").click()
    page.wait_for_function("perse.live.playing === 'mirror' && perse.mirror.seen > 1")
    assert light.is_visible() and page.get_by_text("Your face is followed").is_visible()
    rolls = set()
    while not rolls or max(rolls) - min(rolls) < 4:
        rolls.add(page.evaluate("async () => { await perse.live.player.settled(); return perse.live.player.controls.head_roll ?? 0; }"))
    page.get_by_role("tab", name="Look").click()  # and what is worn may be changed meanwhile
    page.evaluate("perse.look.edit((look) => { look.head_yaw = 15; })")
    page.wait_for_function("perse.live.player.controls.head_yaw > 5")
    light.get_by_role("button", name="Stop").click()
    page.wait_for_function("!document.getElementById('perse-mirror-view').srcObject")
    assert light.is_hidden() and not page.evaluate("perse.live.playing")
    page.evaluate("perse.look.edit((look) => { look.head_yaw = 0; })")
    assert {u.partition("/perse/")[2].partition("/")[0] for u in urls} <= {"allow", "mirror", "faces", "frame"}
    page.get_by_role("tab", name="Expression").click()
    page.get_by_role("button", name="Mirror me").click()
    page.wait_for_function("perse.live.playing === 'mirror' && perse.mirror.seen > 1")
    page.evaluate("perse.motion.choose('nod')")  # whatever else moves the head ends it
    page.wait_for_function("!document.getElementById('perse-mirror-view').srcObject")
    assert light.is_hidden()
    page.evaluate("perse.live.stop()")
    page.evaluate("() => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotFoundError'); }; }")
    page.get_by_role("button", name="Mirror me").click()
    page.wait_for_function("document.getElementById('perse-toast').textContent.includes('No camera was found')")
    assert light.is_hidden() and page.get_by_role("button", name="Mirror me").is_enabled()


def test_a_lost_context_is_the_servers_until_it_is_back(alive):
    v = alive()
    page = v.page
    page.evaluate("perse.live.lose = perse.live.player.gl.getExtension('WEBGL_lose_context'); perse.live.lose.loseContext()")
    page.wait_for_function("!perse.live.on")
    frames = page.evaluate("perse.stage.frames")
    v.drag("perse-hair_volume", 1.0)
    page.wait_for_function(f"perse.stage.frames > {frames}")
    page.evaluate("perse.live.lose.restoreContext()")
    page.wait_for_function("perse.live.on")
    urls = asked(v)
    page.evaluate("document.dispatchEvent(new PointerEvent('pointerdown'))")
    v.drag("perse-hair_volume", -1.0)
    assert [u for u in urls if "/frame/" in u] == []


def test_what_is_too_slow_is_left_to_the_server(alive):
    v = alive()
    page = v.page
    page.evaluate("perse.live.patience = 5; for (let i = 0; i < 10; i++) perse.live.paced(100)")
    assert page.evaluate("perse.live.on && perse.live.player.sharpness === 1")
    page.evaluate("for (let i = 0; i < 5; i++) perse.live.paced(1000)")
    assert page.evaluate("perse.live.on && perse.live.player.sharpness < 1")
    page.evaluate("for (let i = 0; i < 20 && perse.live.on; i++) perse.live.paced(1000)")
    assert page.evaluate("!perse.live.on && !document.querySelector('.perse-live')")
    frames = page.evaluate("perse.stage.frames")
    v.drag("perse-hair_volume", 1.0)
    page.wait_for_function(f"perse.stage.frames > {frames}")


def test_an_example_moves_before_its_avatar_is_there(alive):
    if not all(e.live() for e in EXAMPLES.values()):
        pytest.skip("a checkout without live examples")
    v = alive(opened=False)
    page = v.page
    page.route(re.compile("/perse/state"), lambda route: None)  # the server says nothing of it
    page.locator("[data-example=hopper]").click()
    page.wait_for_function("document.querySelector('.perse-still .perse-live') && perse.live.player?.frames > 1")
    turns = set()
    while len(turns) < 3:
        turns.add(page.evaluate("async () => { await perse.live.player.settled(); return perse.live.player.controls.head_yaw ?? 0; }"))
    v.shot("live-ahead")
    page.evaluate(HELD)
    page.unroute_all()
    page.wait_for_function("document.body.dataset.view === 'play' && perse.live.on")
    assert page.evaluate("perse.stage.frames") == 0, "no picture of the server's was needed"
    assert page.locator("#perse-stage .perse-live").is_visible()


@pytest.mark.parametrize("width, height", [(1280, 900), (390, 780)])
def test_pictures_for_eyes(alive, width, height):
    v = alive(viewport={"width": width, "height": height})
    v.page.evaluate("perse.look.replace({styles: {beard: {full: 1}, glasses: {round: 1}}, expression: {smile: 1}, yaw: 20})")
    v.page.evaluate(SETTLED)
    v.shot(f"live-{width}")
    assert v.page.evaluate("document.documentElement.scrollWidth") <= width
