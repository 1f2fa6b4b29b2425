"""Names of earlier catalogues that saved looks, scripts and links still use, and what they mean today."""

from collections.abc import Mapping, Sequence
from typing import Any

from .edit_vocabulary import Category

# Former category -> those that it has become, in the order in which its latent vector held their axes.
SPLIT: dict[str, tuple[str, ...]] = {"hair": ("hair_colour", "hair")}


def home_of_style(category: str, style: str, categories: Mapping[str, Category]) -> str:
    """Name of the category in which a style is found today: `category` itself if it has it, else of those that it has become the one that
    does, else `category`."""
    homes = (name for name in (category, *SPLIT.get(category, ())) if name in categories)
    return next((name for name in homes if any(s.name == style for s in categories[name].styles)), category)


def parts_of_latent(category: str, values: Sequence[float], categories: Mapping[str, Category]) -> dict[str, Sequence[float]]:
    """A raw latent vector by the category that each part belongs to today.

    One as long as all that `category` has become is of the time before, and is divided; any other stays with `category`.
    """
    homes = [name for name in SPLIT.get(category, ()) if name in categories]
    if len(homes) < 2 or len(values) != sum(categories[name].dim for name in homes):
        return {category: values}
    parts: dict[str, Any] = {}
    for name in homes:
        parts[name], values = values[: categories[name].dim], values[categories[name].dim :]
    return parts
