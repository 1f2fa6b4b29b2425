"""The page in a real browser, with a real portrait. Screenshots go to outputs/screenshots, for eyes."""

import csv
import json
import re

import av
import numpy as np
import pytest

from .browser_visit import CONTRAST, PICTURE
from .conftest import BUDGET, has_mark


def test_an_example_is_one_click_away(visit):
    v = visit()
    v.shot("desktop-start", full=True)
    v.page.locator("[data-example=hopper]").click()
    # Its ready-made avatar opens; a checkout without one offers to build it, for which nobody has to consent.
    v.page.wait_for_selector(".perse-found, #perse-canvas:visible")
    if v.page.evaluate("document.body.dataset.view") != "play":
        assert v.page.locator("#perse-build").is_enabled()


def test_until_the_renderer_is_warm_there_are_stills_and_a_moved_slider_shows_when_it_is(visit):
    v = visit()
    page = v.page
    cold = {"error": "Warming up the renderer: please wait about 20 seconds.", "warming": 20.0}
    page.route(re.compile("/perse/(frame|styles)/"), lambda route: route.fulfill(status=202, json=cold))
    page.locator("[data-example=astronaut]").click()
    page.wait_for_selector("#perse-warming:visible")
    page.wait_for_function("perse.stage.stills?.strip")
    assert page.locator("#perse-warming .perse-doing").inner_text() == "Warming up the renderer …"
    assert re.fullmatch(r"about \d+ s left", page.locator("#perse-warming .perse-left").inner_text())
    front = page.evaluate(PICTURE)
    assert len(front) > 20_000, "a picture, not a grey square"
    page.locator("#perse-canvas").focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    turned = page.evaluate(PICTURE)
    assert turned != front, "the nearest still"
    v.shot("desktop-warming")
    v.drag("perse-hair_volume", 1.0)
    assert page.evaluate("perse.stage.frames") == 0 and page.evaluate(PICTURE) == turned
    page.unroute_all()
    v.wait_for_avatar()
    assert not page.locator("#perse-warming").is_visible()
    fuller = v.picture()
    page.evaluate("perse.look.edit((v) => { v.attributes = {}; })")
    v.rest()
    assert fuller not in (v.picture(), turned), "the slider that was moved meanwhile is in the first live picture"
    page.wait_for_function("document.querySelector('.perse-tile .perse-thumb').style.backgroundImage")


def test_the_bar_moves_with_the_time_and_never_back(visit):
    v = visit()
    watched = v.page.evaluate("""async () => {
      const place = document.getElementById("perse-found");
      place.innerHTML = '<p><span class="perse-doing"></span><span class="perse-left"></span></p><div class="perse-bar"><i></i></div>';
      perse.visit.show = () => {};
      const seen = [];
      const look = () => seen.push([parseFloat(place.querySelector("i").style.width), place.querySelector(".perse-left").textContent]);
      const step = async (doing) => {
        perse.clock.told("found", { text: "Learning the face", waiting: 0, ...doing });
        for (let i = 0; i < 4; i++) { await new Promise(requestAnimationFrame); look(); }
      };
      await step({ share: 0.5, seconds: 10 });
      await step({ share: 0.4, seconds: 11 });
      await step({ share: 0.4, seconds: 60 });
      await step({ share: 0.4, seconds: 300 });
      perse.clock.told("found", { share: null, text: "2 people are in front of you", seconds: 40, waiting: 2 });
      look();
      return seen;
    }""")
    widths, words = zip(*watched[:-1])
    assert widths[0] >= 50 and all(a <= b for a, b in zip(widths, widths[1:]))
    assert words[0] == "about 10 s left" and words[9] == "about 60 s left" and words[-1] == "about 5 minutes left"
    assert watched[-1] == [0, "your turn in about 40 s"]


