"""The command line's options that say what an avatar looks like: --set, --style, --look, --random and so on."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .avatar.random_look import random_look, sample
from .controls import LONGEST, Controls, read_look
from .errors import PerseError, shown
from .files import read_short

if TYPE_CHECKING:
    from .avatar.avatar import Avatar


def add_edit_options(parser: argparse.ArgumentParser) -> None:
    """Give a command the options that `controls_from` reads."""
    parser.add_argument("avatar")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="an attribute, expression or control")
    parser.add_argument("--style", action="append", default=[], metavar="CATEGORY=STYLE[:AMOUNT]")
    parser.add_argument("--look", metavar="FILE", help="a saved look (JSON); other options come on top")
    parser.add_argument("--sample", action="append", default=[], metavar="CATEGORY[:SEED]", help="a random point of a category")
    parser.add_argument("--random", type=int, metavar="SEED", help="a random look")
    parser.add_argument("--controls", metavar="JSON", help="a whole Controls object, JSON text or file")
    for name in ("yaw", "pitch", "roll"):
        parser.add_argument(f"--{name}", type=float, default=0.0, metavar="D")
    parser.add_argument(
        "--size", type=int, help="side in pixels, 512 if not said; with --framing source the shorter side, at most the photo's own"
    )
    parser.add_argument(
        "--background", help="white, black, grey, transparent, original or #rrggbb (default: grey; with --framing source original)"
    )


def read_controls(text: str) -> Controls:
    """Controls from JSON text or the path of a JSON file; PerseError if it is neither."""
    if not text.lstrip().startswith("{"):
        text = read_short(text, LONGEST, "a JSON file of controls")
    return Controls.from_json(text)


def check_look(controls: Controls, avatar: "Avatar", path: str | Path) -> None:
    """PerseError, naming the file, if the avatar lacks something that the look asks for."""
    try:
        avatar.state(controls)
    except PerseError as error:
        raise PerseError(f"{shown(Path(path).name)} asks for what this avatar does not have: {error}") from None


def controls_from(args, avatar) -> Controls:
    """Controls of --controls or --look, --random, --sample, --set, --style and the view options, later ones on top; PerseError for
    unknown names and bad numbers."""
    if args.controls and args.look:
        raise PerseError("Choose one of --controls and --look.")
    if args.look:
        start = read_look(args.look)
        check_look(start, avatar, args.look)
    else:
        start = read_controls(args.controls) if args.controls else Controls()
    data = json.loads(start.to_json())
    _draw(args, avatar, data)
    attributes = {a.name for c in avatar.space.categories.values() for a in c.axes}
    expressions = set(avatar.expressions())
    for item in args.set:
        name, equals, value = item.partition("=")
        if not equals:
            raise PerseError(f"--set takes NAME=VALUE, not {item!r}.")
        value = _number(value, name)
        if name in attributes:
            data["attributes"][name] = value
        elif name in expressions:
            data["expression"][name] = value
        elif name in data and isinstance(data[name], (int, float)):
            data[name] = value
        else:
            raise PerseError(f"Unknown attribute or expression {name!r}; `info` lists them.")
    for item in args.style:
        category, equals, style = item.partition("=")
        style, colon, amount = style.partition(":")
        if not equals or not style:
            raise PerseError(f"--style takes CATEGORY=STYLE[:AMOUNT], not {item!r}.")
        data["styles"].setdefault(category, {})[style] = _number(amount, item) if colon else 1.0
    for name in ("yaw", "pitch", "roll"):
        if getattr(args, name):
            data[name] = getattr(args, name)
    controls = Controls.from_json(data)
    avatar.state(controls)  # unknown names are told before anything is rendered
    return controls


def _draw(args, avatar, data: dict) -> None:
    """Put what --random and --sample draw into controls."""
    limits = avatar.report.build.get("limits", {})
    if args.random is not None:
        drawn = random_look(list(avatar.space.categories.values()), _seed(str(args.random)), limits)
        data["attributes"] |= drawn.attributes
        data["expression"] |= drawn.expression
    for item in args.sample:
        name, colon, seed = item.partition(":")
        if name not in avatar.space.categories:
            raise PerseError(f"Unknown category {name!r}; known are: {', '.join(avatar.space.categories)}.")
        category = avatar.space.categories[name]
        for axis in category.axes:
            data["attributes"].pop(axis.name, None)
        data["attributes"] |= sample(category, np.random.default_rng(_seed(seed) if colon else 0), limits)


def _seed(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise PerseError(f"A seed is a whole number from 0, of at most 18 digits, not {shown(text)}.")
    return int(text)


def _number(text: str, what: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise PerseError(f"{what} must be a number, not {text!r}.") from None
    return value
