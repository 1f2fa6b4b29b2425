"""What the fuzzers send, and what receives it: one class for each kind of thing that a stranger may send.

`inputs(rng, folder)` yields (what it is, path or value) without end; `receive(sent)` does what the program would do with it, and
raises PerseError for what is refused.
"""

import lzma
import random
from collections.abc import Callable, Iterator
from functools import cache
from itertools import chain, count
from pathlib import Path

import numpy as np

from perse.errors import PerseError

from .. import hostile_controls

ROOT = Path(__file__).parents[2]
SIZE = 64  # pixels of the pictures that are rendered
WHOLE = 0.2  # of the spoiled avatar files that have all their Gaussians
FRAMES = 40  # frames of a clip that are looked at
DRIVEN = 4  # frames of a clip that drive an avatar: tracking is slow


@cache
def example():
    """A ready-made avatar, as bytes of its file and loaded."""
    from perse.ui.examples import EXAMPLES

    chosen = EXAMPLES["astronaut"]
    return lzma.decompress(chosen.avatar_path.read_bytes()), chosen.avatar()


def known() -> dict[str, list]:
    """Names that the example's avatar has."""
    space = example()[1].space.categories.values()
    return {
        "attributes": [a.name for c in space for a in c.axes],
        "expression": example()[1].expressions(),
        "styles": [(c.name, s.name) for c in space for s in c.styles],
    }


def finite(picture) -> None:
    """A picture of SIZE pixels has come out, whatever it shows."""
    if picture.shape[:2] != (SIZE, SIZE) or picture.dtype != "uint8":
        raise AssertionError(f"a picture of shape {picture.shape} and {picture.dtype}")


def again(make: Callable[[np.random.Generator], Iterator], rng: random.Random) -> Iterator:
    """The generator's inputs, again and again with other seeds."""
    for _ in count():
        yield from make(np.random.default_rng(rng.randrange(2**32)))


def moving_face(path: Path, frames: int, side: int) -> Path:
    """A clip of scikit-image's portrait that moves a little, 25 frames a second, side x side pixels."""
    import av
    import cv2
    from skimage.data import astronaut

    picture = cv2.resize(astronaut(), (side, side))
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = side, side, "yuv420p"
        for i in range(frames):
            moved = np.roll(picture, round(side * np.sin(i / 9) / 50), 1)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(moved, format="rgb24")))
        out.mux(stream.encode(None))
    return path


class Photos:
    """A photo as it is uploaded: a file with any name."""

    def inputs(self, rng, folder: Path):
        from ..hostile_photos import photos

        for name, data in again(photos, rng):
            path = folder / f"photo{Path(name).suffix[:8]}"
            path.write_bytes(data)
            yield name, path

    def receive(self, path: Path):
        from perse.portrait import load_portrait

        load_portrait(path)


class Clips:
    """A clip that shall drive an avatar."""

    def inputs(self, rng, folder: Path):
        from ..hostile_clips import clips

        yield from again(lambda seeded: clips(folder, seeded), rng)

    def receive(self, path: Path):
        from perse.media import Clip

        with Clip(path, rate=25.0, seconds=30.0, frames=FRAMES) as clip:
            for _, pixels in clip:
                if pixels.shape != (clip.height, clip.width, 3):
                    raise AssertionError(f"a frame of shape {pixels.shape} in a clip of {clip.width} x {clip.height}")


class Drives(Clips):
    """The same, down to the avatar's motion; half of them once showed a face."""

    def inputs(self, rng, folder: Path):
        from ..hostile_clips import mutated

        data, seeded = moving_face(folder / "good.ts", 25, 256).read_bytes(), np.random.default_rng(rng.randrange(2**32))
        path = folder / "face.ts"
        for other in super().inputs(rng, folder):
            path.write_bytes(mutated(data, seeded))
            yield "a spoiled face", path
            yield other

    def receive(self, path: Path):
        from perse.controls import Controls
        from perse.motion.driving.drive import drive
        from perse.renderer import Renderer

        motion = drive(example()[1], path, Controls(), float(DRIVEN), 1.0)
        finite(Renderer(example()[1], SIZE).frame(next(iter(motion))))


class Sound:
    """A recording, or a clip's sound."""

    def inputs(self, rng, folder: Path):
        from ..hostile_clips import clips, sounds

        yield from again(lambda seeded: chain(sounds(folder, seeded, 6), clips(folder, seeded)), rng)

    def receive(self, path: Path):
        from perse.media import read_sound

        sound = read_sound(path, seconds=30.0)
        if sound.ndim != 1 or sound.dtype != np.float32 or not np.isfinite(sound).all() or np.abs(sound).max(initial=0) > 1:
            raise AssertionError(f"a sound of shape {sound.shape}, {sound.dtype}")


class Avatars:
    """An avatar file that is opened, seen and saved."""

    def inputs(self, rng, folder: Path):
        from ..hostile_avatar import mutations, small

        path, sizes = folder / "avatar.safetensors", (small(), example()[0])
        for name, changed in again(lambda seeded: mutations(sizes[seeded.random() < WHOLE], seeded), rng):
            path.write_bytes(changed)
            yield name, path

    def receive(self, path: Path):
        from perse.avatar.io import load_avatar, save_avatar
        from perse.controls import Controls
        from perse.pipeline import PersePipeline
        from perse.renderer import Renderer

        avatar = load_avatar(path)
        for background, framing in (("grey", "head"), ("original", "head")):
            finite(Renderer(avatar, SIZE, background, framing).frame(Controls(expression={"smile": 1.0}, yaw=20.0)))
        PersePipeline.from_pretrained().info(avatar)
        written = path.with_suffix(".again")
        save_avatar(avatar, written)
        written.unlink()


class Looks:
    """A look file, worn by an avatar."""

    def inputs(self, rng, folder: Path):
        path = folder / "look.json"
        for name, data in hostile_controls.looks(rng, known()):
            path.write_bytes(data)
            yield name, path

    def receive(self, path: Path):
        from perse.controls import read_look
        from perse.edit_options import check_look

        look = read_look(path)
        check_look(look, example()[1], path)


class ControlsSent:
    """Controls of a call, rendered."""

    def inputs(self, rng, folder: Path):
        yield from hostile_controls.controls(rng, known())

    def receive(self, text: str | bytes):
        from perse.controls import Controls
        from perse.renderer import Renderer

        found = Controls.from_json(text)
        if Controls.from_json(found.to_json()) != found:
            raise AssertionError("controls that do not survive JSON")
        finite(Renderer(example()[1], SIZE).frame(found))


TARGETS = {"photos": Photos, "clips": Clips, "drives": Drives, "sound": Sound, "avatars": Avatars, "looks": Looks, "controls": ControlsSent}


def refusal(error: PerseError) -> str:
    """What is wrong with the sentence of a refusal; empty if nothing."""
    sentence = str(error)
    wrong = [
        name
        for name, bad in (
            ("is empty", len(sentence) < 10),
            ("is long", len(sentence) >= 300),
            ("is no single line", not sentence.isprintable()),
            ("does not end", sentence[-1:] not in ".?!"),
            ("names a place of the server", any(str(place) in sentence for place in (Path.cwd(), ROOT))),
        )
        if bad
    ]
    return f"the sentence {' and '.join(wrong)}: {sentence[:400]!r}" if wrong else ""
