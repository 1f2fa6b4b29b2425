"""How somebody speaks, as far as it can be chosen."""

from dataclasses import dataclass

from ...errors import PerseError

STRENGTH, LIVELINESS = (0.0, 2.0), (0.0, 1.0)


@dataclass(frozen=True)
class Manner:
    """How somebody speaks. strength: of the mouth's movements and of all gestures, within STRENGTH; lips meet at any. liveliness: from 0,
    calm, to 1, lively. seed: of glances, blinks and the head's wandering; the same one gives the same motion. PerseError out of range."""

    strength: float = 1.0
    liveliness: float = 0.5
    seed: int = 0

    def __post_init__(self):
        for name, value, (low, high) in (("strength", self.strength, STRENGTH), ("liveliness", self.liveliness, LIVELINESS)):
            if not low <= value <= high:
                raise PerseError(f"The {name} must lie between {low:g} and {high:g}, not {value:g}.")


USUAL = Manner()
