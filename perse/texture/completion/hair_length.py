"""How far down the portrait shows hair: whether neck and back lie under it."""

from dataclasses import dataclass

import numpy as np

from ..atlas import Texture, chart_slice

LONG_HAIR = 0.85  # height, eye distances under the eyes: hair that hangs lower covers the neck behind
BAND_HEIGHT = 0.05  # of the bands in which hair is looked for, eye distances


@dataclass
class HairLength:
    """How far down the portrait shows hair beside the face.

    y (2,): its lowest point on the subject's right and left, head frame (0 the eyes, about 0.5 the ear lobes, 1.1 the chin);
    -inf where none is seen. tone (3,): RGB of the hair, None for a bald head.
    """

    y: np.ndarray
    tone: np.ndarray | None

    @property
    def level(self) -> float:
        """One height for both sides: what one shows and the other hides is taken to be the same."""
        seen = self.y[np.isfinite(self.y)]
        return float(seen.mean()) if len(seen) else -np.inf

    @property
    def long(self) -> bool:
        """Hair hangs past the jaw: neck and back lie under it."""
        return self.tone is not None and self.level > LONG_HAIR


def hair_length(texture: Texture) -> HairLength:
    """Read from the seen texels of skull and bust alone, so it may be asked before or after either is completed."""
    places, shows = [], []
    for part in ("shell", "body"):
        area = chart_slice(part)
        places.append(texture.points[area].reshape(-1, 3))
        shows.append(((texture.regions["hair"][area] > 0.6) & (texture.seen[area] > 0.15) & (texture.faces[area] >= 0)).ravel())
    hair = np.concatenate(shows)
    points = np.concatenate(places)[hair]
    lowest = np.full(2, -np.inf)
    for side, sign in enumerate((-1, 1)):
        # Down from the temple as long as there is hair in every band: a dark collar far below is none.
        y = points[sign * points[:, 0] > 0.3, 1]
        count = np.histogram(y, np.arange(-0.6, 4.0, BAND_HEIGHT))[0] >= 12
        if count[:8].any():
            first = int(np.argmax(count))
            gap = np.flatnonzero(~(count[first:-1] | count[first + 1 :]))
            lowest[side] = -0.6 + BAND_HEIGHT * (first + (gap[0] if len(gap) else len(count) - first))
    if hair.sum() < 300:
        return HairLength(lowest, None)
    color = np.concatenate([texture.color[chart_slice(part)].reshape(-1, 3) for part in ("shell", "body")])[hair]
    return HairLength(lowest, np.median(color, axis=0))
