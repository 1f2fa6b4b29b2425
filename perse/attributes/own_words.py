"""Styles in the visitor's own words: "curly red hair" becomes one more axis, and one more style, of a category."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ..errors import PerseError
from .edit_vocabulary import Axis, Category, Locks, Prop, Style, Tint, Tuck

MAX_WORDS = 80  # characters
MAX_STYLES = 12  # of one avatar: each costs a basis over its region
# Words that name a category. Earlier entries win: "beard" before "hair" ("a beard of grey hair").
VOCABULARY: dict[str, tuple[str, ...]] = {
    "beard": ("beard", "bearded", "stubble", "moustache", "mustache", "goatee", "sideburn", "sideburns", "whiskers", "shaven", "shaved"),
    "eyebrows": ("eyebrow", "eyebrows", "brow", "brows", "unibrow", "monobrow"),
    "hair": ("hair", "haired", "haircut", "hairstyle", "curls", "curly", "wavy", "afro", "braid", "braids", "bob", "fringe", "bangs",
             "ponytail", "pigtails", "dreadlocks", "dreads", "mohawk", "mullet", "quiff", "bald", "pixie", "perm"),
    "hair_colour": ("blond", "blonde", "brunette", "ginger", "redhead"),  # alone: words that speak of hair as well mean the whole of it
    "nose": ("nose", "nostril", "nostrils"),
    "mouth": ("lip", "lips", "mouth", "lipstick"),
    "eyes": ("eye", "eyes", "iris", "irises", "eyelid", "eyelids", "pupil", "pupils"),
    "face_shape": ("jaw", "jawline", "chin", "cheekbone", "cheekbones", "face", "forehead"),
    "ears": ("ear", "ears"),
    "makeup": ("makeup", "eyeliner", "eyeshadow", "mascara"),
    "skin": ("skin", "freckles", "freckled", "tan", "tanned", "wrinkles", "wrinkled", "blush", "pale", "old", "older", "young", "younger",
             "cheeks", "scar", "tattoo", "complexion"),
}


@dataclass(frozen=True)
class Described:
    """One style in words.

    category: name; text: the words; name: of the style, also `<category>_as_<name>` of its axis.
    """

    category: str
    text: str
    name: str

    @property
    def axis(self) -> str:
        """Name of the axis that the style is the end of."""
        return f"{self.category}_as_{self.name}"


def guess_category(text: str, categories: Iterable[Category]) -> str | None:
    """Name of the category that the words speak of, None if no word is known; the vocabulary's order decides between two."""
    words = set(re.findall(r"[a-z]+", text.lower()))
    known = {c.name for c in categories}
    return next((name for name, list_ in VOCABULARY.items() if name in known and words & set(list_)), None)


def describe(texts: Sequence[str], categories: Sequence[Category]) -> list[Described]:
    """Words -> styles. "CATEGORY: words" names the category; else it is guessed.

    Raises:
        PerseError: empty or overlong words, a category that is unknown or cannot be painted, too many styles.
    """
    if len(texts) > MAX_STYLES:
        raise PerseError(f"At most {MAX_STYLES} styles can be described for one avatar, not {len(texts)}.")
    by_name = {c.name: c for c in categories}
    out: list[Described] = []
    for text in texts:
        given, colon, words = text.partition(":")
        given = given.strip().lower().replace(" ", "_") if colon else ""
        words = " ".join((words if colon else text).split())
        if not re.search(r"[^\W\d_]", words):
            raise PerseError(f"Please describe the style in words, for example \"curly red hair\", not {text!r}.")
        if len(words) > MAX_WORDS or not words.isprintable():
            raise PerseError(f"Please describe the style in at most {MAX_WORDS} plain characters: {words[:30]!r} is too long "
                             "or has others.")
        if colon and given not in by_name:
            raise PerseError(f"Unknown category {given!r}; known are: {', '.join(by_name)}.")
        category = given or guess_category(words, categories)
        if category is None:
            raise PerseError(f"Cannot tell what {words!r} describes: please write the category before it, for example \"hair: {words}\".")
        if not _paintable(by_name[category]):
            raise PerseError(f"{by_name[category].label} cannot be described in words: please choose one of its styles.")
        taken = {s.name for s in by_name[category].styles} | {d.name for d in out if d.category == category}
        out.append(Described(category, words, _name(words, taken)))
    return out


def _name(words: str, taken: set[str]) -> str:
    stem = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")[:40].strip("_") or "style"
    return next(name for name in (stem, *(f"{stem}_{n}" for n in range(2, 99))) if name not in taken)


def _paintable(category: Category) -> bool:
    """Whether any of its edits acts on the person's own surface: things worn on the head are geometry, and no picture of
    them can be unrolled over the skin."""
    return any(not isinstance(edit, Prop | Tint | Tuck | Locks) for axis in category.axes for edit in axis.edits)


def extend(categories: Iterable[Category], described: Sequence[Described]) -> list[Category]:
    """The categories with one more axis and style for each of the described; their own axes keep their places."""
    out = []
    for category in categories:
        mine = [d for d in described if d.category == category.name]
        regions = tuple(dict.fromkeys(r for a in category.axes for r in a.regions))
        axes = tuple(Axis(d.axis, d.text[:1].upper() + d.text[1:], "In your own words", (), regions, prompt=d.text) for d in mine)
        styles = tuple(Style(d.name, d.text[:1].upper() + d.text[1:], ((d.axis, 1.0),)) for d in mine)
        out.append(replace(category, axes=category.axes + axes, styles=category.styles + styles) if mine else category)
    return out


def described_of(categories: Iterable[Category]) -> list[Described]:
    """The described styles among the categories: what `extend` would need to make them again."""
    return [Described(c.name, a.prompt, a.name[len(c.name) + 4:]) for c in categories for a in c.axes
            if not a.edits and a.name.startswith(f"{c.name}_as_")]


def without(categories: Iterable[Category], axes: Iterable[str]) -> list[Category]:
    """The categories less these described axes and their styles."""
    gone = set(axes)
    return [replace(c, axes=tuple(a for a in c.axes if a.name not in gone),
                    styles=tuple(s for s in c.styles if not gone & {name for name, _ in s.at})) for c in categories]
