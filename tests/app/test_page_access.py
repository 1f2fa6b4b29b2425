"""The page on a phone, by keyboard, for readers of screens."""

import re

import pytest

UNNAMED = re.compile(r"^\s*- (?:button|slider|radio|checkbox|tab|combobox|textbox|spinbutton|link)\b(?! \")", re.M)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_has_one_column_and_everything_in_reach(visit, avatar_file, scheme):
    v = visit(viewport={"width": 390, "height": 844}, color_scheme=scheme, has_touch=True, is_mobile=True, device_scale_factor=2)
    page = v.page
    # Nothing can be dropped on a phone; who has a pointer reads that, too.
    assert page.locator("#perse-photo").inner_text().strip() == "Choose a photo"
    v.shot(f"phone-{scheme}-start", full=True)
    v.open(avatar_file)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    box = page.locator("#perse-canvas").bounding_box()
    assert box["width"] > 280 and box["y"] + box["height"] < 560
    before = v.picture()
    page.get_by_role("tab", name="Nose").tap()
    page.locator("[data-style=wide]").tap()
    assert v.picture() != before
    v.shot(f"phone-{scheme}-look")
    page.evaluate("document.getElementById('perse-nose_bridge').scrollIntoView({block: 'end'})")
    box = page.locator("#perse-canvas").bounding_box()
    assert -5 <= box["y"] < 100, "the picture must stay in sight while sliders are scrolled"
    v.shot(f"phone-{scheme}-sliders")


def test_on_a_phone_what_is_pressed_is_as_large_as_a_fingertip(visit, avatar_file):
    v = visit(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True).open(avatar_file)
    small = """() => [...document.querySelectorAll('#view-play :is(button, select, summary, input[type=range]), .perse-header button')]
      .filter((e) => e.checkVisibility({ visibilityProperty: true }) && !e.closest('#perse-video') && e.getBoundingClientRect().height < 39.5)
      .map((e) => e.id || e.className)"""
    v.page.evaluate("perse.look.replace({ attributes: { hair_volume: 0.5 } })")
    for tab in ("look", "mood", "save", "video"):
        v.page.locator(f"[data-tab-name={tab}]").click()
        v.page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
        assert v.page.evaluate(small) == [], tab
    v.page.locator("[data-way-name=speak]").click()
    v.page.fill("#perse-say", "Hello")
    v.page.locator("#perse-listen").scroll_into_view_if_needed()
    on = "(b) => { const r = b.getBoundingClientRect(); return document.elementFromPoint(r.x + r.width / 2, r.y + r.height / 2).id; }"
    assert v.page.locator("#perse-listen").evaluate(on) == "perse-listen", "nothing lies over it"
    v.page.locator("[data-tab-name=look]").click()
    v.page.evaluate("scrollTo(0, 700)")
    v.page.wait_for_timeout(200)
    stage = v.page.locator("#perse-stage").bounding_box()
    assert -5 <= stage["y"] and stage["y"] + stage["height"] < 0.45 * 844, "the picture is in sight and leaves more than half"


def test_everything_can_be_reached_by_keyboard_and_has_a_name(visit, avatar_file, astronaut):
    def reached(v, last):
        """What Tab comes by, from the top of the page to the element `last`."""
        v.page.locator(".perse-header").evaluate("(top) => { top.tabIndex = -1; top.focus(); }")
        stops = []
        while last not in stops:
            v.page.keyboard.press("Tab")
            stops.append(
                v.page.evaluate(
                    "(document.activeElement.closest('#perse-photo, #perse-budget, #perse-consent') ?? document.activeElement).id"
                )
            )
            assert len(stops) < 60, stops
        return stops

    v = visit()
    stops = reached(v, "perse-consent")
    assert stops.index("perse-theme") < stops.index("perse-photo") < stops.index("perse-budget") < stops.index("perse-consent")
    assert not UNNAMED.findall(v.page.locator("body").aria_snapshot())
    v.page.locator("#perse-photo input[type=file]").first.set_input_files(astronaut)
    v.page.wait_for_selector(".perse-found")
    v.page.get_by_label("This is me, or I have the person's permission").check()
    v.page.wait_for_selector("#perse-build:enabled")
    assert "perse-build" in reached(v, "perse-build")
    assert not UNNAMED.findall(v.page.locator("body").aria_snapshot())

    v = visit().open(avatar_file)
    assert "Your avatar is here" in v.page.locator("#perse-told[role=status]").inner_text()
    assert v.page.evaluate("document.activeElement.id") == "perse-canvas", "what was pressed is gone, and the keyboard goes on from here"
    assert v.page.evaluate("document.getElementById('perse-hair_volume').getAttribute('aria-valuetext')") == "0 %"
    stops = reached(v, "perse-keep-look")
    sliders = v.page.locator("#perse-category .perse-slider:not([hidden]) input").evaluate_all("(all) => all.map((s) => s.id)")
    assert stops.index("perse-canvas") < stops.index("perse-random") < min(map(stops.index, sliders)) and len(sliders) > 2
    for tab in ("Look", "Expression", "Save", "Video"):
        v.page.get_by_role("tab", name=tab).click()
        assert not UNNAMED.findall(v.page.locator("body").aria_snapshot()), tab
    for way in ("Speak", "Follow a clip"):
        v.page.get_by_role("button", name=way, exact=True).click()
        assert not UNNAMED.findall(v.page.locator("body").aria_snapshot()), way
    loose = (
        "(tabs) => tabs.filter((t) => document.getElementById(t.getAttribute('aria-controls'))?.getAttribute('role') !== 'tabpanel').length"
    )
    assert v.page.locator("[role=tab]").evaluate_all(loose) == 0
    v.page.get_by_role("tab", name="Video").focus()
    v.page.keyboard.press("Home")
    assert v.page.evaluate("[document.body.dataset.tab, document.activeElement.dataset.tabName]") == ["look", "look"]
    v.page.keyboard.press("End")
    assert v.page.evaluate("document.body.dataset.tab") == "save"


def test_at_200_percent_and_without_motion_the_sliders_are_beside_the_picture(visit, avatar_file):
    """A window of 1366 x 800 at twice the size."""
    v = visit(viewport={"width": 683, "height": 400}, reduced_motion="reduce").open(avatar_file)
    page = v.page
    assert page.evaluate("document.documentElement.scrollWidth") <= 683
    page.evaluate("document.getElementById('perse-hair_volume').scrollIntoView({block: 'center'})")
    stage, slider = (page.locator(place).bounding_box() for place in ("#perse-stage", "#perse-hair_volume"))
    assert stage["x"] + stage["width"] <= slider["x"] and -5 <= stage["y"] and stage["y"] + stage["height"] <= 400, "both are seen"
    v.shot("zoomed")
    running = "document.getAnimations().filter((a) => a.playState === 'running').map((a) => a.animationName ?? 'transition')"
    page.get_by_role("tab", name="Video").click()
    page.wait_for_function("document.querySelector('[data-motion] .perse-thumb').style.backgroundImage")
    assert page.evaluate(running) == []
