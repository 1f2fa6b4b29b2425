"""A table of curves as a motion: what a phone's face app recorded, what another animation tool wrote, or our own table again.

Columns are known by their names, whatever their order, capitals and underscores: ARKit's shapes, and the everyday expressions of this
project. Three kinds are told apart by what else they hold: `Timecode` (Live Link Face), `frame` and `seconds` (our own, angles in degrees),
or a column of seconds alone.
"""

import csv
import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..controls import RANGES, Controls
from ..errors import PerseError, shown
from ..files import read_short
from ..rig.expressions import EXPRESSIONS, INDEX, NAMES, expand
from .driving.choices import Choices, chosen
from .driving.curves import BODY, GAZE, HEAD, Curves
from .live_link import CLOCK, ROTATIONS, axes_of, seconds_of
from .motion import Motion, overlay
from .table import CAMERA

LONGEST = 64_000_000  # bytes: ten minutes of a phone's 60 rows a second take 20 million
MOST_ROWS, MOST_COLUMNS = 36_000, 512
LONGEST_SECONDS = 600.0
MOST_RATE = 60.0  # rows a second that a motion has at most
FURTHEST = 1e4  # no number of such a table is larger
FULL_TURN = 3.2  # from which on rotations of a table without a time code are degrees
_TIMES = ("seconds", "time", "timestamp", "timeseconds")


@dataclass(frozen=True)
class Recording:
    """T rows, at times (T,) seconds, growing from 0. weights (T, E) in the order of expressions.NAMES; head (T, 6), body (T, 6) and gaze
    (T, 2) as in `Curves`; camera (T, 4): yaw, pitch, roll, zoom; straight (6,): the head when it looks straight ahead."""

    times: np.ndarray
    weights: np.ndarray
    head: np.ndarray
    body: np.ndarray
    gaze: np.ndarray
    camera: np.ndarray
    straight: np.ndarray


def read_recording(path: str | Path) -> Recording:
    """Read a table (CSV).

    Raises:
        PerseError: no such file, too long, no table of a face's curves, or a cell that is no number; the sentence names the file and the
            place.
    """
    name = shown(Path(path).name)
    text = read_short(path, LONGEST, "a CSV file of ARKit curves, as Live Link Face records them or PERSE writes them")
    try:
        header, rows = _rows(text)
        return _recording(header, rows)
    except PerseError as error:
        raise PerseError(f"{name} cannot be used. {error}") from None


def _rows(text: str) -> tuple[list[str], list[list[str]]]:
    """Names of columns, simplified, and rows of as many cells."""
    first = text[: text.find("\n") if "\n" in text else len(text)]
    separator = max(",;\t", key=first.count)
    reader = csv.reader(text.splitlines(), delimiter=separator, strict=True)
    rows: list[list[str]] = []
    try:
        header = [_simple(cell) for cell in next(reader, [])]
        if not 2 <= len(header) <= MOST_COLUMNS:
            raise PerseError(f"A table of curves has 2 to {MOST_COLUMNS} columns, not {len(header)}.")
        for row in reader:
            if not row or not any(cell.strip() for cell in row):
                continue
            if len(row) != len(header):
                raise PerseError(f"Row {len(rows) + 1} has {len(row)} cells, where the header has {len(header)}.")
            rows.append(row)
            if len(rows) > MOST_ROWS:
                raise PerseError(f"It has more than {MOST_ROWS:,} rows: please cut it.")
    except csv.Error:
        raise PerseError("This is no table of cells between commas.") from None
    if not rows:
        raise PerseError("It has no rows below its header.")
    return header, rows


def _simple(name: str) -> str:
    """A column's name without what people write differently."""
    return "".join(c for c in name.lower() if c.isalnum())


