"""What a visitor brings to move the avatar by."""

from dataclasses import dataclass
from pathlib import Path

RECORDING, CLIP = "recording", "clip"  # of a voice; of a face that moves, or a photo of one
KINDS = (RECORDING, CLIP)
CAMERA = "camera"  # what it sees is not brought but passes by; it needs the same consent


@dataclass
class Brought:
    """path: in the visit's folder, with which it goes. html: what the page tells of it, once it has been looked through. faces: how many
    of comparable size a clip shows where it begins, of which one is chosen, counted from the left."""

    path: Path
    html: str = ""
    faces: int = 0
