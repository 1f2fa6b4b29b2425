"""An absolute transfer: the avatar takes on the driver's expression, pose and gaze themselves, in place of the portrait's own."""

import numpy as np

from ...avatar.avatar import Avatar
from ...face.alignment import angles_of
from ...face.alignment import rotation as turned_by
from ...rig.expressions import INDEX
from ...tracking.expression import expression_of, plain
from ...tracking.solve import Face
from .choices import MOST_DETAIL
from .curves import Curves
from .performer import Driver, directions

# What `Controls.neutralise` takes care of in a portrait: an open mouth and closed eyes.
NEUTRALISED = ("jaw_open", "eye_blink_left", "eye_blink_right")
SURE = 0.4  # weight up to which a portrait's expression may be its age or its build, and is left to it: folds of a cheek pass for a smile


def own_expression(avatar: Avatar) -> np.ndarray:
    """Weights (E,) of what the portrait's face surely does, apart from what is neutralised."""
    weights = expression_of(avatar.rig.vertices, Face.of(avatar.rig))
    weights = np.where(weights > SURE, plain(weights), 0)
    weights[[INDEX[name] for name in NEUTRALISED]] = 0
    return weights


def absolute(avatar: Avatar, driver: Driver, curves: Curves) -> Curves:
    """A performance since the driver's reference frame, with what the driver does there and without what the portrait does."""
    rig = avatar.rig
    weights = curves.weights + plain(expression_of(driver.points, driver.face)) - own_expression(avatar)
    # No blendshape is the opposite of another: what a portrait has too much of is taken back landmark by landmark.
    beyond = np.einsum("te,enc->tnc", np.minimum(weights, 0), Face.of(rig).basis)
    there = rig.camera.viewmat[:3, :3].astype(np.float64).T @ driver.rotation
    turns = np.degrees(angles_of(there @ turned_by(*np.radians(curves.head[:, :3]).T)))
    own = [rig.vertices[int(pole[0])] - centre for pole, centre in zip(avatar.poser.eyes, rig.eye_centres)]
    looks = directions(np.stack([eye.axis for eye in driver.eyes.values()])) - directions(np.stack(own).astype(np.float64))
    return curves.with_(
        weights=np.clip(weights, 0, 1),
        detail=np.clip(curves.detail + beyond, -MOST_DETAIL, MOST_DETAIL),
        head=np.concatenate([turns, curves.head[:, 3:]], 1),
        gaze=curves.gaze + np.degrees(looks.mean(0)),
    )
