"""The head's parts by number, its joints, and how far they turn: head frame, unit one outer-eye-corner distance (see `rig.Rig`)."""

import numpy as np

PARTS = ["face", "shell", "body", "eye_right", "eye_left", "cavity", "upper_teeth", "lower_teeth", "tongue"]
PART = {name: i for i, name in enumerate(PARTS)}
MOUTH_PARTS = [PART[name] for name in ("cavity", "upper_teeth", "lower_teeth", "tongue")]  # what lies between the lips
JAW_HINGE = (0.0, 0.30, 0.75)
JAW_ANGLE = np.radians(21.0)  # of a jaw that is fully open
JAW_SLIDE = 0.10  # sideways or forwards, of a jaw that is fully slid
JAW_GLIDE = 0.11  # forwards, of a jaw that is fully open
NECK_PIVOT = (0.0, 1.0, 0.80)
NECK_ENDS = ((0.0, 1.65, 0.85), (0.0, 0.85, 0.80))  # at the collar, which the body carries, and under the jaw, which the head carries
HEAD_CENTRE = (0.0, 0.35, 0.75)  # what the camera orbits
EYE_LOOK = np.radians(24.0)  # of an eye at an `eye_look` weight of 1
GAZE_LIMIT = (np.radians(48.0), np.radians(26.0))  # sideways, into the corner of the eye, and up or down
