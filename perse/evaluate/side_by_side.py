"""The attribute bench on an avatar that interpolated faces have taught, and on one without, side by side."""

import sys
from pathlib import Path

from ..errors import PerseError
from ..pipeline import COUNTED, PersePipeline
from ..settings import DEFAULT_BUDGET, SIZES
from .attributes import goals, measure
from .outline import OUTLINE_GOAL, OUTLINE_SIDE, outline
from .subject import AvatarSubject


def side_by_side(
    pipeline: PersePipeline,
    photo: str | None = None,
    budget: float | None = None,
    avatar: str | Path | None = None,
    against: str | Path | None = None,
    categories: list[str] | None = None,
    size: int = 256,
) -> dict:
    """`attributes.measure` of one or two avatars.

    Args:
        photo, budget: of the two avatars that are built when no file is given, with and without interpolated faces;
            scikit-image's astronaut if photo is None.
        avatar, against: files to measure instead; against is optional.
        categories: names to measure; all if None. size: side of the pictures, pixels.

    Returns:
        {"goals", "avatars": [{"file", "interpolated", "lessons", "passed", "missed", "mean", "categories"}], "difference": {category:
        {figure: second minus first}} if there are two}. lessons: of avatars built here, by category and kind the mean loss of a lesson before
        and after stage two, of one that is learnt alone, and of pictures that teach nothing (`fitting.study`). Builds count steps, and are
        the same on every machine.
    """
    if not SIZES[0] <= size <= SIZES[1]:
        raise PerseError(f"The size must lie between {SIZES[0]} and {SIZES[1]} pixels, not {size}.")
    if against and not avatar:
        raise PerseError("--against needs --avatar: the two files are measured side by side.")
    if avatar and photo:
        raise PerseError("Choose one of --avatar and --photo.")
    if avatar:
        named = [(str(path), pipeline.load(path)) for path in (avatar, against) if path]
    else:
        if photo is None:
            from skimage.data import astronaut

            photo = astronaut()
        portrait = pipeline.prepare(photo)
        seconds = budget or DEFAULT_BUDGET
        named = [(None, pipeline.build(portrait, seconds, interpolate=faces, patience=COUNTED, study=True)) for faces in (True, False)]
    rows = []
    for name, subject in named:
        unknown = [c for c in categories or [] if c not in subject.space.categories]
        if unknown:
            raise PerseError(f"Unknown category {unknown[0]!r}; known are: {', '.join(subject.space.categories)}.")
        limits = subject.report.build.get("limits", {})
        rows.append(
            {
                "file": name,
                "interpolated": subject.report.build.get("interpolated", True),
                "lessons": subject.report.build.get("lessons", {}),
            }
            | measure(AvatarSubject(subject, size), categories, limits=limits, progress=_tell)
            | {"outline": outline(AvatarSubject(subject, OUTLINE_SIDE))}
        )
    out = {"goals": {**goals(), "outline": OUTLINE_GOAL}, "avatars": rows}
    if len(rows) == 2:
        first, second = (row["categories"] for row in rows)
        out["difference"] = {
            c: {
                k: round(second[c][k] - v, 5)
                for k, v in figures.items()
                if isinstance(v, (int, float)) and isinstance(second[c].get(k), (int, float))
            }
            | {"between": {k: round(second[c]["between"][k] - v, 5) for k, v in figures["between"].items() if k in second[c]["between"]}}
            for c, figures in first.items()
            if c in second
        }
    return out


def _tell(axis: str) -> None:
    if sys.stderr.isatty():
        print(f"perse: measuring {axis}", file=sys.stderr)
