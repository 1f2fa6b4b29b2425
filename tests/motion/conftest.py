"""A small avatar of scikit-image's astronaut and a clip of it whose controls are known."""

import pytest

from perse.controls import Controls
from perse.face.landmarks import FACE
from perse.motion.motion import Motion
from perse.pipeline import PersePipeline
from perse.tracking.solve import Face

FPS = 20.0
HOLD = 8  # frames at each pose: smoothing in time may round corners
POSES = [
    Controls(), Controls(expression={"jaw_open": 0.5}), Controls(expression={"smile": 0.8}),
    Controls(expression={"blink": 1.0}), Controls(head_yaw=15.0), Controls(head_pitch=8.0, head_roll=-6.0),
    Controls(gaze_yaw=14.0), Controls(head_x=0.2, head_y=-0.1),
]


def middle(pose: int) -> int:
    """The middle frame of a pose in the known clip."""
    return pose * HOLD + HOLD // 2


def landmark_face(rig) -> Face:
    """A rig's own landmarks, as the solver takes them."""
    return Face(*(x.astype(float) for x in (rig.vertices[:FACE], rig.blendshapes[:, :FACE], rig.jaw[:FACE])))


@pytest.fixture(scope="session")
def avatar(plain_avatar):
    return plain_avatar


@pytest.fixture(scope="session")
def known_clip(avatar, tmp_path_factory):
    """Path of a clip in the portrait's own frame that holds every pose of POSES for HOLD frames."""
    path = tmp_path_factory.mktemp("clips") / "known.mp4"
    frames = [pose for pose in POSES for _ in range(HOLD)]
    PersePipeline.from_pretrained(device="cpu").video(
        avatar, Motion(len(frames), FPS, lambda i: frames[i]), path, background="original", framing="source")
    return path
