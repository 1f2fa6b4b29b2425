"""No number is written twice: what Python decides the page's scripts and texts are told."""

import inspect
import json
import re

import pytest

from perse import settings
from perse.attributes.catalogue import CATEGORIES
from perse.controls import RANGES, Controls
from perse.settings import API_BUDGETS, LONGEST_CONTROLS, SIZES, VIDEO_FORMATS, VIDEO_FPS, VIDEO_SECONDS, VIDEO_SIZES
from perse.ui import one_visit
from perse.ui.api import Api
from perse.ui.html_pieces import SCRIPTS, STATIC, head, html
from perse.ui.page_settings import page_settings, script

SOURCES = {name: re.sub(r"//[^\n]*", "", (STATIC / name).read_text()) for name in SCRIPTS}


def leaves(value) -> list:
    """All that a JSON value holds in the end."""
    if isinstance(value, dict):
        return leaves(list(value.values()))
    return [leaf for item in value for leaf in leaves(item)] if isinstance(value, (list, tuple)) else [value]


def test_the_scripts_ask_for_what_they_are_told_and_for_all_of_it():
    asked = set()
    for source in SOURCES.values():
        asked |= set(re.findall(r"perse\.settings\.(\w+)", source))
        for names in re.findall(r"\{([^{}]*)\} = perse\.settings;", source):
            asked |= set(re.findall(r"(\w+)(?=\s*[:,]|\s*$)", re.sub(r"(:\s*)(\[[^\]]*\]|\w+)", ":", names)))
    assert asked == set(page_settings())


def test_the_scripts_have_no_numbers_or_sentences_of_their_own_for_it():
    # The last is a minute, which clocks count by.
    others = ("look", "ranges", "easings", "split", "voices", "languages", "film", "video_seconds")
    told = {key: value for key, value in page_settings().items() if key not in others}
    numbers = {f"{x:g}" for x in leaves(told) if isinstance(x, (int, float)) and abs(x) >= 16}
    sentences = {x for x in leaves(told) if isinstance(x, str) and x}
    assert {"512", "1024", "80", "35"} <= numbers and len(sentences) == 2
    for name, source in SOURCES.items():
        assert not numbers & set(re.findall(r"(?<![\w.])[0-9.]+(?![\w.%])", source.replace("_", ""))), name
        assert not [sentence for sentence in sentences if sentence in source], name


def test_the_settings_come_before_the_scripts_and_are_json():
    scripts = re.findall(r"<script>\n(.*?)\n</script>", head(), re.S)
    assert scripts[0] == script() and len(scripts) == 2 + len(SCRIPTS)
    assert json.loads(scripts[0].removeprefix("window.perse = { settings: ").removesuffix(" };")) == json.loads(json.dumps(page_settings()))


def test_our_own_scripts_and_styles_are_light_and_need_nobody():
    assert len(head().encode()) < 300_000
    assert not re.search(r"""(src|href|import|from)\s*[=(]?\s*["']https?:""", head())


def test_a_mark_cannot_end_the_script_that_tells_it():
    text = script("</script><b>", "")
    assert (
        "</script" not in text
        and json.loads(text.removeprefix("window.perse = { settings: ").removesuffix(" };"))["mark"] == "</script><b>"
    )


def test_a_visitor_starts_with_a_look_that_the_server_takes():
    look = page_settings()["look"]
    assert Controls.from_json(json.dumps(look)) == Controls(neutralise=1.0)
    assert len(json.dumps(look)) < LONGEST_CONTROLS


@pytest.mark.parametrize("name", ["yaw", "pitch"])
def test_the_page_lets_nobody_ask_for_what_the_server_refuses(name):
    (low, high), (least, most) = page_settings()["camera"][name], RANGES[name]
    assert least <= low < 0 < high <= most


def test_the_page_gives_a_sign_of_life_well_before_the_visit_is_lost():
    assert 0 < page_settings()["ask_busy"] < page_settings()["ask_quiet"] <= one_visit.LOST / 4


def test_the_page_offers_only_videos_that_it_makes():
    for offered, (least, most) in ((settings.OFFERED_VIDEO_SIZES, VIDEO_SIZES), (settings.OFFERED_VIDEO_FPS, VIDEO_FPS)):
        assert list(offered) == sorted(set(offered)) and least <= offered[0] and offered[-1] <= most
    assert settings.LIVE_SIZE in settings.OFFERED_VIDEO_SIZES and set(settings.SAVED_SIZES) <= set(range(SIZES[0], SIZES[1] + 1))


def test_texts_name_the_seconds_that_hold():
    assert f"{one_visit.LEAVING:g} seconds" in html("privacy.html") and f"{one_visit.LOST / 60:g} minutes" in html("privacy.html")
    assert not [path.name for path in STATIC.glob("*.html") if "$" in html(path.name)]


@pytest.mark.parametrize(
    "call, words",
    [
        (Api.build, "from {:g} to {:g};".format(*API_BUDGETS)),
        (Api.build, f"after {settings.KEPT_SECONDS / 60:g} minutes without use"),
        (Api.preview, "from {} to {}.".format(*SIZES)),
        (Api.video, "length, from {:g} to {:g}.".format(*VIDEO_SECONDS)),
        (Api.video, "from {:g} to {:g}.".format(*VIDEO_FPS)),
        (Api.video, "from {} to {}.".format(*VIDEO_SIZES)),
        (Api.video, "{}, {}, {} or {}.".format(*VIDEO_FORMATS)),
    ],
)
def test_descriptions_of_calls_name_the_limits_that_hold(call, words):
    assert words in inspect.getdoc(call)


def test_tiles_are_seen_from_where_a_camera_may_stand_and_details_of_a_face_from_near_by():
    views, names = settings.TILE_VIEWS, {c.name for c in CATEGORIES}
    assert {*views} - {""} <= names
    assert all(RANGES["zoom"][0] <= view["zoom"] <= RANGES["zoom"][1] for view in views.values())
    assert min(views[name]["zoom"] for name in ("eyebrows", "eyes", "nose", "mouth")) > 1.5 * views[""]["zoom"]
