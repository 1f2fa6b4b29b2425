"""How far a neck gives: beyond that the shoulders come along with the head."""

import torch
from torch import Tensor

from .skeleton import NECK_ENDS, NECK_PIVOT

# Of its length at rest. A neck of 8 cm gives by about a centimetre before the shoulders rise or sink; of twice as much one sees a giraffe,
# of half as much a body that stays behind.
NECK_LENGTH = (0.85, 1.15)
# Tangent of the angle that a neck leans to a side, forwards or backwards against the body, about 35 degrees: bent any farther, people
# take their shoulders along. Heads that only turn (`Controls`) stay within it.
NECK_LEAN = 0.9


class Neck:
    """The neck as one bone, from its lower end, which the body carries, to its upper one, which the head carries."""

    def __init__(self, device: torch.device | str = "cpu"):
        self.lower, self.upper, self.pivot = (torch.tensor(place, device=device) for place in (*NECK_ENDS, NECK_PIVOT))
        self.length = (self.upper - self.lower).norm()

    def pull(self, head: tuple[Tensor, Tensor], body: tuple[Tensor, Tensor]) -> Tensor:
        """How far (..., 3) the body is pulled along by the head, beyond where it is put; exactly 0 while the neck gives.

        Args:
            head, body: rotation (..., 3, 3) about the neck's pivot and shift (..., 3) of each.
        """
        (head_turn, head_shift), (body_turn, body_shift) = head, body
        bone = head_turn @ (self.upper - self.pivot) - body_turn @ (self.lower - self.pivot) + head_shift - body_shift
        axis = body_turn @ ((self.upper - self.lower) / self.length)
        along = (bone * axis).sum(-1, keepdim=True)
        aside = bone - along * axis
        out = (aside * aside).sum(-1, keepdim=True).clamp_min(1e-12).sqrt()
        low, high = (share * self.length for share in NECK_LENGTH)
        # A bone that a neck can be: upright, within a cone around the body's axis, and of its length.
        upright = along.clamp_min(low / (1 + NECK_LEAN**2) ** 0.5)
        bent = upright * axis + aside * (NECK_LEAN * upright / out).clamp_max(1)
        length = bent.norm(dim=-1, keepdim=True)
        given = bent * (length.clamp(low, high) / length)
        free = (out <= NECK_LEAN * along) & (length >= low) & (length <= high)
        return torch.where(free, torch.zeros_like(bone), bone - given)
