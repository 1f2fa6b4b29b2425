"""Looks: Controls kept as JSON files, in the form that the page saves and opens."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from .controls import Controls
from .errors import PerseError
from .files import write_atomically

if TYPE_CHECKING:
    from .avatar.avatar import Avatar

LONGEST = 100_000  # bytes; a look of every slider has about 6,000


def read_look(path: str | Path) -> Controls:
    """Read a look.

    Raises:
        PerseError: the file is missing, is not JSON, or does not hold Controls; the sentence names the file.
    """
    path = Path(path)
    try:
        if path.stat().st_size > LONGEST:
            raise PerseError(f"{path.name} is too long to be a look: choose a JSON file that PERSE saved.")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise PerseError(f"Cannot read the look {str(path)!r}.") from None
    try:
        return Controls.from_json(text)
    except PerseError as error:
        raise PerseError(f"{path.name} is not a look: {error}") from None


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
        raise PerseError(f"{Path(path).name} asks for what this avatar does not have: {error}") from None
