"""Phonemes of a recording, without its text.

The recogniser of the package `hama` (Apache-2.0) writes sounds of many languages in the International Phonetic Alphabet, one guess for
every 20 milliseconds (connectionist temporal classification, Graves et al. 2006: each phoneme shows up in a frame or two, the others are
blank).
"""

import threading
from collections.abc import Callable
from functools import lru_cache

import numpy as np

from ...errors import BuildCancelled
from .articulation import GLIDES, is_vowel, shape_of
from .loudness import RATE as STEPS
from .loudness import Loudness
from .phones import Phone

RATE = 16_000  # samples a second
FRAME = 0.02  # seconds from one guess to the next
PIECE, OVERLAP = 6.0, 0.6  # seconds looked at in one go, and how far pieces reach into one another: time grows with the square
LONGEST = {True: 0.28, False: 0.12}  # seconds that a vowel, another sound lasts at most where nothing follows
LATE = 0.075  # seconds by which a guess comes after the middle of what is heard, measured as `voice.EARLY` is
EARLY = 0.02  # seconds by which a vowel begins before it is sure
ABOUT = 0.2  # seconds about a phoneme in which something must be heard
LEVEL = 0.1  # root mean square of what it is given where somebody speaks


def recognise(samples: np.ndarray, loudness: Loudness, cancelled: Callable[[], bool] = lambda: False) -> tuple[list[Phone], float] | None:
    """Phones in a sound, and how sure they are.

    Args:
        samples: (N,) float32, RATE a second.
        loudness: of the same sound.
        cancelled: asked before every piece; BuildCancelled is raised when it says so.

    Returns:
        The phones, and the mean probability in [0, 1] of those where somebody speaks; None where the recogniser does not run.
    """
    model = _shared()
    if model is None:
        return None
    samples = samples * np.float32(LEVEL / max(loudness.peak, 1e-6))
    found: list[tuple[float, str, float]] = []
    step = PIECE - OVERLAP
    for k in range(max(1, int(np.ceil((len(samples) / RATE - OVERLAP) / step)))):
        if cancelled():
            raise BuildCancelled()
        start = k * step
        piece = samples[round(start * RATE) : round((start + PIECE) * RATE)]
        last = (k + 1) * step + OVERLAP >= len(samples) / RATE
        # In the overlap each of two pieces knows best what is farther from its end.
        low, high = start + (OVERLAP / 2 if k else 0), np.inf if last else start + PIECE - OVERLAP / 2
        found += [(t + start, symbol, sure) for t, symbol, sure in model.guesses(piece) if low <= t + start < high]
    # Closed lips are silent: what counts is whether anything is heard about them.
    near = loudness.widened(ABOUT)
    heard = [(t, symbol, sure) for t, symbol, sure in found if near.at(np.array([t]))[0] > 0]
    return _phones(heard, loudness), float(np.mean([sure for *_, sure in heard])) if heard else 0.0


def _phones(guesses: list[tuple[float, str, float]], loudness: Loudness) -> list[Phone]:
    """Each lasts until the next one, until somebody pauses, or as long as such a sound does."""
    pauses = [start for start, _ in loudness.pauses()]
    whole = len(loudness.values) / STEPS
    out: list[Phone] = []
    for (time, symbol, _), (after, following, _) in zip(guesses, [*guesses[1:], (np.inf, "", 0.0)]):
        vowel = is_vowel(symbol)
        start = max(time - EARLY, out[-1].start + FRAME if out else 0.0) if vowel else time
        end = min(after - EARLY * is_vowel(following), time + LONGEST[vowel])
        pause = next((p for p in pauses if p > time), np.inf)
        out.append(Phone(symbol, float(start), float(min(max(min(end, pause), time + FRAME), whole))))
    return out


class _Model:
    """hama's recogniser; works for one thread at a time."""

    def __init__(self):
        from hama import ASRModel

        self._model, self._lock = ASRModel(), threading.Lock()
        self._blank = self._model.blank_id
        self._symbols = self._model.decoder_tokens

    def guesses(self, samples: np.ndarray) -> list[tuple[float, str, float]]:
        """Seconds, symbol and probability of every phoneme of a sound that shapes a mouth."""
        if len(samples) < RATE * FRAME:
            return []
        with self._lock:
            logs, count = self._model.session.run(
                ["log_probs", "out_lengths"], {"waveform": samples[None], "waveform_lengths": np.array([len(samples)])}
            )
        share = np.exp(logs[0, : int(count.ravel()[0])])
        best = share.argmax(1)
        out = []
        for i, token in enumerate(best.tolist()):
            symbol = self._symbols[token]
            if token == self._blank or (i and token == best[i - 1]) or not (symbol in GLIDES or shape_of(symbol)):
                continue
            out.append((max(i * FRAME - LATE, 0.0), symbol, float(share[i, token])))
        return out


@lru_cache(maxsize=1)
def _made() -> _Model | None:
    try:
        return _Model()
    except (ImportError, OSError, RuntimeError):  # no engine for this machine's kind in the package
        return None


_making = threading.Lock()


def _shared() -> _Model | None:
    """The one of this process, made when first needed."""
    with _making:
        return _made()
