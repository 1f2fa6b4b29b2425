"""Motion: a sequence of Controls at a frame rate."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ..controls import Controls
from ..sound import Sound


@dataclass(frozen=True)
class Motion:
    """at(i) for i in range(count), at fps frames a second; sound, if any, begins with the first frame; notes: sentences for people on how it
    came about."""

    count: int
    fps: float
    at: Callable[[int], Controls]
    sound: Sound | None = None
    notes: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Controls]:
        return (self.at(i) for i in range(self.count))


def overlay(base: Controls, moving: Controls) -> Controls:
    """A motion's frame on top of what the visitor has set: edits stay, expressions and angles add up."""

    def added(a, b):
        return {k: a.get(k, 0.0) + b.get(k, 0.0) for k in {**a, **b}}

    styles = {c: added(base.styles.get(c, {}), moving.styles.get(c, {})) for c in {**base.styles, **moving.styles}}
    return base.with_(
        attributes=added(base.attributes, moving.attributes),
        styles=styles,
        expression={k: min(v, 1.0) for k, v in added(base.expression, moving.expression).items()},
        head_yaw=base.head_yaw + moving.head_yaw,
        head_pitch=base.head_pitch + moving.head_pitch,
        head_roll=base.head_roll + moving.head_roll,
        head_x=base.head_x + moving.head_x,
        head_y=base.head_y + moving.head_y,
        head_z=base.head_z + moving.head_z,
        body_yaw=base.body_yaw + moving.body_yaw,
        body_pitch=base.body_pitch + moving.body_pitch,
        body_roll=base.body_roll + moving.body_roll,
        body_x=base.body_x + moving.body_x,
        body_y=base.body_y + moving.body_y,
        body_z=base.body_z + moving.body_z,
        gaze_yaw=base.gaze_yaw + moving.gaze_yaw,
        gaze_pitch=base.gaze_pitch + moving.gaze_pitch,
        detail=base.detail or moving.detail,
        light=base.light or moving.light,
        mouth_light=base.mouth_light or moving.mouth_light,
        neutralise=max(base.neutralise, moving.neutralise),
        yaw=base.yaw + moving.yaw,
        pitch=base.pitch + moving.pitch,
        roll=base.roll + moving.roll,
        zoom=base.zoom * moving.zoom,
    )


def there_and_back(phase: float) -> float:
    """0 at the ends of a loop, 1 in its middle, easing in and out."""
    return float(0.5 - 0.5 * np.cos(2 * np.pi * phase))


def between(first: Controls, second: Controls, seconds: float, fps: float) -> Motion:
    """From one edit to another and back, easing in and out, so that the clip loops."""
    count = max(2, round(seconds * fps))
    return Motion(count, fps, lambda i: first.mix(second, there_and_back(i / count)))
