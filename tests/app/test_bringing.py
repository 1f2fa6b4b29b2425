"""Photos of every kind, dropped anywhere and pasted; and what a first-time visitor reaches for before any slider."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.slow

GIVE = """([data, name, type, how]) => {
  const held = new DataTransfer();
  held.items.add(new File([Uint8Array.from(atob(data), (c) => c.charCodeAt(0))], name, { type }));
  const options = { bubbles: true, cancelable: true };
  if (how === "paste") document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: held, ...options }));
  else document.querySelector(".perse-privacy").dispatchEvent(new DragEvent("drop", { dataTransfer: held, ...options }));
}"""


def give(page, picture: Image.Image, kind: str, name: str, type: str, how: str):
    data = io.BytesIO()
    picture.save(data, kind)
    page.evaluate(GIVE, [base64.b64encode(data.getvalue()).decode(), name, type, how])


def test_a_photo_comes_by_drop_and_paste_and_another_face_at_a_click(visit, astronaut):
    """A HEIC photo, of which a PC's browser knows no type, dropped beside the box; then two people, pasted."""
    page = visit().page
    face = Image.open(astronaut)
    page.wait_for_selector("#perse-photo input[type=file]", state="attached")
    give(page, face, "HEIF", "IMG 1.HEIC", "", "drop")
    page.wait_for_selector(".perse-found")
    assert page.locator("#perse-photo img[alt*='cannot show']").count() == 1
    pair = Image.new("RGB", (1024, 512), (120, 120, 120))
    pair.paste(face, (0, 0))
    pair.paste(face.resize((400, 400)), (560, 60))
    give(page, pair, "PNG", "image.png", "image/png", "paste")
    page.wait_for_selector("[data-photo-face='1'][aria-pressed=true]")
    page.locator("[data-photo-face='2']").click()
    page.wait_for_selector("[data-photo-face='2'][aria-pressed=true]")
    assert page.locator("[data-photo-face='1']").get_attribute("aria-pressed") == "false"


def test_a_photo_is_turned_mirrored_and_cropped_by_hand(visit, astronaut):
    page = visit().page
    page.wait_for_selector("#perse-photo input[type=file]", state="attached")
    assert page.locator("#perse-adjust").is_hidden()
    photo = Image.open(astronaut).crop((0, 0, 512, 400))
    give(page, photo.rotate(-90, expand=True), "PNG", "lying.png", "image/png", "drop")
    page.wait_for_selector(".perse-found")
    page.locator("#perse-adjust").click()
    page.get_by_role("button", name="Turn left").click()
    page.get_by_role("button", name="Mirror", exact=True).click()
    page.get_by_label("What is kept").focus()
    for key in [*["-"] * 5, *["ArrowRight"] * 3, *["ArrowUp"] * 9]:
        page.keyboard.press(key)
    assert page.evaluate("perse.adjust.box.map((x) => Math.round(100 * x))") == [16, 0, 96, 80]
    read = page.evaluate("perse.visit.shown.found")
    page.get_by_role("button", name="Use this").click()
    page.wait_for_function(f"perse.visit.shown.found !== {read!r} && document.querySelector('.perse-found')")
    page.wait_for_function("document.querySelector('#perse-photo img')?.naturalWidth === 410")
    sent = page.evaluate(
        "() => { const img = document.querySelector('#perse-photo img'), paper = document.createElement('canvas');"
        "[paper.width, paper.height] = [img.naturalWidth, img.naturalHeight]; paper.getContext('2d').drawImage(img, 0, 0);"
        "return paper.toDataURL().split(',')[1]; }"
    )
    got = np.asarray(Image.open(io.BytesIO(base64.b64decode(sent))).convert("RGB")).astype(int)
    wanted = np.asarray(photo.convert("RGB"))[:320, ::-1][:, 82:492].astype(int)
    assert abs(got.shape[1] - wanted.shape[1]) <= 2 and abs(got.shape[0] - wanted.shape[0]) <= 2
    high, wide = (min(a, b) for a, b in zip(got.shape[:2], wanted.shape[:2]))
    assert np.abs(got[:high, :wide] - wanted[:high, :wide]).mean() < 8, "upright, mirrored and cropped"


