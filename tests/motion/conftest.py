"""A small avatar of scikit-image's astronaut and a clip of it whose controls are known."""

import numpy as np
import pytest

from perse.avatar.avatar import Avatar
from perse.controls import MARKS, Controls
from perse.fitting.initial_avatar import begin
from perse.motion.driving.curves import BODY, GAZE, HEAD, Curves
from perse.motion.motion import Motion
from perse.pipeline import PersePipeline
from perse.rig.expressions import expand
from perse.texture.bake import bake

FPS = 20.0
HOLD = 8  # frames at each pose: smoothing in time may round corners
POSES = [
    Controls(),
    Controls(expression={"jaw_open": 0.5}),
    Controls(expression={"smile": 0.8}),
    Controls(expression={"blink": 1.0}),
    Controls(head_yaw=15.0),
    Controls(head_pitch=8.0, head_roll=-6.0),
    Controls(gaze_yaw=14.0),
    Controls(head_x=0.2, head_y=-0.1),
]


def middle(pose: int) -> int:
    """The middle frame of a pose in the known clip."""
    return pose * HOLD + HOLD // 2


def curves(frames: list[Controls]) -> Curves:
    """Frames as time series; of light on the skin and between the lips nothing."""

    def column(names):
        return np.array([[getattr(frame, name) for name in names] for frame in frames])

    detail = [np.reshape(frame.detail or np.zeros(MARKS), (-1, 3)) for frame in frames]
    return Curves.still(len(frames)).with_(
        weights=np.stack([expand(frame.expression) for frame in frames]).astype(float),
        head=column(HEAD),
        body=column(BODY),
        gaze=column(GAZE),
        detail=np.stack(detail),
    )


@pytest.fixture(scope="session")
def avatar(plain_avatar):
    return plain_avatar


@pytest.fixture(scope="session")
def hopper_avatar(hopper_portrait, hopper_rig) -> Avatar:
    """Another person, whom the known clip does not show; without any step and without categories."""
    made = begin(hopper_portrait, hopper_rig, bake(hopper_portrait, hopper_rig), [], 12000).avatar
    made.requires_grad_(False)
    return made


@pytest.fixture(scope="session")
def known_clip(avatar, tmp_path_factory):
    """Path of a clip in the portrait's own frame that holds every pose of POSES for HOLD frames."""
    path = tmp_path_factory.mktemp("clips") / "known.mp4"
    frames = [pose for pose in POSES for _ in range(HOLD)]
    PersePipeline.from_pretrained(device="cpu").video(
        avatar, Motion(len(frames), FPS, lambda i: frames[i]), path, background="original", framing="source"
    )
    return path
