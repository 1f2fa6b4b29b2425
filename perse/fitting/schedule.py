"""How much a fit does, by the seconds it was given."""

from dataclasses import dataclass

import numpy as np

WHOLE = 25.0  # seconds in which two ordinary cores (AVX2) do all of what is usual; with AVX-512 it is done in two thirds of them


@dataclass
class Schedule:
    """Steps and sizes of a fit.

    gaussians: wanted on what the portrait shows; photo_size: side at which the photo teaches; clip_size: side of the synthetic frames;
    source_frames: of the unedited person; amounts: at which edits are shown; lessons: frames of edits and of interpolated faces; views: of
    each end of a slider; source_steps: optimiser steps of stage one; accumulate: frames per step; rounds: iterations of each round of
    solving in stage two; deadline: monotonic time by which both stages are to be over, by which what they do is then counted; limit: the
    same after which nothing is begun in any case; kernels: how many times as long as on the machine of `timetable` a step is expected to
    take.
    """

    gaussians: int = 39500
    photo_size: int = 512
    clip_size: int = 320
    source_frames: int = 36
    amounts: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0)
    source_steps: int = 190
    lessons: int = 150
    views: int = 1
    rounds: tuple[int, ...] = (3,)
    accumulate: int = 1
    seed: int = 0
    deadline: float | None = None
    limit: float = float("inf")
    kernels: float = 1.0

    @staticmethod
    def for_budget(seconds: float, seed: int = 0) -> "Schedule":
        """Steps and sizes for a whole build of about `seconds` on two ordinary, quiet CPU cores, without a clock."""
        share = float(np.clip(seconds / WHOLE, 0.05, 3.0))
        return Schedule(
            gaussians=int(max(39500 * min(share, 1.0) ** 0.3, 18000)),  # more time makes more steps, not a larger file
            photo_size=512 if share >= 0.4 else 384,
            clip_size=int(np.clip(round(320 * share**0.25 / 16) * 16, 192, 384)),
            source_frames=int(np.clip(36 * share, 12, 60)),
            amounts=(0.25, 0.5, 0.75, 1.0) if share >= 0.45 else (0.5, 1.0),
            source_steps=int(190 * share),
            lessons=max(int(150 * share), 24),
            views=1 if share < 1.5 else 2,
            rounds=(1,) if share < 0.6 else (3,) if share < 1.5 else (3, 3),
            seed=seed,
        )
