"""What a speaker does besides speaking: nods and brows with the stress, blinks at the ends of phrases, breath before them, eyes that wander.

How such movements go with speech: Graf, Cosatto, Strom and Huang 2002, "Visual prosody: facial movements accompanying speech"; blinks at
phrase ends: Condon and Ogston 1967; eyes that leave and come back: Lee, Badler and Badler 2002, "Eyes alive". The amounts are this project's
own.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ...rig.expressions import INDEX, NAMES
from .articulation import is_vowel
from .loudness import Loudness
from .phones import Phone

BREATH = (0.34, 0.06)  # seconds before a phrase in which a breath is drawn, and between its end and the first sound
LEAST_PAUSE = 0.3  # seconds of a pause in which somebody breathes
BLINK = (0.07, 0.13)  # seconds in which lids close, and open again
EVERY = (2.2, 5.5)  # seconds from one blink to the next at the least, and at the most
NOD = (0.14, 0.32)  # seconds in which a head goes down with a stress, and comes back
NEAR = 0.45  # seconds between two nods at the least
LOOKS = (0.7, 2.4)  # seconds that eyes rest on one point
SACCADE = 0.045  # seconds in which they go to the next
DRIFT = 0.35  # Hz below which a head wanders
# What liveliness 0, calm, and 1, lively, make of degrees of a nod, of the head's wandering, of the gaze's, of brows and of a smile.
NODS, DRIFTS, GAZES, BROWS, SMILES = (1.2, 4.0), (0.8, 2.6), (0.7, 2.2), (0.12, 0.45), (0.0, 0.14)


@dataclass(frozen=True)
class Gestures:
    """weights (T, E) of the blendshapes in the order of expressions.NAMES; head (T, 3) yaw, pitch, roll and gaze (T, 2) yaw, pitch, degrees."""

    weights: np.ndarray
    head: np.ndarray
    gaze: np.ndarray


def gestures(
    phones: Iterable[Phone], loudness: Loudness, times: np.ndarray, seed: int = 0, liveliness: float = 0.5, strength: float = 1.0
) -> Gestures:
    """What goes with speech at times (T,), growing, in seconds.

    seed: of all that is left to chance. liveliness: 0 calm to 1 lively. strength: of all but the blinks.
    """
    rng = np.random.default_rng(seed)

    def amount(pair):
        return strength * (pair[0] + (pair[1] - pair[0]) * liveliness)

    weights, head, gaze = np.zeros((len(times), len(NAMES))), np.zeros((len(times), 3)), np.zeros((len(times), 2))
    pauses = loudness.pauses()
    head += amount(DRIFTS) * wandering(rng, times, 3) * (1.0, 0.5, 0.5)
    # A head moves less where nobody speaks, but never stands still.
    for k, (time, force) in enumerate(_stresses(list(phones), loudness)):
        head[:, 1] += amount(NODS) * force * _bump(times, time, *NOD)
        if k % 3 == 0 or force > 0.9:
            raised = amount(BROWS) * force * _bump(times, time - 0.05, 0.16, 0.4)
            for name, share in (("brow_inner_up", 1.0), ("brow_outer_up_left", 0.7), ("brow_outer_up_right", 0.7)):
                weights[:, INDEX[name]] += share * raised
    for start, end in pauses:
        if end - start >= LEAST_PAUSE and end < times[-1]:
            _breathe(times, end, weights, head, amount((0.6, 1.0)))
    for name in ("mouth_smile_left", "mouth_smile_right"):
        weights[:, INDEX[name]] += amount(SMILES) * (0.6 + 0.4 * wandering(rng, times, 1)[:, 0])
    lids = np.zeros(len(times))
    for time in _blinks(rng, pauses, float(times[-1])):
        lids = np.maximum(lids, _bump(times, time, *BLINK))
    for side in ("left", "right"):
        weights[:, INDEX[f"eye_blink_{side}"]] = lids
    gaze += amount(GAZES) * _looks(rng, times) * (1.0, 0.6)
    gaze[:, :1] -= 0.4 * head[:, :1]  # eyes stay with whom they speak to while the head turns
    return Gestures(np.clip(weights, 0, 1), head, gaze)


def wandering(rng: np.random.Generator, times: np.ndarray, count: int) -> np.ndarray:
    """(T, count) smooth noise of about unit size that never repeats: sines whose frequencies, below DRIFT, have no common period."""
    frequencies = DRIFT * rng.uniform(0.15, 1.0, (5, count))
    phases = rng.uniform(0, 2 * np.pi, (5, count))
    return np.sin(2 * np.pi * times[:, None, None] * frequencies + phases).sum(1) / np.sqrt(5 / 2)


def _bump(times: np.ndarray, peak: float, rise: float, fall: float) -> np.ndarray:
    """(T,) from 0 to 1 at the peak and back, easing in and out."""
    away = np.where(times < peak, (times - peak) / rise, (times - peak) / fall)
    return np.where(np.abs(away) < 1, 0.5 + 0.5 * np.cos(np.pi * np.clip(away, -1, 1)), 0)


def _stresses(phones: list[Phone], loudness: Loudness) -> list[tuple[float, float]]:
    """When a head nods and how much, in [0, 1]: at the loudest of the vowels that are stressed, as far as stress is known, never two soon."""
    vowels = [p for p in phones if is_vowel(p.symbol)]
    known = any(p.stress for p in vowels)
    found = []
    for p in vowels:
        if known and p.stress < 2:
            continue
        middle = (p.start + p.end) / 2
        force = float(loudness.at(np.array([middle]))[0]) * (0.5 + min(p.end - p.start, 0.2) / 0.4)
        found.append((middle, force))
    kept: list[tuple[float, float]] = []
    for time, force in sorted(found, key=lambda one: -one[1]):
        if all(abs(time - other) > NEAR for other, _ in kept):
            kept.append((time, force))
    return sorted(kept)


def _breathe(times: np.ndarray, end: float, weights: np.ndarray, head: np.ndarray, amount: float) -> None:
    """Adds a breath before the phrase that begins at `end`: lips part, the head rises a little."""
    length, before = BREATH
    drawn = amount * _bump(times, end - before - 0.35 * length, 0.65 * length, 0.35 * length)
    weights[:, INDEX["jaw_open"]] += 0.09 * drawn
    weights[:, INDEX["brow_inner_up"]] += 0.06 * drawn
    head[:, 1] -= 1.0 * drawn


def _blinks(rng: np.random.Generator, pauses: list[tuple[float, float]], end: float) -> list[float]:
    """Seconds at which eyes are shut: where phrases end, and in between as often as anybody blinks."""
    ends = [start + 0.08 for start, _ in pauses if start > 0]
    times: list[float] = []
    now = float(rng.uniform(0.6, EVERY[0]))
    while now < end:
        near = next((t for t in ends if now - 0.5 * EVERY[0] < t < now + 1.0 and (not times or t - times[-1] > 1.0)), now)
        times.append(near)
        now = near + float(rng.uniform(*EVERY))
    return times


def _looks(rng: np.random.Generator, times: np.ndarray) -> np.ndarray:
    """(T, 2) where eyes look about the one they speak to, of about unit size: one point after the other, every other one straight ahead."""
    out, now, there, away = np.zeros((len(times), 2)), 0.0, np.zeros(2), False
    while now < times[-1] + 1:
        stay = float(rng.uniform(*LOOKS))
        goal = rng.standard_normal(2) if away else 0.2 * rng.standard_normal(2)
        share = np.clip((times - now) / SACCADE, 0, 1)[:, None]
        rows = (times >= now)[:, None]
        out = np.where(rows, there + share * (np.clip(goal, -2, 2) - there), out)
        there, away, now = np.clip(goal, -2, 2), not away, now + stay
    return out
