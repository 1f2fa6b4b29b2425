"""The head in the visitor's own browser: the big picture without a request, and the server's pictures where it cannot be."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from perse.ui.examples import EXAMPLES

from .live_visit import HELD, SETTLED, asked, stage

NEAR = 6.0  # grey levels of 255, mean: two renderers, the live head of fewer Gaussians


def test_dragging_asks_nobody_for_anything_and_letting_go_shows_the_servers_picture(alive, avatar_file):
    v = alive(file=avatar_file, sharpness=1)
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


def test_a_lost_context_is_the_servers_until_it_is_back_and_so_is_what_is_too_slow(alive):
    v = alive(sharpness=1)
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
    page.evaluate(SETTLED)
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


def test_pictures_for_eyes(alive):
    v = alive(sharpness=1, viewport={"width": 390, "height": 780})
    v.page.evaluate("perse.look.replace({styles: {beard: {full: 1}, glasses: {round: 1}}, expression: {smile: 1}, yaw: 20})")
    v.page.evaluate(SETTLED)
    v.shot("live-390")
    assert v.page.evaluate("document.documentElement.scrollWidth") <= 390
