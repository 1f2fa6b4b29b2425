"""Sounds of any language, by loudness and spectrum alone: coarser than phonemes, but in time.

A vowel's first resonance rises as the jaw drops, its second falls as lips round (Fant 1960, "Acoustic Theory of Speech Production"); lips
that close let the second fall, too (Delattre, Liberman and Cooper 1955, "Acoustic loci and transitional cues for consonants"), and a closed
mouth hums, with hardly anything above the lowest band. Here the mean frequencies of two bands stand for the resonances, each against
what is usual in the same recording, so that high and low voices and all microphones come out alike.
"""

import numpy as np
from scipy.ndimage import median_filter

from .loudness import RATE as STEPS
from .loudness import SPOKEN, Loudness
from .phones import Phone

RATE = 16_000  # samples a second
WINDOW, POINTS = 400, 512  # samples
HUM, FIRST, SECOND, HISS = (60, 350), (250, 1100), (900, 3000), (3800, 7800)  # Hz
HISSING = 0.5  # share of the power in HISS from which it is a hiss
SHARP = 5200.0  # Hz, mean frequency of a hiss from which it is an s and no sh
HUMMING = 0.93  # share of the power in HUM from which the mouth is shut
SMOOTH = 5  # steps of 1 / STEPS seconds over which a class must last
SPREAD = 0.5  # standard deviations from the usual that make a vowel open or close, front or round
VOWELS = (("u", "ə", "i"), ("ɔ", "ʌ", "ɛ"), ("ɑ", "ɑ", "æ"))  # by openness, then by how far at the front


def heard_phones(samples: np.ndarray, loudness: Loudness) -> list[Phone]:
    """Phones of a sound (N,) float32 at RATE, as far as its spectrum tells; none where nobody speaks."""
    count = len(loudness.values)
    if count < 2 or loudness.silent:
        return []
    power, frequencies = _power(samples, count)
    total = power.sum(1) + 1e-12

    def share(band):
        return power[:, (frequencies >= band[0]) & (frequencies < band[1])].sum(1) / total

    def mean(band):
        inside = (frequencies >= band[0]) & (frequencies < band[1])
        return power[:, inside] @ frequencies[inside] / (power[:, inside].sum(1) + 1e-12)

    loud, hiss = loudness.values, share(HISS)
    speaks, hisses = loud >= SPOKEN, hiss > HISSING
    hums = (share(HUM) > HUMMING) & ~hisses
    vowel = speaks & ~hisses & ~hums
    open_, front = _class(mean(FIRST), vowel), _class(mean(SECOND), vowel)
    labels = np.full(count, -1)
    labels[vowel] = (3 * open_ + front)[vowel]
    labels[speaks & hums] = 9
    labels[(loud > 0) & hisses] = np.where(mean(HISS) > SHARP, 10, 11)[(loud > 0) & hisses]
    labels = median_filter(labels, SMOOTH)
    return _runs(labels, front)


SYMBOLS = [symbol for row in VOWELS for symbol in row] + ["m", "s", "ʃ"]
LONGEST_DIP = 14  # steps of silence that are the closure of a stop, not a pause
BEFORE = 5  # steps before a closure in which the second resonance tells what closes


def _runs(labels: np.ndarray, front: np.ndarray) -> list[Phone]:
    """Runs of the same label (N,) as phones; short silences between them as stops, of the lips where the second resonance falls."""
    edges = np.flatnonzero(np.diff(labels, prepend=-2, append=-2))
    out = []
    for start, end in zip(edges[:-1].tolist(), edges[1:].tolist()):
        label = int(labels[start])
        if label >= 0:
            out.append(Phone(SYMBOLS[label], start / STEPS, end / STEPS))
        elif out and end < len(labels) and end - start <= LONGEST_DIP:
            low = front[max(start - BEFORE, 0) : start].mean() < 1
            out.append(Phone("p" if low else "t", start / STEPS, end / STEPS))
    return out


def _class(values: np.ndarray, where: np.ndarray) -> np.ndarray:
    """(N,) 0, 1 or 2: below, about or above what is usual `where` it counts."""
    if where.sum() < 2:
        return np.ones(len(values), int)
    z = (values - values[where].mean()) / (values[where].std() + 1e-6)
    return np.digitize(z, (-SPREAD, SPREAD))


def _power(samples: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Power (count, POINTS / 2 + 1), STEPS a second, and the frequencies in Hz."""
    hop = RATE // STEPS
    padded = np.pad(samples, (WINDOW // 2, WINDOW + count * hop))
    pieces = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[: count * hop : hop]
    window = np.hanning(WINDOW).astype(np.float32)
    power = np.concatenate([np.abs(np.fft.rfft(part * window, POINTS)) ** 2 for part in np.array_split(pieces, max(1, count // 1000))])
    return power, np.fft.rfftfreq(POINTS, 1 / RATE)
