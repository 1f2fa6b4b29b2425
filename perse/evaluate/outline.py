"""The outline of the hair seen from the side, against what it is from the front, where the photo shows it: as soft and irregular, without
straight runs.

It is looked at from the chin's height up, as far as hair lies at it.
"""

import numpy as np

from ..controls import Controls
from ..face.landmarks import CHIN
from ..portrait.outline import HALF, hair_outline, longest_straight, roughness
from .subject import Subject

OUTLINE_SIDE = 512  # pixels of the pictures it is measured in
OUTLINE_GOAL = "straight <= 0.06 of the head's height, roughness 0.7 to 1.4 times that from the front"
HAIR = "hair_lightness"  # the axis whose region is the hair
YAWS = (-45.0, 45.0)
STRAIGHT = 0.5 / 512  # of the picture's side, by which a straight run strays from its chord at most
FEW = 60  # points; fewer say nothing


def outline(subject: Subject) -> dict[str, float] | None:
    """The worse of two views at 45 degrees; None where no face is found from the front, or too little hair lies at the outline.

    Returns:
        straight: the longest run that is straight to half a pixel of 512, over the head's height; straight_front: the same from the front;
        roughness: root mean square by which the outline strays from itself smoothed, over the same from the front.
    """
    if not any(HAIR == axis.name for category in subject.categories.values() for axis in category.axes):
        return None
    pictures = {yaw: subject.picture(Controls(yaw=yaw)) for yaw in (0.0, *YAWS)}
    marks = subject.landmarks(pictures[0.0][0], subject.find(pictures[0.0][0]))
    if marks is None:
        return None
    chin = float(marks[CHIN, 1])
    lines = {}
    for yaw, (_, alpha) in pictures.items():
        height = chin - float(np.argmax((alpha > HALF).any(1)))
        line = hair_outline(alpha, subject.regions(((HAIR,),), Controls(yaw=yaw))[..., 0], chin, height)
        if sum(map(len, line)) < FEW:
            return None
        lines[yaw] = line, height
    side = len(pictures[0.0][1])
    straight = {yaw: max(longest_straight(piece, STRAIGHT * side) for piece in line) / height for yaw, (line, height) in lines.items()}
    rough = {yaw: roughness(line) / height for yaw, (line, height) in lines.items()}
    ratios = [rough[yaw] / max(rough[0.0], 1e-6) for yaw in YAWS]
    return {
        "straight": max(straight[yaw] for yaw in YAWS),
        "straight_front": straight[0.0],
        "roughness": max(ratios, key=lambda ratio: abs(np.log(max(ratio, 1e-6)))),
    }
