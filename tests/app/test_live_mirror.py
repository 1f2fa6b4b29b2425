"""The head in the visitor's own browser does what the camera sees."""

from .live_visit import HELD, asked


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
    told = "Object.assign(perse.mirror, { goal: { at: 1000, is: { head_roll: 2 }, soon: { head_roll: 6, expression: { smile: 1 } }, ahead: 0.1 } })"
    there = page.evaluate(f"() => {{ {told}; return [900, 1050, 9000].map((now) => perse.mirror.there(now)); }}")
    assert [t["head_roll"] for t in there] == [2, 4, 6] and there[1]["expression"]["smile"] == 0.5, "on its way, and no farther"
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