def _recording(header: list[str], rows: list[list[str]]) -> Recording:
    place = {name: i for i, name in reversed(list(enumerate(header)))}
    expressions = {name: place[_simple(name)] for name in EXPRESSIONS if _simple(name) in place}
    if not expressions and not any(_simple(name) in place for name in (*HEAD, *GAZE)):
        raise PerseError("None of its columns is an expression or a turn of the head: ARKit's are called EyeBlinkLeft, JawOpen, HeadYaw.")

    def column(name: str) -> np.ndarray:
        return _numbers(rows, place[_simple(name)], name) if _simple(name) in place else np.zeros(len(rows))

    weights = _weights({name: _numbers(rows, i, name) for name, i in expressions.items()}, len(rows))
    rotations = np.stack([column(name) for name in ROTATIONS], 1).reshape(-1, 3, 3)
    ours = "timecode" not in place and {"frame", "seconds"} <= set(place)
    times = _times(place, rows)
    if ours:
        head, body, gaze = (np.stack([column(name) for name in names], 1) for names in (HEAD, BODY, GAZE))
        camera = [column(f"camera_{name}") for name in CAMERA]
        camera[3] = camera[3] if "camerazoom" in place else np.ones(len(rows))
    else:
        turned = rotations if "timecode" not in place and np.abs(rotations).max() > FULL_TURN else np.degrees(rotations)
        turned = turned * axes_of(weights, rotations[:, 1:])
        head = np.concatenate([turned[:, 0], np.zeros((len(rows), 3))], 1)
        looks = any(weights[:, INDEX[name]].any() for name in NAMES if name.startswith("eye_look"))
        gaze = np.zeros((len(rows), 2)) if looks else turned[:, 1:, :2].mean(1)  # the shapes turn the eyes, too
        body, camera = np.zeros((len(rows), 6)), [*[np.zeros(len(rows))] * 3, np.ones(len(rows))]
    kept = np.flatnonzero(np.diff(times, prepend=-1.0) > 0)  # a row that repeats its moment is left out
    head, body, gaze, view = (
        np.clip(series, *np.transpose([RANGES[name] for name in names]))[kept]
        for series, names in ((head, HEAD), (body, BODY), (gaze, GAZE), (np.stack(camera, 1), CAMERA))
    )
    return Recording(times[kept], weights[kept], head, body, gaze, view, np.zeros(6) if ours else head[0])


def _weights(columns: dict[str, np.ndarray], count: int) -> np.ndarray:
    """(T, E) in [0, 1] of expressions (T,) by name."""
    if all(name in INDEX for name in columns):
        out = np.zeros((count, len(NAMES)))
        for name, values in columns.items():
            out[:, INDEX[name]] = np.clip(values, 0, 1)
        return out
    table = {name: np.clip(values, 0, 1) for name, values in columns.items()}
    return np.stack([expand({name: float(values[i]) for name, values in table.items()}) for i in range(count)]).astype(np.float64)


def _numbers(rows: list[list[str]], column: int, name: str) -> np.ndarray:
    """(T,) of a column."""
    out = np.empty(len(rows))
    for i, row in enumerate(rows):
        try:
            out[i] = float(row[column] or 0)
        except ValueError:
            out[i] = math.nan
        if not abs(out[i]) <= FURTHEST:
            raise PerseError(f"Row {i + 1} has {shown(row[column])} in the column {name}, which is no number that can be used.")
    return out


def _times(place: dict[str, int], rows: list[list[str]]) -> np.ndarray:
    """(T,) seconds since the first row."""
    if "timecode" in place:
        times = seconds_of([row[place["timecode"]] for row in rows])
    elif (name := next((name for name in _TIMES if name in place), None)) is not None:
        times = _numbers(rows, place[name], name)
        times = times - times[0]
    else:
        times = np.arange(len(rows)) / CLOCK
    if (np.diff(times) < 0).any():
        raise PerseError(f"Time runs backwards at row {int((np.diff(times) < 0).argmax()) + 2}.")
    if times[-1] > LONGEST_SECONDS:
        raise PerseError(f"It lasts {times[-1]:.0f} seconds: {LONGEST_SECONDS:.0f} are possible.")
    return times


def recorded_motion(
    recording: Recording, edit: Controls, fps: float | None = None, seconds: float | None = None, choices: Choices = Choices()
) -> Motion:
    """A recording as a motion on top of an edit.

    Args:
        fps: frames a second; the recording's own pace, at most MOST_RATE, if None. seconds: no more than this much of it.
        choices: of what is taken over. Unless absolute, a phone's recording turns the head from where it is in the first row: a phone
            is rarely held straight before a face.
    """
    times = recording.times
    pace = 1 / float(np.median(np.diff(times))) if len(times) > 1 else 25.0
    rate = min(round(pace, 3), MOST_RATE) if fps is None else fps
    length = times[-1] + 1 / pace
    count = max(1, round(min(length, length if seconds is None else seconds) * rate))
    head = recording.head if choices.absolute else recording.head - recording.straight
    place = np.interp(np.arange(count) / rate, times, np.arange(len(times)))
    still = Curves.still(1)

    def at(i: int) -> Controls:
        low = int(place[i])
        share, high = place[i] - low, min(low + 1, len(times) - 1)

        def row(series: np.ndarray) -> np.ndarray:
            return ((1 - share) * series[low] + share * series[high])[None]

        curves = still.with_(weights=row(recording.weights), head=row(head), body=row(recording.body), gaze=row(recording.gaze))
        view = dict(zip(CAMERA, row(recording.camera)[0].tolist()))
        return overlay(edit, replace(chosen(curves, choices).at(0), **view))

    goes_on = f"The table goes on: its first {count / rate:.1f} seconds are used."
    return Motion(count, rate, at, notes=(goes_on,) if count / rate < length - 1 / rate else ())
