"""The Video tab in a real browser: three ways to move an avatar, and the film where the avatar was."""

import csv
import io

import av
import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut as astronaut_picture

from perse.motion.speech.loudness import Loudness
from perse.motion.speech.voice import spoken
from perse.render.video import VideoWriter
from perse.sound import Sound

from .browser_visit import Visit
from .conftest import ARGS

PHONE = dict(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
SAID = "Please bring me that blue umbrella."


def opened(v):
    """The example of Grace Hopper, on the Video tab, whose videos are small."""
    v.page.locator("[data-example=hopper]").click()
    v.wait_for_avatar()
    v.page.get_by_role("tab", name="Video").click()
    v.page.get_by_text("Size and format").click()
    v.page.locator("#perse-size label").filter(has_text="256").click()
    return v.page


def film(page, press=True) -> av.container.InputContainer:
    """The video that the button makes, as the page's link gives it."""
    if press:
        page.locator("#perse-shoot").click()
    page.wait_for_selector("#perse-screen :is(video, img)")
    data = page.evaluate(
        "async () => { const a = await fetch(document.querySelector('.perse-saved a').href); "
        "return [...new Uint8Array(await a.arrayBuffer())]; }"
    )
    return av.open(io.BytesIO(bytes(data)))


def sound_of(container) -> Sound:
    resampler = av.AudioResampler("flt", "mono", 16_000)
    pieces = [piece.to_ndarray().ravel() for frame in container.decode(audio=0) for piece in resampler.resample(frame)]
    return Sound(np.concatenate(pieces), 16_000)


def alike(one: Sound, other: Sound) -> float:
    """How the loudness of two sounds agrees, wherever the second begins in the first."""
    a, b = Loudness.of(one).values, Loudness.of(other).values
    a, b = np.pad(a, (len(b) // 2, len(b))), b - b.mean()
    parts = [a[k : k + len(b)] for k in range(len(a) - len(b))]
    return max(float((part - part.mean()) @ b) / max(np.linalg.norm(part - part.mean()) * np.linalg.norm(b), 1e-9) for part in parts)


def whole(page, selector: str) -> bool:
    """Whether an element is seen whole, with nothing before it."""
    return page.locator(selector).evaluate(
        "(e) => { const r = e.getBoundingClientRect(), at = (s, t) => "
        "e.contains(document.elementFromPoint(r.left + s * r.width, r.top + t * r.height)); "
        "return r.top >= 0 && r.left >= 0 && r.right <= innerWidth && r.bottom <= innerHeight && "
        "[0.2, 0.5, 0.8].every((s) => [0.2, 0.5, 0.8].every((t) => at(s, t))); }"
    )


@pytest.mark.parametrize("device", ["desktop", "phone"])
def test_typed_words_are_heard_then_said_where_the_avatar_is_seen(visit, folder, device):
    v = visit(**PHONE) if device == "phone" else visit()
    page = opened(v)
    assert page.locator("#perse-seconds").is_visible() and page.locator("#perse-say").is_hidden()
    page.get_by_role("button", name="Speak", exact=True).click()
    assert page.locator("#perse-seconds").is_hidden() and page.locator("#perse-listen").is_disabled()
    page.locator("#perse-shoot").click()
    page.wait_for_selector("#perse-film .perse-message")
    assert "type what your avatar shall say" in page.locator("#perse-film").inner_text()
    page.locator("#perse-say").fill(SAID)
    page.locator("[data-voice=deep]").click()
    page.get_by_role("button", name="Listen", exact=True).click()
    page.wait_for_selector("#perse-heard:visible")
    page.wait_for_function("document.querySelector('#perse-heard audio').duration > 1")
    assert "phonemes that the voice speaks" in page.locator("#perse-heard").inner_text()
    v.shot(f"{device}-speak")
    page.locator("#perse-say").fill(SAID + " ")
    assert page.locator("#perse-heard").is_hidden(), "it is no longer what was heard"
    page.locator("#perse-shoot").click()
    page.wait_for_selector("#perse-film .perse-bar")
    assert whole(page, "#perse-film .perse-bar") and page.locator("#perse-cut").is_visible(), "progress is beside the button"
    with film(page, press=False) as made:
        assert alike(sound_of(made), spoken(SAID, "deep").sound) > 0.95
    assert whole(page, "#perse-screen") and page.locator("#perse-film a").get_attribute("download").startswith("grace-hopper-speech-20")
    v.shot(f"{device}-spoken")
    page.get_by_role("button", name="Close the film").click()
    assert page.locator("#perse-screen").is_hidden()
    page.get_by_role("button", name="Watch again").click()
    page.get_by_role("tab", name="Look").click()
    assert page.locator("#perse-screen").is_hidden()
    assert page.evaluate("document.querySelector('#perse-screen video').paused")
    for word in ("umbrella", "bring me"):
        assert word not in (folder / "log.txt").read_text()


@pytest.fixture(scope="module")
def voice(tmp_path_factory):
    """What the browser's microphone hears."""
    path = tmp_path_factory.mktemp("voice") / "voice.wav"
    path.write_bytes(spoken(SAID, "bright").sound.wav())
    return path


def test_a_voice_is_recorded_told_of_allowed_and_deleted(launch, server, voice, folder):
    allowed = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", f"--use-file-for-fake-audio-capture={voice}"]
    browser = launch([*ARGS, *allowed])
    v = Visit(browser, server)
    page = opened(v)
    page.get_by_role("button", name="Speak", exact=True).click()
    page.locator("[data-record=recording]").click()
    page.wait_for_function("document.querySelector('[data-record=recording] span').textContent === 'Stop 0:04'")
    page.locator("[data-record=recording]").click()
    page.wait_for_selector("#perse-recording .perse-brought")
    assert "phonemes that were recognised" in page.locator("#perse-recording").inner_text()
    assert page.locator("#perse-say").is_hidden() and page.locator("[data-own=recording] audio").is_visible()
    page.locator("#perse-shoot").click()
    page.wait_for_selector("#perse-film .perse-message")
    assert "this is your voice" in page.locator("#perse-film").inner_text()
    page.get_by_label("This is my voice").check()
    page.wait_for_selector("#perse-film .perse-message", state="detached")
    v.shot("desktop-recorded")
    with film(page) as made:
        assert alike(sound_of(made), spoken(SAID, "bright").sound) > 0.8
    assert "recognised in the recording" in page.locator("#perse-film").inner_text()
    assert len(list(folder.rglob("recording.*"))) == 1
    page.get_by_role("button", name="Remove and type instead").click()
    page.wait_for_selector("#perse-say:visible")
    assert not list(folder.rglob("recording.*"))
    page.get_by_role("button", name="Follow a clip").click()
    page.locator("[data-record=clip]").click()
    page.wait_for_function("document.getElementById('perse-webcam').videoWidth > 0")
    page.wait_for_timeout(1500)
    page.locator("[data-record=clip]").click()
    page.wait_for_selector("#perse-clip .perse-message")  # the browser's own picture shows nobody
    assert "No human face" in page.locator("#perse-clip").inner_text() and not list(folder.rglob("clip.*"))
    v.close()
    browser.close()
    assert not v.errors and not v.elsewhere


@pytest.fixture(scope="module")
def couple(hopper, tmp_path_factory):
    """A clip of two people, with sound, in which the one on the right goes to and fro."""
    path = tmp_path_factory.mktemp("couple") / "the two: of us.mp4"
    left = np.asarray(hopper.crop((40, 0, 552, 512)).resize((384, 384)))
    right = Image.fromarray(astronaut_picture()).crop((90, 0, 410, 320))
    with VideoWriter(path, 768, 384, 15, sound=spoken("Hello there.").sound) as out:
        for i in range(20):
            moved = right.rotate(6 * np.sin(i / 3), Image.Resampling.BICUBIC, translate=(0, 2)).resize((384, 384))
            out.write(np.hstack([left, np.asarray(moved)]))
    return path


def test_one_of_two_people_in_a_clip_drives_and_the_picture_may_be_transparent(visit, couple):
    v = visit()
    page = opened(v)
    page.get_by_role("button", name="Follow a clip").click()
    page.locator("[data-upload=clip]").set_input_files(couple)
    page.wait_for_selector("[data-face]")
    assert page.locator("[data-face]").count() == 2 and page.locator("[data-face][aria-pressed=true]").count() == 1
    page.locator("[data-face='2']").click()
    v.shot("desktop-two-faces")
    page.locator("#perse-shoot").click()
    page.wait_for_selector("#perse-film .perse-message")
    page.get_by_label("Face and voice are mine").check()
    assert page.locator("#perse-clear").is_hidden()
    page.locator("#perse-kind label").filter(has_text="webm").click()
    page.locator("#perse-clear input").check()
    with film(page) as made:
        assert made.streams.audio and {k.lower(): value for k, value in made.streams.video[0].metadata.items()}["alpha_mode"] == "1"
    assert page.locator("#perse-film a").get_attribute("download").startswith("grace-hopper-clip-20")
    page.get_by_text("The motion as a table").click()

    def rolls() -> float:
        with page.expect_download() as download:
            page.get_by_role("button", name="Motion as CSV").click()
        assert download.value.suggested_filename.endswith("-synthetic.csv")
        rows = list(csv.DictReader(download.value.path().read_text().splitlines()))
        return float(np.ptp([float(row["head_roll"]) for row in rows]))

    assert rolls() > 6
    page.locator("[data-face='1']").click()
    assert rolls() < 1.5
    page.locator("[data-give-up=clip]").click()
    page.wait_for_selector("[data-bring=clip]:visible")


def test_an_upload_shows_how_far_it_is_and_can_be_given_up(visit, astronaut):
    v = visit()
    page = opened(v)
    page.get_by_role("button", name="Follow a clip").click()
    page.route("**/gradio_api/upload", lambda route: None)  # it never ends
    page.locator("[data-upload=clip]").set_input_files(astronaut)
    page.wait_for_selector("#perse-clip .perse-bar")
    page.evaluate("perse.visit.ask()")
    assert "Uploading" in page.locator("#perse-clip .perse-doing").inner_text(), "what the server says of nothing does not take its place"
    page.locator("[data-give-up=clip]").click()
    page.wait_for_selector("[data-bring=clip]:visible")
    page.wait_for_function("!document.querySelector('#perse-clip .perse-bar')")


def test_tiles_show_the_person_as_edited(visit):
    v = visit()
    page = opened(v)
    first = "document.querySelector('[data-motion] .perse-thumb').style.backgroundImage"
    page.wait_for_function(first)
    before = page.evaluate(first)
    page.get_by_role("tab", name="Look").click()
    page.evaluate("perse.look.edit((value) => { value.styles = { beard: { full: 1 } }; })")
    page.get_by_role("tab", name="Video").click()
    page.wait_for_function(f"{first} !== {before!r}")
    v.shot("desktop-bearded-tiles")


def test_a_photo_drives_with_its_expression(visit, astronaut):
    page = opened(visit())
    page.get_by_role("button", name="Follow a clip").click()
    page.locator("[data-upload=clip]").set_input_files(astronaut)
    page.wait_for_selector("#perse-clip .perse-driver")
    page.get_by_label("Face and voice are mine").check()
    with film(page) as made:
        assert made.streams.video[0].frames == 100, "four seconds, not the longest that a clip may be"
    assert "its expression is copied" in page.locator("#perse-film").inner_text()
