"""Moments of a clip that tell nothing of its face: bridged from the last good frame to the next, and told."""

import numpy as np

from ...smooth_ramps import smooth_step
from ...tracking.track import Track
from .curves import Curves

FARTHEST = 45.0  # degrees of yaw beyond which the half of a face that is seen tells too little of the whole


def believed(tracked: Track, yaw: np.ndarray) -> np.ndarray:
    """(T,) bool: frames that show the person's face, turned by yaw (T,) degrees, well enough. All that show it if none does."""
    near = tracked.found & (np.abs(yaw) <= FARTHEST)
    return near if near.any() else tracked.found


def bridged(curves: Curves, good: np.ndarray) -> Curves:
    """The same where frames are good (T,) bool, at least one; in between the face goes evenly from what it did before to what it does then,
    and stays as it is before the first good frame and after the last."""
    if good.all():
        return curves
    known = np.flatnonzero(good)
    place = np.interp(np.arange(len(good)), known, np.arange(len(known)))
    low = np.floor(place).astype(int)
    before, after, share = known[low], known[np.minimum(low + 1, len(known) - 1)], smooth_step(place - low, 0, 1)

    def mixed(series: np.ndarray) -> np.ndarray:
        part = share.reshape(-1, *[1] * (series.ndim - 1))
        return np.where(good.reshape(part.shape), series, (1 - part) * series[before] + part * series[after])

    return Curves(*(mixed(series) for series in vars(curves).values()))


def shown_until(tracked: Track) -> int:
    """Frames up to the last one of the first person, if another is seen at the end; else all."""
    found = np.flatnonzero(tracked.found)
    return int(found[-1]) + 1 if tracked.other[found[-1] :].any() else len(tracked.found)


def told(tracked: Track, yaw: np.ndarray, count: int) -> tuple[str, ...]:
    """Sentences for people on what of the first `count` frames was bridged, and why the rest was left out."""
    notes, still = [], np.arange(len(tracked.found)) < count
    lengths = np.diff(np.append(tracked.times, tracked.times[-1] + 1 / tracked.fps))

    def tell(which: np.ndarray, text: str) -> None:
        if (which & still).any():
            first, seconds = tracked.times[(which & still).argmax()], lengths[which & still].sum()
            notes.append(f"{text} for {seconds:.1f} s, the first time at {first:.1f} s: these moments are bridged.")

    tell(~tracked.found & ~tracked.other, "No face is seen")
    tell(tracked.found & (np.abs(yaw) > FARTHEST), f"The face is turned by more than {FARTHEST:.0f}°")
    tell(tracked.other, "Another face is seen")
    if count < len(still):
        notes.append(f"The clip goes on with another face at {tracked.times[count]:.1f} s: the video ends there.")
    return tuple(notes)
