"""The page in other languages: one table each, nothing that passes it by, and a page that holds the longest words."""

import re
from html.parser import HTMLParser

import pytest

from perse.attributes.catalogue import CATEGORIES
from perse.motion.keyframes import EASINGS
from perse.motion.presets import PRESETS
from perse.motion.speech.voice import VOICES
from perse.ui import html_pieces
from perse.ui.film_plan import TABLES
from perse.ui.languages import languages, read
from perse.ui.quick_faces import QUICK_FACES
from perse.ui.shown import BUTTON_LABELS

PLACES = re.compile(r"\{\w+\}")
LETTERS = re.compile(r"[^\W\d_]{2}")
OTHERS = [code for code in languages() if code != "en"]
TOLD = ("title", "aria-label", "placeholder", "alt")
NAMES = {"PERSE"}  # which are the same in every language
# What is said in quotation marks to a visitor in a script; one that holds `${places}` is a template.
SAID = re.compile(
    r'(?:toast|tell|new Error)\(\s*(?:"((?:[^"\\]|\\.)*)"|`([^`]*)`)|(?:textContent = |language\.put\([^,]+, )"((?:[^"\\]|\\.)*)"'
)
PSEUDO = """() => {
  const seen = new Set();
  const own = 'script, style, textarea, template, [translate=no], #perse-photo, footer, .perse-example b';
  const look = (element, text) => {
    if (element.closest(own) || !element.checkVisibility()) return;
    if (/\\p{L}{2}/u.test(text.replace(/⟦.*⟧/s, ''))) seen.add(text.trim());
  };
  const walk = document.createTreeWalker(document.querySelector('.gradio-container'), NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) look(walk.currentNode.parentElement, walk.currentNode.data);
  for (const name of ['aria-label', 'placeholder', 'alt']) {
    for (const e of document.querySelectorAll(`.gradio-container [${name}]`)) look(e, e.getAttribute(name));
  }
  return [...seen];
}"""
BEYOND = """() => [...document.querySelectorAll('.gradio-container *')].filter((e) => {
  const { left, right, width } = e.getBoundingClientRect();
  return width && e.checkVisibility()
    && !e.closest('.perse-chips, .perse-swatches, .perse-history, .perse-thumbs, svg') && (right > innerWidth + 1 || left < -1);
}).map((e) => `${e.tagName} ${e.id} ${e.className}`)"""


@pytest.fixture(scope="module")
def words() -> dict[str, str]:
    return read(OTHERS[0])["words"]


def known(text: str, words: dict[str, str], within: str = "") -> bool:
    """Whether the table has a text, in its category, by itself or as a key with places."""
    forms = (re.sub(r"\\\{\w+\\\}", ".+", re.escape(key)) for key in words if "{" in key)
    return (
        f"{within} › {text}" in words or text in words or text[:1].upper() + text[1:] in words or any(re.fullmatch(f, text) for f in forms)
    )


def test_all_languages_have_the_same_keys_and_places():
    assert {"de", "fr", "es", "pt", "zh", "ja", "ko", "ar"} == set(OTHERS)
    first = list(read(OTHERS[0])["words"])
    for code in OTHERS:
        told = read(code)
        assert told["direction"] == ("rtl" if code == "ar" else "ltr") and languages()[code] == told["language"]
        assert list(told["words"]) == first, code
        for key, translated in told["words"].items():
            assert translated.strip() == translated and translated, (code, key)
            assert sorted(PLACES.findall(key)) == sorted(PLACES.findall(translated)), (code, key)


def test_every_label_of_the_head_is_in_the_table(words):
    missing = []
    for category in CATEGORIES:
        missing += [] if category.label in words else [category.label]
        missing += [(category.label, x.label) for x in (*category.axes, *category.styles) if not known(x.label, words, category.label)]
    labels = [*QUICK_FACES, *EASINGS, *TABLES, *BUTTON_LABELS.values(), *(v.label for v in VOICES.values())]
    labels += [text for preset in PRESETS.values() for text in (preset.label, preset.help)]
    assert not missing and [x for x in labels if not known(x, words)] == []


class Said(HTMLParser):
    """Texts and told attributes of a fragment."""

    def __init__(self, text: str):
        super().__init__()
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.texts += [value for name, value in attrs if name in TOLD and value]

    def handle_data(self, data):
        self.texts += [data.strip()] if LETTERS.search(data) else []


