"""What moves the head in the visitor's own browser: motions, speech and clips with their sound, before anything is rendered."""

import re

import av
import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut

from perse.render.video import VideoWriter
from perse.sound import Sound

from .conftest import has_mark
from .live_visit import BRIEFLY, HELD, SETTLED, asked


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
    page.evaluate(BRIEFLY, ["talking", 4])
    page.evaluate("perse.motion.choose('talking')")
    page.wait_for_function("perse.live.sound")
    assert page.evaluate("perse.live.sound.src").endswith("/perse/sound/talking")
    page.wait_for_function("!perse.live.playing")  # it says it once
    assert page.evaluate("perse.widest") > 0.01
    others = [u.partition("/perse/")[2].partition("?")[0] for u in urls if "/frame/" not in u]
    assert set(others) == {"moments/nod", "moments/talking", "sound/talking"}


def test_what_is_typed_is_said_at_once_in_time_with_its_sound(alive, folder):
    v = alive()
    page = v.page
    page.evaluate("perse.visit.ask()")
    page.get_by_role("tab", name="Video").click()
    page.get_by_role("button", name="Speak", exact=True).click()
    page.locator("#perse-say").fill("Marmosets never juggle with apples, oranges or anything else that is round.")
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
          perse.live.sound?.pause();  // so that there is something left to be stopped, however long the pictures took
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
    page.evaluate(BRIEFLY, ["talking", 4])
    page.evaluate("perse.motion.choose('talking', false)")
    with page.expect_download() as download:
        page.get_by_role("button", name="Quick clip").click()
    name = download.value.suggested_filename
    assert re.fullmatch(r"eileen-collins-talking-synthetic\.(mp4|webm)", name)
    with av.open(str(download.value.path())) as clip:
        assert len(clip.streams.audio) == 1
        frames = [f.to_ndarray(format="rgb24") for f in clip.decode(video=0)]
    with av.open(str(download.value.path())) as clip:
        heard = np.concatenate([f.to_ndarray().ravel() for f in clip.decode(audio=0)])
    assert len(frames) > 2 and np.abs(frames[len(frames) // 2].astype(int) - frames[1]).mean() > 0.2
    assert np.abs(heard).max() > 0.01
    assert has_mark(frames[-1])
    assert page.get_by_role("button", name="Quick clip").is_visible()
