"""Looks: Controls kept as JSON files, in the form that the page saves and opens."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from .controls import LONGEST, Controls
from .errors import PerseError, shown
from .files import read_short, write_atomically

if TYPE_CHECKING:
    from .avatar.avatar import Avatar


def read_look(path: str | Path) -> Controls:
    """Read a look.

    Raises:
        PerseError: the file is missing, is not JSON, or does not hold Controls; the sentence names the file.
    """
    path = Path(path)
    text = read_short(path, LONGEST, "a look, a JSON file that PERSE saved")
    try:
        return Controls.from_json(text)
    except PerseError as error:
        raise PerseError(f"{shown(path.name)} is not a look: {error}") from None


def write_look(controls: Controls, path: str | Path) -> None:
    """Write a look; whatever is at its default is left out. PerseError if it cannot be written."""
    plain, data = json.loads(Controls().to_json()), json.loads(controls.to_json())
    kept = {k: v for k, v in data.items() if v != plain[k]}
    write_atomically(path, (json.dumps(kept, indent=1) + "\n").encode())


def check_look(controls: Controls, avatar: "Avatar", path: str | Path) -> None:
    """PerseError, naming the file, if the avatar lacks something that the look asks for."""
    try:
        avatar.state(controls)
    except PerseError as error:
        raise PerseError(f"{shown(Path(path).name)} asks for what this avatar does not have: {error}") from None