def test_no_sentence_of_fragments_and_scripts_passes_the_table_by(words):
    loose = []
    for path in sorted(html_pieces.STATIC.glob("*.html")):
        loose += [text for text in Said(html_pieces.html(path.name)).texts if text not in NAMES and not known(text, words)]
    for name in html_pieces.SCRIPTS:
        for plain, template, put in SAID.findall((html_pieces.STATIC / name).read_text(encoding="utf-8")):
            text = plain or put or re.sub(r"\$\{[^}]*\}", "7", template)
            if LETTERS.search(text) and not known(text, words):
                loose.append((name, text))
    assert loose == []


def test_what_is_seen_in_another_language_came_through_the_table(visit, avatar_file, words):
    """Every key of a language that nobody speaks stands in brackets: what has none was put on the page past the table."""
    v = visit()
    pseudo = {"language": "Pseudo", "direction": "ltr", "words": {key: f"⟦{key.rpartition(' › ')[2]}⟧" for key in words}}
    v.page.route("**/perse/words/de", lambda route: route.fulfill(json=pseudo))
    for strip in ("styles", "faces", "motion"):  # no more is asked of the server than the test looks at
        v.page.route(f"**/perse/{strip}/**", lambda route: route.fulfill(body=b"", content_type="image/jpeg"))
    v.page.select_option("#perse-language", "de")
    v.page.wait_for_function("document.documentElement.lang === 'de'")
    assert v.page.evaluate(PSEUDO) == []
    v.page.locator("input[type=file][accept*=safetensors]").set_input_files(avatar_file)
    v.wait_for_avatar()
    for name in v.page.evaluate("Object.keys(perse.info.categories)"):
        v.page.locator(f"[data-category={name}]").click()
        assert v.page.evaluate(PSEUDO) == [], name
    for tab in ("mood", "save", "video"):
        v.page.locator(f"[data-tab-name={tab}]").click()
        v.page.evaluate("for (const d of document.querySelectorAll('details')) d.open = true")
        assert v.page.evaluate(PSEUDO) == [], tab
    for way in ("speak", "follow"):
        v.page.locator(f"[data-way-name={way}]").click()
        assert v.page.evaluate(PSEUDO) == [], way
    v.page.evaluate("perse.toast('This browser keeps nothing for this page.')")
    assert v.page.locator("#perse-toast").inner_text() == "⟦This browser keeps nothing for this page.⟧"


@pytest.mark.parametrize("code", ["de", "ar"])
def test_a_phone_in_another_language_shows_its_words_and_nothing_runs_over(visit, avatar_file, code):
    told = read(code)
    of = told["words"]
    v = visit(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2, locale=code)
    page = v.page
    page.wait_for_function(f"document.documentElement.lang === '{code}'")
    assert page.evaluate("document.documentElement.dir") == told["direction"]
    assert page.locator("#perse-build").inner_text() == of["Choose a photo to begin"]
    assert page.get_by_text(of["Standard (up to {n} s)"].replace("{n}", "25")).is_visible(), "choices of Gradio's"
    assert page.evaluate(BEYOND) == []
    v.shot(f"phone-{code}-start", full=True)
    page.locator("input[type=file][accept*=safetensors]").set_input_files(avatar_file)
    v.wait_for_avatar()
    for tab, text in {"look": "Haircut", "mood": "Expression", "video": "Make the video", "save": "Copy picture"}.items():
        page.locator(f"[data-tab-name={tab}]").click()
        assert page.get_by_text(of[text]).locator("visible=true").count(), text
        assert page.evaluate(BEYOND) == [], tab
        v.shot(f"phone-{code}-{tab}")
    # Another language at once, and again English, without a reload.
    page.evaluate("perse.language.use('fr')")
    page.wait_for_function("document.documentElement.lang === 'fr'")
    assert page.locator("[data-tab-name=save]").inner_text() == read("fr")["words"]["Save"]
    page.evaluate("perse.language.use('en')")
    assert page.locator("[data-tab-name=save]").inner_text() == "Save" and page.evaluate("document.documentElement.dir") == "ltr"


def test_a_text_is_translated_by_its_category_its_places_and_its_parts(visit):
    v = visit(locale="de")
    v.page.wait_for_function("document.documentElement.lang === 'de'")
    cases = {
        ("Wide", "Nose"): "Breit",
        ("Upturned", "Mouth"): "Mundwinkel hoch",
        ("about 12 s left", ""): "noch etwa 12 s",
        ("Random nose", ""): "Zufall: Nase",
        ("Beard: Full, 2 sliders", ""): "Bart: Voll, 2 Regler",
        ("Turn left", ""): "Nach links drehen",
        ("Learning the face …", ""): "Das Gesicht wird gelernt …",
        ("Eileen Collins", ""): "Eileen Collins",
    }
    got = v.page.evaluate("(cases) => cases.map(([text, within]) => perse.language.of(text, within))", [list(c) for c in cases])
    assert got == list(cases.values())