def test_a_whole_visit(visit, astronaut, tmp_path):
    """Own photo -> build -> sliders -> video -> download."""
    v = visit()
    page = v.page
    page.locator("#perse-photo input[type=file]").first.set_input_files(astronaut)
    page.wait_for_selector(".perse-found")
    page.get_by_label("This is me, or I have the person's permission").check()
    v.shot("desktop-found", full=True)
    page.locator("#perse-budget label").filter(has_text=f"{BUDGET} s").click()
    page.locator("#perse-build:enabled").click()
    page.wait_for_selector(".perse-progress")
    assert page.locator("#perse-cancel").is_visible()
    assert page.locator(".perse-preview img").is_visible()
    page.wait_for_function("document.querySelector('#perse-found .perse-left')?.textContent.endsWith('left')")
    assert page.locator("#perse-found .perse-doing").inner_text()
    v.shot("desktop-building", full=True)
    v.wait_for_avatar()
    before = v.picture()
    page.get_by_role("tab", name="Expression").click()
    frames = page.evaluate("perse.stage.frames")
    v.drag("perse-jaw_open", 0.7)
    v.rest()
    assert page.evaluate("perse.stage.frames") > frames, "no fresh frame"
    changed = v.picture()
    assert changed != before
    page.get_by_role("button", name="Undo").click()
    assert v.picture() == before
    page.get_by_role("button", name="Redo").click()
    assert v.picture() == changed

    box = page.locator("#perse-canvas").bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 320, box["y"] + 220, steps=5)
    page.mouse.up()
    assert page.evaluate("perse.look.value.yaw") < -5 and v.picture() != changed

    page.get_by_role("tab", name="Video").click()
    page.wait_for_selector(".perse-thumb.moving")
    page.evaluate("perse.motion.choose('shake', false)")
    page.locator("#perse-seconds input[type=number]").fill("1")
    page.locator("#perse-seconds input[type=number]").press("Enter")
    page.locator("#perse-shoot").click()
    page.wait_for_selector("#perse-screen video")
    page.wait_for_function("document.querySelector('#perse-screen video').readyState >= 2")
    v.shot("desktop-video", full=True)
    with page.expect_download() as download:
        page.get_by_text("Download").click()
    assert download.value.suggested_filename.startswith("perse-shake-20") and download.value.suggested_filename.endswith(".mp4")
    download.value.save_as(tmp_path / "film.mp4")
    with av.open(str(tmp_path / "film.mp4")) as video:
        frames = [f.to_ndarray(format="rgb24") for f in video.decode(video=0)]
    assert len(frames) == 25 and np.abs(frames[3].astype(int) - frames[9]).mean() > 1 and has_mark(frames[0])
    page.get_by_text("The motion as a table").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Motion as CSV").click()
    assert download.value.suggested_filename.endswith("-synthetic.csv")
    rows = list(csv.DictReader(download.value.path().read_text().splitlines()))
    assert len(rows) == 25 and float(rows[1]["seconds"]) == 0.04 and float(rows[0]["jaw_open"]) == pytest.approx(0.7)
    assert len({row["head_yaw"] for row in rows}) > 10


def test_styles_looks_and_downloads(visit, avatar_file):
    v = visit().open(avatar_file)
    page = v.page
    before = v.picture()
    page.get_by_role("tab", name="Beard").click()
    page.locator("[data-style=full]").click()
    bearded = v.picture()
    assert bearded != before
    v.shot("desktop-look")
    page.get_by_role("button", name="Hold to compare").hover()
    page.mouse.down()
    assert v.picture() == before
    page.mouse.up()
    assert v.picture() == bearded
    page.locator("#perse-theme").click()
    v.shot("desktop-look-dark")
    # Text on what it stands on, W3C contrast: labels, chips and buttons can be read in the dark theme.
    for selector in (".perse-chip:not([aria-selected=true])", ".perse-slider label", ".perse-header h1", "#perse-random"):
        assert page.locator(selector).first.evaluate(CONTRAST) > 7, selector
    page.get_by_role("tab", name="Save").click()
    with page.expect_download() as download:
        page.locator("#perse-look").click()
    look = download.value.path()
    page.get_by_role("button", name="Reset all").click()
    assert v.picture() == before
    page.locator("#perse-look-file").set_input_files({"name": "look.json", "mimeType": "application/json", "buffer": look.read_bytes()})
    page.wait_for_function("perse.look.value.styles.beard?.full === 1")
    assert v.picture() == bearded
    with page.expect_download() as download:
        page.locator("#perse-cutout").click()
    assert download.value.suggested_filename.startswith("perse-cutout-full-20")
    page.get_by_role("button", name="Surprise me").click()
    page.wait_for_function("!perse.look.value.styles.beard")
    assert v.picture() != bearded


def test_two_styles_mix_and_what_the_photo_does_not_allow_is_grey(visit, avatar_file):
    v = visit().open(avatar_file)
    page = v.page
    before = v.picture()
    page.get_by_role("tab", name="Beard").click()
    page.locator("[data-style=full]").click()
    assert page.locator("#perse-strength-2").is_hidden()
    page.get_by_role("button", name="Mix two").click()
    page.locator("[data-style=goatee]").click()
    assert page.evaluate("perse.look.value.styles.beard") == {"full": 0.5, "goatee": 0.5}
    assert (
        page.locator("label[for=perse-strength]").inner_text() == "Full"
        and page.locator("label[for=perse-strength-2]").inner_text() == "Goatee"
    )
    v.drag("perse-strength-2", 0.2)
    assert page.evaluate("perse.look.value.styles.beard.goatee") == 0.2 and v.picture() != before
    page.locator("[data-style=full]").click()
    assert page.evaluate("perse.look.value.styles.beard") == {"goatee": 0.2} and page.locator("#perse-strength-2").is_hidden()
    # She has no beard: there is none to take off, and a sentence says so.
    shaven = page.locator("[data-style=shaven]")
    assert shaven.is_disabled() and "no beard" in shaven.get_attribute("title")
    assert page.locator("#perse-beard_shaven").is_disabled() and page.get_by_text("The photo shows no beard to take off.").is_visible()
    page.get_by_role("button", name="Random beard").click()
    page.wait_for_function("!perse.look.value.styles.beard && Object.keys(perse.look.value.attributes).length")


