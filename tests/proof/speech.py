"""Measures speech on real pictures: an avatar says a text, every frame is rendered, and the face in it is found again.

python -m tests.proof.speech [AVATAR] [--say TEXT] [--voice NAME] [--speech FILE] [--size 512] [--sheet FILE.png]

Tells, as JSON: in how many of p, b and m the lips are closed (landmarks 13 and 14 within 3.5 % of the eye distance in the frames of the
sound or one beside them; of frames in which a face is found), how far the mouth's opening correlates with the loudness, which shift of
the picture against the sound, in milliseconds, fits best, and how long it took. With --speech the phonemes are the recogniser's: what is
told of closed lips then says how the picture follows them, not how right they are. The sheet shows the mouth at each phoneme.

Run by hand; AVATAR is the example astronaut if none is named. Ends with 1 where a target is missed.
"""

import argparse
import json
import sys
import time

import cv2
import numpy as np

from perse.avatar.io import load_avatar
from perse.face.measures import eye_distance, lip_gap
from perse.files import write_atomically
from perse.motion.speech.articulation import shape_of
from perse.motion.speech.asked import speech_asked
from perse.motion.speech.loudness import Loudness
from perse.motion.speech.talk import talk
from perse.portrait.landmarker import face_landmarks
from perse.render.picture import encode_picture
from perse.renderer import Renderer
from perse.ui.examples import EXAMPLES

TEXT = (
    "Hello, and welcome. My name is Bob, and I am so glad that you came. Would you like to hear a story about a brave man who lived by the "
    "sea? The fish and the shoe were five feet from his mother. I think you will love it."
)
CLOSED, ENOUGH = 0.035, 0.95  # eye distances; share of p, b and m
CORRELATION, SHIFT = 0.5, 40.0  # with the loudness; milliseconds
SMOOTH = 0.1  # seconds over which loudness is averaged
CELL, COLUMNS = 160, 12  # pixels, pictures


def main() -> int:
    """Measure, tell, and say by the exit code whether the targets are met."""
    args = _arguments()
    avatar = load_avatar(args.avatar) if args.avatar else EXAMPLES["astronaut"].avatar()
    begin = time.monotonic()
    speech = speech_asked(None if args.speech else args.say or TEXT, args.voice, args.speech, 120)
    spoken = time.monotonic()
    motion = talk(avatar, speech)
    frames = list(Renderer(avatar, args.size).film(motion))
    drawn = time.monotonic()
    found = []
    for frame in frames:
        found.append(face_landmarks(frame, found[-1] if found else None))
    gaps = np.array([np.nan if f is None else lip_gap(f[:, :2]) / eye_distance(f[:, :2]) for f in found])
    told = {
        "seconds": {"speech": spoken - begin, "picture": drawn - spoken, "clip": speech.sound.seconds},
        "way": speech.way,
        "frames": len(gaps),
        "frames_without_a_face": int(np.isnan(gaps).sum()),
        **closures(speech.phones, gaps, motion.fps),
        **agreement(Loudness.of(speech.sound), gaps, motion.fps),
    }
    print(json.dumps(told, indent=1, default=lambda x: round(float(x), 3)))
    if args.sheet:
        write_atomically(args.sheet, encode_picture(sheet(speech.phones, frames, found, motion.fps), ".png"))
    return 0 if told["closed"] >= ENOUGH and told["correlation"] >= CORRELATION and abs(told["best_shift_ms"]) <= SHIFT else 1


def closures(phones, gaps: np.ndarray, fps: float) -> dict:
    """In how many of the sounds whose lips must meet they do, in (T,) openings in eye distances; and which do not."""
    wanted, missed = 0, []
    for p in phones:
        shape = shape_of(p.symbol)
        seen = gaps[max(0, int(p.start * fps) - 1) : int(np.ceil(p.end * fps)) + 1]
        if shape is None or shape.place != "lips" or np.isnan(seen).all():
            continue
        wanted += 1
        if np.nanmin(seen) > CLOSED:
            missed.append(f"{p.symbol} at {p.start:.2f} s: {100 * np.nanmin(seen):.1f} %")
    return {"closures": wanted, "closed": (wanted - len(missed)) / max(wanted, 1), "missed": missed}


def agreement(loudness: Loudness, gaps: np.ndarray, fps: float) -> dict:
    """How openings (T,) follow the loudness, and by how many milliseconds they come after it where they follow it best."""
    seen = np.flatnonzero(~np.isnan(gaps))
    times, smooth = (seen + 0.5) / fps, loudness.smoothed(SMOOTH)

    def fits(shift: float) -> float:
        return float(np.corrcoef(gaps[seen], smooth.at(times - shift))[0, 1])

    shifts = np.arange(-0.2, 0.201, 0.01)
    best = shifts[int(np.argmax([fits(s) for s in shifts]))]
    return {"correlation": fits(0.0), "best_shift_ms": 1000 * best, "widest": float(np.nanmax(gaps)), "at_rest": float(np.nanmin(gaps))}


def sheet(phones, frames: list[np.ndarray], found: list, fps: float) -> np.ndarray:
    """The mouth in the middle of each phoneme, with its opening in per cent of the eye distance, in rows."""
    cells = []
    for p in phones:
        i = min(int((p.start + p.end) / 2 * fps), len(frames) - 1)
        if found[i] is None:
            continue
        face = found[i][:, :2]
        half = 0.6 * eye_distance(face)
        (x0, y0), (x1, y1) = np.maximum(face[[13, 14]].mean(0) - half, 0).astype(int), (face[[13, 14]].mean(0) + half).astype(int)
        cell = cv2.resize(frames[i][y0:y1, x0:x1], (CELL, CELL), interpolation=cv2.INTER_CUBIC)
        text = f"{p.symbol.encode('ascii', 'replace').decode()} {100 * lip_gap(face) / eye_distance(face):.1f}"
        cells.append(cv2.putText(cell, text, (3, 13), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 200), 1, cv2.LINE_AA))
    cells += [np.zeros((CELL, CELL, 3), np.uint8)] * (-len(cells) % COLUMNS)
    return np.vstack([np.hstack(cells[k : k + COLUMNS]) for k in range(0, len(cells), COLUMNS)])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure speech on rendered pictures.")
    parser.add_argument("avatar", nargs="?")
    parser.add_argument("--say")
    parser.add_argument("--voice", default="")
    parser.add_argument("--speech")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--sheet")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
