"""One photo -> `Portrait`: decoded, upright, cropped, with landmarks, soft masks and advice on its quality."""

from .crop import Crop
from .detect import faces_in
from .landmarker import face_landmarks, track_landmarks
from .portrait import Portrait, head_mask, load_portrait
from .quality import Hint

__all__ = ["Crop", "Hint", "Portrait", "face_landmarks", "faces_in", "head_mask", "load_portrait", "track_landmarks"]