def test_looks_are_kept_ordered_and_filmed(visit, avatar_file):
    v = visit().open(avatar_file)
    page = v.page
    page.get_by_role("tab", name="Video").click()
    page.get_by_text("Looks that change in the video").click()
    assert page.evaluate("perse.keys.wanted()") == ["", False]
    add = page.get_by_role("button", name="Add this look")
    add.click()
    page.evaluate("perse.look.edit((value) => { value.head_yaw = 20; })")
    add.click()
    page.evaluate("perse.look.edit((value) => { value.head_yaw = -20; })")
    add.click()
    rows = page.locator("#perse-keys li")
    assert rows.locator("b").all_inner_texts() == ["A", "B", "C"]
    rows.nth(2).drag_to(rows.nth(1))
    assert rows.locator("b").all_inner_texts() == ["A", "C", "B"]
    page.get_by_label("Second of look C").fill("0.5")
    page.get_by_label("Second of look C").press("Enter")
    page.get_by_label("Second of look B").fill("1.5")
    page.get_by_label("Second of look B").press("Enter")
    page.get_by_label("Second of look C").fill("99")  # it lies between its neighbours
    page.get_by_label("Second of look C").press("Enter")
    page.get_by_label("Way to look B").select_option("linear")
    page.get_by_label("No other motion").check()
    text, alone = page.evaluate("perse.keys.wanted()")
    told = json.loads(text)
    assert alone and [(key["seconds"], key["look"]["head_yaw"]) for key in told] == [(0, 0), (1.4, -20), (1.5, 20)]
    assert told[2]["easing"] == "linear" and told[1]["easing"] == "smooth"
    page.get_by_text("Size and format").click()
    page.locator("#perse-size label").filter(has_text="256").click()
    page.locator("#perse-shoot").click()
    page.wait_for_selector("#perse-screen video")
    assert page.locator("#perse-film a").get_attribute("download").startswith("perse-looks-20")
    assert page.locator("#perse-screen video").evaluate(
        "(film) => film.duration || new Promise((go) => { film.onloadedmetadata = () => go(film.duration); })"
    ) == (pytest.approx(1.52, abs=0.1))
    v.shot("desktop-keyframes")


def test_a_file_that_is_no_photo_gets_a_friendly_sentence(visit, tmp_path):
    v = visit()
    junk = tmp_path / "junk.jpg"
    junk.write_bytes(b"this is no picture")
    v.page.locator("#perse-photo input[type=file]").first.set_input_files(junk)
    v.page.wait_for_selector("#perse-found .perse-message")
    assert "not a photo" in v.page.locator("#perse-found").inner_text()
    assert v.page.locator("#perse-build").is_disabled()
    v.errors = [e for e in v.errors if "404" not in e and "403" not in e]  # the browser asked for a picture that is already deleted


def test_an_own_photo_needs_consent_and_a_build_can_be_cancelled(visit, astronaut):
    v = visit()
    page = v.page
    page.locator("#perse-photo input[type=file]").first.set_input_files(astronaut)
    page.wait_for_selector(".perse-found")
    assert page.locator("#perse-build").is_disabled()
    assert page.locator("#perse-cancel").is_hidden()
    page.get_by_label("This is me, or I have the person's permission").check()
    v.slow_down(6)  # a browser that lags behind the server's messages
    for _ in range(3):  # after a cancelled build the next one starts
        page.locator("#perse-build:enabled").click()
        page.wait_for_selector(".perse-progress")
        page.locator("#perse-cancel").click()
        page.wait_for_selector(".perse-found")
        page.wait_for_function("document.body.dataset.view === 'photo'")
        assert page.locator(".perse-progress").count() == 0 and page.locator("#perse-cancel").is_hidden()


def test_a_video_can_be_cancelled(visit, avatar_file):
    v = visit().open(avatar_file)
    page = v.page
    page.get_by_role("tab", name="Video").click()
    assert page.locator("#perse-cut").is_hidden()
    page.locator("#perse-seconds input[type=number]").fill("20")
    page.locator("#perse-seconds input[type=number]").press("Enter")
    v.slow_down(6)
    for _ in range(2):
        page.locator("#perse-shoot").click()
        page.wait_for_selector("#perse-film .perse-progress")
        assert page.locator("#perse-shoot").is_hidden()
        page.locator("#perse-cut").click()
        page.wait_for_selector("#perse-shoot")
        assert page.locator("#perse-film").inner_text().strip() == "" and page.locator("#perse-cut").is_hidden()
