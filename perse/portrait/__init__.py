"""One photo -> `Portrait`: decoded, upright, cropped, with landmarks, soft masks and advice on its quality."""

from perse.portrait.crop import Crop
from perse.portrait.landmarks import face_landmarks, track_landmarks
from perse.portrait.portrait import Portrait, head_mask, load_portrait
from perse.portrait.quality import Hint

__all__ = ["Crop", "Hint", "Portrait", "face_landmarks", "head_mask", "load_portrait", "track_landmarks"]
