"""The two example portraits. Both are in the public domain and arrive with packages that PERSE needs anyway.

`python -m perse.ui.examples [BUDGET]` builds their avatars into assets/examples, from where the page opens them at once, and makes the
pictures and live files that stand in for them until they can be rendered; `python -m perse.ui.examples pictures` only these, from the avatars
there.
"""

import base64
import hashlib
import io
import lzma
import sys
import tempfile
import threading
import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

import numpy as np
from PIL import Image

from ..controls import Controls
from ..errors import PerseError
from ..files import write_atomically

if TYPE_CHECKING:
    from ..avatar.avatar import Avatar

_loading = threading.Lock()
FOLDER = Path(__file__).parents[2] / "assets" / "examples"
STILL_SIZE = 512  # pixels, as the live picture
STILL_YAWS = tuple(range(-40, 41, 10))  # degrees: what is seen of an example before it can be rendered, side by side in one picture
THUMBNAIL = 160  # pixels
MADE_OF = "made_of"  # in a live file's description: SHA-256 of the avatar file that it was made of


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

    @property
    def stills_path(self) -> Path:
        """Its avatar from `STILL_YAWS`, squares of `STILL_SIZE` side by side."""
        return FOLDER / f"{self.name}.webp"

    @property
    def live_path(self) -> Path:
        """Its avatar as a live file, for the visitor's own browser."""
        return FOLDER / f"{self.name}.live"

    def live(self) -> Path | None:
        """`live_path`, if it was made of the avatar that is there."""
        try:
            stamps = self.live_path.stat().st_mtime_ns, self.avatar_path.stat().st_mtime_ns
        except OSError:
            return None
        return self.live_path if _belongs(self, stamps) else None

    @property
    def thumbnail_path(self) -> Path:
        """The face in its photo, a JPEG of `THUMBNAIL` pixels square."""
        return FOLDER / f"{self.name}.jpg"

    def opened(self) -> "Avatar | None":
        """What `avatar` would give, if somebody has it open."""
        return _opened.get(self)

    def avatar(self) -> "Avatar":
        """Its ready-made avatar, the same for all who have it open at the same time; PerseError if it cannot be read."""
        with _loading:
            if (avatar := _opened.get(self)) is None:
                avatar = _opened[self] = self.load()
            return avatar

    def load(self) -> "Avatar":
        """A copy of its own, read anew."""
        from ..avatar.io import load_avatar

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
        from matplotlib import get_data_path

        return np.asarray(Image.open(Path(get_data_path(), "sample_data/grace_hopper.jpg")).convert("RGB"))

    def thumbnail(self) -> str:
        """The face as a data URI."""
        try:
            data = self.thumbnail_path.read_bytes()
        except OSError:  # a checkout without pictures
            data = self.make_thumbnail()
        return "data:image/jpeg;base64," + base64.b64encode(data).decode()

    def make_thumbnail(self) -> bytes:
        """The face in its photo as JPEG."""
        x, y, side = self.window
        image = Image.fromarray(self.photo()[y : y + side, x : x + side]).resize((THUMBNAIL, THUMBNAIL), Image.Resampling.LANCZOS)
        out = io.BytesIO()
        image.save(out, "JPEG", quality=85)
        return out.getvalue()

    def make_live(self) -> bytes:
        """The file of `live_path`; it says of which avatar file it was made."""
        from ..live.bake import bake
        from ..live.container import decode

        live = decode(bake(self.avatar(), look=Controls(neutralise=1.0)))
        live.head[MADE_OF] = self._avatar_digest()
        return live.encode()

    def _avatar_digest(self) -> str:
        return hashlib.sha256(self.avatar_path.read_bytes()).hexdigest()

    def make_stills(self) -> bytes:
        """The strip of `stills_path` as WebP, marked as synthetic."""
        from ..render.picture import encode_picture
        from ..renderer import Renderer

        renderer = Renderer(self.avatar(), STILL_SIZE)
        strip = np.concatenate([renderer.frame(Controls(yaw=yaw)) for yaw in STILL_YAWS], axis=1)
        return encode_picture(strip, ".webp")


@lru_cache(maxsize=8)
def _belongs(example: Example, stamps: tuple[int, int]) -> bool:
    """Whether an example's live file was made of its avatar file, as both are at these times of change."""
    from ..live.container import description

    try:
        return description(example.live_path.read_bytes()).get(MADE_OF) == example._avatar_digest()
    except (OSError, PerseError, ValueError, LookupError, TypeError, zlib.error):
        return False


_opened: "WeakValueDictionary[Example, Avatar]" = WeakValueDictionary()  # 70 MB each, gone with the last visit that has it


EXAMPLES = {
    e.name: e
    for e in (
        Example("astronaut", "Eileen Collins", "NASA, public domain", (115, 5, 230)),
        Example("hopper", "Grace Hopper", "US Navy, public domain", (110, 20, 300)),
    )
}


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


def picture_all() -> None:
    """Make every example's pictures and live file, from the avatars that are there."""
    for example in EXAMPLES.values():
        write_atomically(example.thumbnail_path, example.make_thumbnail())
        write_atomically(example.stills_path, example.make_stills())
        write_atomically(example.live_path, example.make_live())
        print(f"{example.stills_path}: {example.stills_path.stat().st_size / 1e3:.0f} KB")


if __name__ == "__main__":
    if sys.argv[1:] != ["pictures"]:
        build_all(float(sys.argv[1]) if len(sys.argv) > 1 else 60.0)
    picture_all()
