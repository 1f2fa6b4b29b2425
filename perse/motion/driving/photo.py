"""A photo as the driver: its face's expression, copied as a pose."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from ...avatar.avatar import Avatar
from ...controls import Controls
from ...errors import PerseError
from ...media.source import called
from ...portrait import face_landmarks, faces_in
from ...portrait.decode import decode
from ...portrait.detect import is_human
from ...tracking.expression import expression_of, plain
from ...tracking.people import likeness, picked
from ...tracking.solve import Face
from .absolute import absolute
from .choices import Choices, chosen
from .curves import Curves
from .performer import Driver, lay_over

NOBODY = "No human face was found in {}: please drive with a photo or a clip that shows one."
NOTHING = 0.1  # weight below which no shape of a face does anything


def is_photo(path: str | Path) -> bool:
    """Whether a file, which is no clip, is a picture that can be decoded."""
    try:
        decode(path)
    except PerseError:
        return False
    return True


def people_in(photo: str | Path, cancelled: Callable[[], bool] = lambda: False) -> list[tuple[np.ndarray, float]]:
    """The people in a photo, as `tracking.people.people` tells of a clip's. PerseError: no photo, or nobody in it."""
    picture, _ = decode(photo, cancelled)
    if not (faces := faces_in(picture, cancelled)):
        raise PerseError(NOBODY.format(called(photo)))
    return [likeness(picture, face) for face in faces]


def photo_pose(
    avatar: Avatar, photo: str | Path, choices: Choices = Choices(), cancelled: Callable[[], bool] = lambda: False
) -> tuple[Controls, tuple[str, ...]]:
    """The expression and gaze in a photo, as `Controls` to be laid over an edit, and sentences for people; the head's pose only where the
    region is "head". PerseError: no photo, or no human face in it."""
    picture, _ = decode(photo, cancelled)
    if choices.face is None:
        face = face_landmarks(picture)
    else:
        faces = faces_in(picture, cancelled)
        face = picked(faces, choices.face, called(photo)) if faces else None
    if face is None or not is_human(picture, face):
        raise PerseError(NOBODY.format(called(photo)))
    landmarks = face.astype(np.float64)
    scale, offset = lay_over(avatar, landmarks)
    landmarks *= scale
    landmarks[:, :2] += offset
    driver = Driver.of(avatar, landmarks)
    curves = absolute(avatar, driver, Curves.still(1))
    notes = ["A photo holds no motion: its expression is copied, and comes and goes."]
    if plain(expression_of(driver.points, Face.of(avatar.rig))).max() < NOTHING and choices.region != "head":
        notes.append("The face in this photo is at rest: it has no expression to copy.")
    region = "expression" if choices.region == "all" else choices.region
    return chosen(curves, replace(choices, region=region)).at(0).with_(neutralise=0.0 if region == "head" else 1.0), tuple(notes)
