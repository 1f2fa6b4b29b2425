"""Objects that are worn, by the name that a catalogue entry gives them.

A builder takes the head's measures and a colour (3,) and returns a `BoundMesh` in the head frame, fixed to the skull,
or None where this person has no use for it.
"""

from collections.abc import Callable
from functools import partial

import numpy as np

from .bound_mesh import BoundMesh
from .earrings import drops, hoops, studs
from .ears import elf_tips
from .glasses import glasses
from .hats import beanie, cap, cowboy, hairband
from .head_measures import Head
from .headphones import headphones

WORN_OBJECTS: dict[str, Callable[[Head, np.ndarray], BoundMesh | None]] = {
    "round": partial(glasses, kind="round"),
    "square": partial(glasses, kind="square"),
    "aviator": partial(glasses, kind="aviator"),
    "beanie": beanie,
    "cap": cap,
    "cowboy": cowboy,
    "hairband": hairband,
    "studs": studs,
    "hoops": hoops,
    "drops": drops,
    "headphones": headphones,
    "elf_tips": elf_tips,
}