def test_what_is_no_photo_is_told_and_the_page_stays(visit, astronaut):
    page = visit().page
    page.evaluate(GIVE, [base64.b64encode(b"text").decode(), "notes.txt", "text/plain", "drop"])
    page.wait_for_selector("#perse-toast.shown")
    assert "not a photo" in page.locator("#perse-toast").inner_text() and page.locator(".perse-found").count() == 0


def test_faces_at_a_click_looks_to_keep_and_a_picture_of_both(visit, avatar_file, tmp_path):
    v = visit().open(avatar_file)
    page, before = v.page, v.picture()
    page.get_by_role("tab", name="Expression").click()
    page.wait_for_function("[...document.querySelectorAll('[data-quick-face] .perse-thumb')].every((t) => t.style.backgroundImage)")
    laugh = page.get_by_role("button", name="Laugh").first
    laugh.click()
    smiling = v.picture()
    assert smiling != before and laugh.get_attribute("aria-pressed") == "true"
    laugh.click()
    assert page.evaluate("Object.keys(perse.look.value.expression).length") == 0
    laugh.click()
    # A and B stand below the picture, whatever the tab.
    stage = page.locator("#perse-stage").bounding_box()
    for tab in ("Look", "Expression", "Save"):
        page.get_by_role("tab", name=tab).click()
        box = page.locator("#perse-mark-A").bounding_box()
        assert 0 < box["y"] - stage["y"] - stage["height"] < 160, tab
    page.get_by_role("tab", name="Look").click()
    page.locator("#perse-keep-look").click()
    page.locator("#perse-reset-all").click()
    assert page.evaluate("Object.keys(perse.look.value.expression).length") == 0
    page.locator("#perse-my-looks .perse-button").click()
    assert page.evaluate("perse.look.value.expression.grin") > 0.5
    page.get_by_role("tab", name="Save").click()
    with page.expect_download() as download:
        page.locator("#perse-pair").click()
    assert download.value.suggested_filename.startswith("perse-before-after-20")
    download.value.save_as(tmp_path / "pair.png")
    pair = np.asarray(Image.open(tmp_path / "pair.png").convert("RGB"), float)
    height, width = pair.shape[:2]
    assert width == 2 * height and np.abs(pair[:, :height] - pair[:, height:]).mean() > 0.5
    # What is kept is a few numbers in this browser, and goes at a click.
    kept = page.evaluate("localStorage.getItem('perse-looks')")
    assert '"grin"' in kept and len(kept) < 500 and page.evaluate("perse.token") not in kept
    page.get_by_role("tab", name="Look").click()
    page.locator(".perse-forget").click()
    assert page.evaluate("localStorage.getItem('perse-looks')") == "[]"
    v.shot("desktop-faces")


def test_the_theme_that_was_chosen_survives_a_reload(visit):
    page = visit(color_scheme="light").page
    assert not page.evaluate("document.body.classList.contains('dark')")
    page.locator("#perse-theme").click()
    page.reload()
    page.wait_for_function("document.getElementById('perse-theme') && document.body.classList.contains('dark')")


def test_who_has_turned_the_head_aside_looks_at_it_from_above(visit, avatar_file):
    """Dragging downwards after dragging sideways does not roll the picture, and nearer the limit the head gives less."""
    v = visit().open(avatar_file)
    page = v.page
    page.evaluate("perse.look.moveCamera({ yaw: 60 })")
    page.evaluate("perse.look.moveCamera({ pitch: 20 })")
    look = page.evaluate("perse.look.value")
    assert 45 < look["yaw"] <= 60 and 15 < look["pitch"] <= 20 and look["roll"] == 0
    moved = page.evaluate("""() => {
      const { look } = perse, out = [];
      look.edit((v) => { v.yaw = 0; });
      for (let i = 0; i < 60; i++) { const before = look.value.yaw; look.moveCamera({ yaw: 4 }); out.push(look.value.yaw - before); }
      return [out, look.value.yaw];
    }""")
    steps, end = moved
    assert steps[0] == 4 and all(a >= b - 1e-9 for a, b in zip(steps, steps[1:])) and steps[-1] < 0.5
    assert end <= page.evaluate("perse.settings.camera.yaw[1]")
