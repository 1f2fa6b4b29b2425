"""Names of earlier catalogues that saved looks, scripts and links still use, and what they mean today."""

from collections.abc import Mapping, Sequence
from typing import Any

from .edit_vocabulary import Category

# Former category -> those that it has become, in the order in which its latent vector held their axes.
SPLIT: dict[str, tuple[str, ...]] = {"hair": ("hair_colour", "hair")}
# Category -> how many axes it had before more were added behind them.
SHORTER = {"hair": 6}
# (category, style) -> where the style lay before it took more axes: an avatar without those has it there.
SIMPLER: dict[tuple[str, str], tuple[tuple[str, float], ...]] = {("hair", "cropped"): (("hair_short", 1.0),)}


def home_of_style(category: str, style: str, categories: Mapping[str, Category]) -> str:
    """Name of the category in which a style is found today: `category` itself if it has it, else of those that it has become the one that
    does, else `category`."""
    homes = (name for name in (category, *SPLIT.get(category, ())) if name in categories)
    return next((name for name in homes if any(s.name == style for s in categories[name].styles)), category)


def parts_of_latent(category: str, values: Sequence[float], categories: Mapping[str, Category]) -> dict[str, Sequence[float]]:
    """A raw latent vector by the category that each part belongs to today.

    One as long as `category` is today is of today. One as long as all that it has become is of the time before, and is divided; any other
    stays with `category`. What is as long
    as a category once was does nothing along the axes that came later.
    """
    homes = [name for name in SPLIT.get(category, ()) if name in categories]
    former = {name: min(SHORTER.get(name, 64), categories[name].dim) for name in {category, *homes} & set(categories)}
    parts: dict[str, Any] = {category: values}
    today = category in categories and len(values) == categories[category].dim
    if len(homes) > 1 and len(values) == sum(former[name] for name in homes) and not today:
        parts = {}
        for name in homes:
            parts[name], values = values[: former[name]], values[former[name] :]
    later = {name: categories[name].dim - length for name, length in former.items() if len(parts.get(name, ())) == length}
    return parts | {name: (*parts[name], *[0.0] * more) for name, more in later.items() if more}
