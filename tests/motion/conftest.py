"""A small avatar of scikit-image's astronaut and a clip of it whose controls are known."""

import numpy as np
import pytest
import skimage.data

from perse.controls import Controls
from perse.fitting.initialise import initial_avatar
from perse.motion.motion import Motion
from perse.motion.solve import Face
from perse.pipeline import PersePipeline, remember
from perse.portrait import load_portrait
from perse.rig.build import build_rig
from perse.rig.topology import FACE
from perse.synthesis.texture import bake

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
def avatar():
    portrait = load_portrait(np.asarray(skimage.data.astronaut()))
    rig = build_rig(portrait)
    avatar = initial_avatar(portrait, rig, bake(portrait, rig), [], 24000)
    avatar.requires_grad_(False)
    avatar.source = remember(portrait)
    return avatar


@pytest.fixture(scope="session")
def known_clip(avatar, tmp_path_factory):
    """Path of a clip in the portrait's own frame that holds every pose of POSES for HOLD frames."""
    path = tmp_path_factory.mktemp("clips") / "known.mp4"
    frames = [pose for pose in POSES for _ in range(HOLD)]
    PersePipeline.from_pretrained(device="cpu").video(
        avatar, Motion(len(frames), FPS, lambda i: frames[i]), path, background="original", framing="source")
    return path
