"""The two example portraits. Both are in the public domain and arrive with packages that PERSE needs anyway.

`python -m perse.ui.examples [BUDGET]` builds their avatars into assets/examples, from where the page opens them at once.
"""

import base64
import io
import lzma
import sys
import tempfile
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from ..avatar.avatar import Avatar
from ..avatar.io import load_avatar
from ..errors import PerseError
from ..files import write_atomically

_loading = threading.Lock()
FOLDER = Path(__file__).parents[2] / "assets" / "examples"


@dataclass(frozen=True)
class Example:
    """name: of files; label, credit: for people; window: (x0, y0, side) of the thumbnail in the photo."""

    name: str
    label: str
    credit: str
    window: tuple[int, int, int]

    @property
    def avatar_path(self) -> Path:
        """Where its ready-made avatar lies, if there is one: compressed, since a Space takes no plain file above 10 MB."""
        return FOLDER / f"{self.name}.safetensors.xz"

    def avatar(self) -> Avatar:
        """Its ready-made avatar, the same for all visitors; PerseError if it cannot be read."""
        with _loading:
            return _loaded(self)

    def load(self) -> Avatar:
        """A copy of its own, read anew."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{self.name}.safetensors"
            try:
                path.write_bytes(lzma.decompress(self.avatar_path.read_bytes()))
            except (OSError, lzma.LZMAError):
                raise PerseError(f"The example {self.label} cannot be read: please fetch the app's files again.") from None
            return load_avatar(path)

    def photo(self) -> np.ndarray:
        """(H, W, 3) uint8."""
        if self.name == "astronaut":
            from skimage.data import astronaut
            return astronaut()
        from matplotlib.cbook import get_sample_data
        with get_sample_data("grace_hopper.jpg") as file:
            return np.asarray(Image.open(file).convert("RGB"))

    def thumbnail(self) -> str:
        """The face as a data URI, 160 px square."""
        x, y, side = self.window
        image = Image.fromarray(self.photo()[y:y + side, x:x + side]).resize((160, 160), Image.Resampling.LANCZOS)
        out = io.BytesIO()
        image.save(out, "JPEG", quality=85)
        return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()


@cache
def _loaded(example: Example) -> Avatar:
    return example.load()


EXAMPLES = {e.name: e for e in (
    Example("astronaut", "Eileen Collins", "NASA, public domain", (115, 5, 230)),
    Example("hopper", "Grace Hopper", "US Navy, public domain", (110, 20, 300)),
)}


def build_all(budget: float) -> None:
    """Build every example's avatar file (needs `budget` seconds each)."""
    from ..pipeline import PersePipeline
    pipeline = PersePipeline.from_pretrained()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for example in EXAMPLES.values():
        avatar = pipeline.build(pipeline.prepare(example.photo()), budget)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "avatar.safetensors"
            pipeline.save(avatar, path)
            write_atomically(example.avatar_path, lzma.compress(path.read_bytes()))
        print(f"{example.avatar_path}: {example.avatar_path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    build_all(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0)
