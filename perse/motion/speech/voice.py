"""Voices that read English text aloud and know when they speak which phoneme.

The voice of the package `hibari-tts` (Apache-2.0, distilled from Kokoro-82M) predicts, before it makes sound, how long each phoneme
lasts; its graph is asked for that number as one more output, so that picture and sound agree to a frame without any alignment.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ...errors import BuildCancelled, PerseError, shown
from ...sound import Sound
from .articulation import GLIDES, SHAPES, is_vowel
from .phones import TYPED, Phone, Speech
from .typed_text import speakable, too_long

RATE = 24_000  # samples a second
UNIT = 0.025  # seconds in which durations are counted
DURATIONS = "/Cast_32_output_0"  # of the graph of hibari-tts 0.2.1: (N,) int64, UNITs of every symbol, those at the ends included
# Seconds by which each sound is heard before its durations say so. Measured 2026-11-29: the middles of 19 hisses and closures of lips in the
# sound of single words came 35 to 108 milliseconds early, in the median 78.
EARLY = 0.075
LONGEST_PIECE = 400  # symbols said in one go: attention grows with the square
STRESS = {"ˈ": 2, "ˌ": 1}
LOUDEST = 0.8  # sample of a text that is said, of full scale
LAST = 0.22  # seconds of the last sound of a sentence that are spoken: after it the voice only fades


@dataclass(frozen=True)
class Voice:
    """label: for people; pitch: factor on the voice's own; size: of its vocal tract, against the voice's own: what is larger sounds deeper."""

    label: str
    pitch: float = 1.0
    size: float = 1.0


# One recorded voice is in the package. The others are it with another pitch and another length of throat and mouth, the two things in which
# voices differ most (Smith and Patterson 2005, "The interaction of glottal-pulse rate and vocal-tract length in judgements of speaker size,
# sex, and age").
VOICES = {"heart": Voice("Woman"), "deep": Voice("Man, deep", pitch=0.56, size=1.16), "bright": Voice("Young person", pitch=1.22, size=0.9)}
DEFAULT = "heart"


def voice_named(name: str) -> Voice:
    """A voice by its key in VOICES; PerseError for any other."""
    if not isinstance(name, str) or name not in VOICES:
        raise PerseError(f"Unknown voice {shown(name)}; known are: {', '.join(VOICES)}.")
    return VOICES[name]


def spoken(text: str, voice: str = DEFAULT, seconds: float = 60.0, seed: int = 0, cancelled: Callable[[], bool] = lambda: False) -> Speech:
    """A text said aloud. The same text, voice and seed give the same sound.

    Args:
        text: English, see `typed_text.speakable`.
        voice: key of VOICES.
        seconds: how long the speech may last at most.
        seed: of the noise in the voice.
        cancelled: asked before every sentence; BuildCancelled is raised when it says so.

    Raises:
        PerseError: for a text that cannot be said, is too long, or an unknown voice.
    """
    kind, text = voice_named(voice), speakable(text, seconds)
    reader = _reader()
    sounds, phones, length = [], [], 0
    rng = np.random.default_rng(seed)
    for piece in reader.pieces(text):
        if cancelled():
            raise BuildCancelled()
        samples, said = reader.say(piece, kind, rng)
        phones += [Phone(p.symbol, p.start + length / RATE, p.end + length / RATE, p.stress) for p in said]
        sounds.append(samples)
        length += len(samples)
        if length > seconds * RATE:
            raise too_long(len(text), seconds)
    if not phones:
        raise PerseError("There is nothing to say in this text: please type some English words.")
    samples = np.concatenate(sounds)
    samples *= LOUDEST / max(float(np.abs(samples).max()), 1e-6)
    return Speech(Sound(samples.astype(np.float32), RATE), tuple(phones), TYPED)


@lru_cache(maxsize=1)
def _made() -> "_Reader":
    return _Reader()


_making = threading.Lock()


def _reader() -> "_Reader":
    """The one of this process, made when first needed."""
    with _making:
        return _made()


class _Reader:
    """hibari-tts, with its durations. Threads may share it: what turns text to phonemes loads parts of itself when it first needs them
    and so works for one at a time, the graph for all."""

    def __init__(self):
        from hibari import Hibari
        from hibari.voices import DEFAULT as PACKED
        from hibari.voices import voice_path

        with open(voice_path(PACKED, download_missing=False), "rb") as file:
            graph = file.read() + _one_more_output(DURATIONS)
        self._voice, self._lock = Hibari(PACKED, model=graph), threading.Lock()

    def pieces(self, text: str) -> list[str]:
        """Phonemes of a text, a sentence or part of one each."""
        with self._lock:
            sentences = self._voice.phonemize(text)
        return [piece for sentence in sentences for piece in _cut(sentence)]

    def say(self, piece: str, voice: Voice, rng: np.random.Generator) -> tuple[np.ndarray, list[Phone]]:
        """Samples (N,) at RATE, and when which phoneme is in them."""
        from hibari import dsp

        symbols = [c for c in piece if c in self._voice.vocab]
        ids = np.array([self._voice.ids(symbols)], np.int64)
        *spectrum, pitch, units = self._voice.sess.run(None, {"ids": ids, "speed": np.ones(1, np.float32)})
        magnitudes = (_resized(part[0], voice.size) for part in spectrum)
        samples = dsp.synth(*magnitudes, pitch[0] * np.float32(voice.pitch), rng)
        return samples, _timed(symbols, units.ravel().astype(float) * UNIT)


def _cut(sentence: str) -> list[str]:
    """A sentence in pieces of at most LONGEST_PIECE symbols, between words where there are any."""
    pieces = []
    while len(sentence) > LONGEST_PIECE:
        end = sentence.rfind(" ", 1, LONGEST_PIECE)
        end = LONGEST_PIECE if end < 0 else end
        pieces.append(sentence[:end])
        sentence = sentence[end:].lstrip()
    return [*pieces, sentence] if sentence.strip() else pieces


def _timed(symbols: list[str], seconds: np.ndarray) -> list[Phone]:
    """Phones of symbols (N,) that last so long, (N + 2,) with what is before and after them. A stress mark's time is its vowel's."""
    ends = np.cumsum(seconds)[:-1] - EARLY
    starts = ends - seconds[:-1]
    phones: list[Phone] = []
    stress, since = 0, None
    for symbol, start, end in zip(symbols, starts[1:].tolist(), ends[1:].tolist()):
        if symbol in STRESS:
            stress, since = STRESS[symbol], start
        elif symbol in "ːʰʲ" and phones:
            last = phones.pop()
            phones.append(Phone(last.symbol, last.start, end, last.stress))
        elif symbol in SHAPES or symbol in GLIDES:
            vowel = is_vowel(symbol)
            begin = since if since is not None else start
            phones.append(Phone(symbol, begin, end, stress if vowel else 0))
            since = None
            stress = 0 if vowel else stress
    if phones:
        last = phones.pop()
        phones.append(Phone(last.symbol, last.start, min(last.end, last.start + LAST), last.stress))
    return phones


def _resized(part: np.ndarray, size: float) -> np.ndarray:
    """A spectrum (bins, frames) of a vocal tract so much larger: its resonances come as much lower."""
    if size == 1.0:
        return part
    bins = np.arange(len(part)) * size
    low = np.minimum(bins.astype(int), len(part) - 2)
    share = np.clip(bins - low, 0, 1).astype(np.float32)[:, None]
    return (1 - share) * part[low] + share * part[low + 1]


def _one_more_output(name: str) -> bytes:
    """What to write after a graph in ONNX format so that it gives one more of its values. A field of Protocol Buffers that comes twice is
    one with the contents of both: here the model's `graph` (7), in it an `output` (12), of which the `name` (1) says enough."""

    def field(number: int, content: bytes) -> bytes:
        length, size = b"", len(content)
        while size > 127:
            length, size = length + bytes([size & 127 | 128]), size >> 7
        return bytes([number << 3 | 2]) + length + bytes([size]) + content

    return field(7, field(12, field(1, name.encode())))
