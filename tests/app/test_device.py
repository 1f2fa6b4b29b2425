"""What a visitor's own device keeps: the looks of the visit, and the avatar, if that is asked for."""

import pytest

pytestmark = pytest.mark.slow

CHOSEN = "[...document.querySelectorAll('#perse-size input, #perse-kind input')].filter((i) => i.checked).map((i) => i.value)"
LABELS = "[...document.querySelectorAll('#perse-history button')].map((b) => b.getAttribute('aria-label'))"


def test_earlier_looks_and_a_kept_avatar_come_back_and_everything_is_deleted(visit, avatar_file):
    v = visit().open(avatar_file)
    page = v.page
    page.evaluate("perse.look.replace({styles: {beard: {full: 1}}})")
    page.wait_for_function(f"{LABELS}.length === 2")
    page.evaluate("perse.look.replace({attributes: {nose_width: 1}, expression: {smile: 1}})")
    page.wait_for_function(f"{LABELS}.length === 3")
    assert page.evaluate(LABELS) == ["2 sliders", "Beard: Full", "As in the photo"]
    page.evaluate("perse.look.edit((look) => { look.yaw = 20; })")  # from where one looks is no other look
    page.get_by_role("button", name="Beard: Full", exact=True).click()
    page.wait_for_function("document.querySelectorAll('#perse-history button')[1].getAttribute('aria-pressed') === 'true'")
    assert page.evaluate("[perse.look.value.styles.beard.full, perse.look.value.yaw]") == [1, 20] and len(page.evaluate(LABELS)) == 3
    page.get_by_role("tab", name="Video").click()
    page.get_by_text("Size and format").click()
    page.wait_for_function(f"{CHOSEN}.join() === '512,mp4'")  # what is folded comes when it is opened
    page.locator("#perse-size label").filter(has_text="256").click()
    page.locator("#perse-kind label").filter(has_text="gif").click()
    page.reload()  # the visit goes on
    v.wait_for_avatar()
    assert page.evaluate(LABELS)[:1] == ["2 sliders"]
    page.get_by_role("tab", name="Video").click()
    page.get_by_text("Size and format").click()
    page.wait_for_function(f"{CHOSEN}.join() === '256,gif'")
    page.get_by_role("tab", name="Save").click()
    assert not page.get_by_label("Keep this avatar on this device").is_checked()
    page.get_by_label("Keep this avatar on this device").check()
    page.wait_for_function("document.getElementById('perse-keep-note').textContent.startsWith('Kept in this browser')")
    page.evaluate("sessionStorage.clear()")  # and here it does not
    page.reload()
    page.locator("#perse-open-kept").click()
    v.wait_for_avatar()
    assert page.evaluate(LABELS) == ["As in the photo"], "another visit has looks of its own"
    page.get_by_role("tab", name="Save").click()
    page.wait_for_function("document.getElementById('perse-keep-here').checked")
    with page.expect_navigation():
        page.get_by_role("button", name="Delete everything now").click()
    page.wait_for_function("document.body?.dataset.view === 'photo' && perse.keep")
    assert page.evaluate("perse.keep.read()") is None and page.locator("#perse-open-kept").count() == 0
    assert page.evaluate("sessionStorage.getItem('perse-history')") is None
