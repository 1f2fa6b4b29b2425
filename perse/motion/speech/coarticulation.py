"""Phonemes in time become one movement: each pulls the mouth towards its own shape, most near its own time.

Dominance functions after M. M. Cohen and D. W. Massaro, "Modeling coarticulation in synthetic visual speech", Models and Techniques in
Computer Animation, 1993: what a channel does at a time is the mean of the sounds' targets, each weighted by a dominance that falls
exponentially with the distance in time. What a sound cannot do without, lips that meet or a lip at the teeth, is kept apart from that
mean and always reached.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .articulation import CHANNELS, GLIDED, GLIDES, REST, Shape, is_vowel, shape_of
from .loudness import Loudness
from .phones import Phone

# How fast dominance falls, per second, before a sound and after it: lips round early, a jaw moves when it has to.
FALLS = {
    "jaw": (30.0, 26.0),
    "spread": (20.0, 24.0),
    "round": (13.0, 20.0),
    "push": (15.0, 20.0),
    "teeth": (24.0, 24.0),
    "tongue": (32.0, 32.0),
}
REACH = 0.4  # seconds beyond which no sound is felt
CORE = 0.3  # share of a sound, about its middle, in which it dominates fully
CLOSING, OPENING = 0.06, 0.05  # seconds in which lips come together and part
RELEASE = 0.012  # seconds before a stop's end at which its lips begin to part
FULL = 0.11  # seconds from which a vowel reaches its whole shape; shorter ones fall short
LEAST = 0.7  # of its opening that the shortest vowel keeps
# Of its opening that a vowel keeps when it is hardly heard; what it gains when it is stressed, by stress.
QUIET, STRESSED = 0.25, (0.9, 1.0, 1.15)
CARRIES = 0.12  # seconds over which loudness counts: a jaw does not shut for every stop
PARTED = 0.33  # opening of the jaw that a tongue between the teeth needs
ANY = 1e-3  # dominance of the mouth at rest everywhere: what nobody claims is at rest


@dataclass(frozen=True)
class Movement:
    """What a mouth does at T times: channels (T, CHANNELS) of the articulation; lips, bite (T,): how far the lips meet, and the lower lip
    the upper teeth, 1 completely."""

    channels: np.ndarray
    lips: np.ndarray
    bite: np.ndarray


@dataclass(frozen=True)
class _Piece:
    shape: Shape
    start: float
    end: float
    amount: float = 1.0


def movement(phones: Iterable[Phone], loudness: Loudness, times: np.ndarray) -> Movement:
    """What the phonemes of a sound make a mouth do at times (T,), growing evenly, in seconds."""
    phones = list(phones)
    step = float(times[1] - times[0]) if len(times) > 1 else 0.04
    pieces = [piece for phone in phones for piece in _pieces(phone)]
    pieces += [_Piece(REST, a, b) for a, b in loudness.pauses()]
    channels = _blend(pieces, times)
    lips, bite = (_reached([p for p in phones if _place(p) == place], times, step) for place in ("lips", "teeth"))
    bite = bite * (1 - lips)
    channels[:, CHANNELS.index("jaw")] *= QUIET + (1 - QUIET) * np.clip(loudness.smoothed(CARRIES).at(times) / 0.75, 0, 1.15)
    # A tongue comes between teeth that are apart, however softly.
    jaw, tongue = (channels[:, CHANNELS.index(name)] for name in ("jaw", "tongue"))
    channels[:, CHANNELS.index("jaw")] = np.maximum(jaw, PARTED * tongue)
    # Lips that meet bare no teeth and leave no way for a tongue; how round they are stays.
    apart = 1 - np.maximum(lips, 0.7 * bite)
    for name in ("jaw", "spread", "teeth", "tongue"):
        channels[:, CHANNELS.index(name)] *= apart
    return Movement(channels, lips, bite)


def _place(phone: Phone) -> str:
    shape = shape_of(phone.symbol)
    return shape.place if shape else ""


def _pieces(phone: Phone) -> Iterable[_Piece]:
    """The shapes of a phoneme one after the other, with how much of their opening is reached."""
    amount = 1.0
    if is_vowel(phone.symbol):
        amount = STRESSED[phone.stress] * (LEAST + (1 - LEAST) * min(1.0, (phone.end - phone.start) / FULL))
    parts = tuple(GLIDES.get(phone.symbol, (phone.symbol,)))
    turn = phone.start + (GLIDED if len(parts) > 1 else 1.0) * (phone.end - phone.start)
    for symbol, start, end in zip(parts, (phone.start, turn), (turn, phone.end)):
        if shape := shape_of(symbol):
            yield _Piece(shape, start, end, amount)


def _blend(pieces: list[_Piece], times: np.ndarray) -> np.ndarray:
    """(T, CHANNELS): the dominated mean of the pieces' targets."""
    total = np.full((len(times), len(CHANNELS)), ANY)
    out = np.zeros_like(total)
    before, after = np.array([FALLS[name] for name in CHANNELS]).T
    for piece in pieces:
        rows = slice(*np.searchsorted(times, (piece.start - REACH, piece.end + REACH)))
        core = CORE * (piece.end - piece.start) / 2
        away = times[rows] - (piece.start + piece.end) / 2
        away = np.sign(away) * np.maximum(np.abs(away) - core, 0)
        # Long sounds reach as far beyond their middle as they last.
        half = max((piece.end - piece.start) / 2 - core, 1e-3)
        near = np.where(away[:, None] < 0, np.exp(before * away[:, None]), np.exp(-after * away[:, None]))
        inside = np.clip(1 - np.abs(away) / half, 0, 1)[:, None]
        dominance = np.maximum(near, inside) * np.where(np.arange(len(CHANNELS)) == 0, piece.shape.firm, piece.shape.lips)
        target = piece.shape.targets.copy()
        target[0] *= piece.amount
        out[rows] += dominance * target
        total[rows] += dominance
    return out / total


def _reached(phones: list[Phone], times: np.ndarray, step: float) -> np.ndarray:
    """(T,) 1 while one of the phones holds its place, easing to 0 about it. One shorter than a frame is held until a frame shows it."""
    out = np.zeros(len(times))
    for phone in phones:
        start, end = phone.start, max(phone.end - RELEASE, phone.start)
        if end - start < 1.02 * step:
            middle = (start + end) / 2
            start, end = middle - 0.51 * step, middle + 0.51 * step
        rows = slice(*np.searchsorted(times, (start - CLOSING, end + OPENING)))
        t = times[rows]
        early, late = np.clip((t - start) / CLOSING + 1, 0, 1), np.clip((end - t) / OPENING + 1, 0, 1)
        held = np.minimum(early, late)
        out[rows] = np.maximum(out[rows], held * held * (3 - 2 * held))
    return out
