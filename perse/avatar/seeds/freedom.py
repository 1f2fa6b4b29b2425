"""What single Gaussians may learn while an avatar is fitted."""

from dataclasses import dataclass, fields

import torch
from torch import Tensor


@dataclass
class Roles:
    """Of N Gaussians, (N,) bool each; a finished avatar needs none of it.

    photo_only: re-rendered clips know nothing of them: strands and lines beside the mesh.
    made_up: painted ones that are right as they are and learn nothing.
    tinted: of those, the ones whose colours the photo may still make better: own teeth, the sides of cheeks.
    held: ones whose colours are nearly right, and stray little.
    seated: index (n,) of those that may neither turn nor stand out from their surface, and its normals (n, 3).
    """

    photo_only: Tensor
    made_up: Tensor
    tinted: Tensor
    held: Tensor
    seated: tuple[Tensor, Tensor]

    def to(self, device: torch.device | str) -> "Roles":
        """The same on a device."""
        parts = (getattr(self, f.name) for f in fields(self))
        return Roles(*(tuple(x.to(device) for x in part) if isinstance(part, tuple) else part.to(device) for part in parts))

    def first(self, count: int) -> "Roles":
        """Those of the first `count`, among which all that are seated have to be."""
        return Roles(*(getattr(self, f.name)[:count] if f.name != "seated" else self.seated for f in fields(self)))
