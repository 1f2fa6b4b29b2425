"""Mixed training: how much each kind of teaching picture counts. The photo counts 1, and is not among the clips.

A generated picture shows detail that a re-rendered one cannot, but may show it wrongly; the photo shows the person. So
photo > diffusion > procedural, and where the photo shows the person the generated pictures are not even asked: their
frames carry re-rendered photo there (`looks.look_frame`).
"""

from ..base import Clip

DIFFUSION = 0.6
PROCEDURAL = 0.35


def weighted(clip: Clip, weight: float) -> Clip:
    """The clip with all of its frames counting `weight`."""
    for frame in clip.frames:
        frame.weight = weight
    return clip
