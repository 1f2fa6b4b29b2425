"""Which visitors' mirrors are on, and how many there may be."""

import threading
import time
from typing import TYPE_CHECKING
from weakref import WeakSet

from ..errors import PerseError
from .mirror import Mirror
from .one_visit import Visit
from .visits import ENDED
from .waiting_line import FULL

if TYPE_CHECKING:
    from ..avatar.avatar import Avatar

MOST, MOST_EACH = 16, 8  # mirrors at once, each a process of some 60 MB; of one address, in which several visitors may be
IDLE = 10.0  # seconds without a picture after which a mirror makes room for another


class Mirrors:
    """All that are on. A visit alone holds its own, which goes with it."""

    def __init__(self):
        self._visits: WeakSet[Visit] = WeakSet()
        self._lock = threading.Lock()

    def of(self, visit: Visit, avatar: "Avatar") -> Mirror:
        """A visit's mirror for its avatar, switched on if it is not. PerseError if there are too many."""
        with self._lock:
            if visit.over:
                raise PerseError(ENDED)
            if visit.mirror is not None and visit.mirror.avatar is avatar:
                return visit.mirror
            _off(visit)
            others = {other: mirror for other in self._visits if (mirror := other.mirror) is not None}
            for other in [other for other, mirror in others.items() if time.monotonic() - mirror.used > IDLE]:
                _off(other)
                del others[other]
            if len(others) >= MOST or sum(other.address == visit.address for other in others) >= MOST_EACH:
                raise PerseError(FULL)
            self._visits.add(visit)
            visit.mirror = Mirror(avatar)
            return visit.mirror

    def off(self, visit: Visit) -> None:
        """Switch a visit's off, if it is on."""
        with self._lock:
            _off(visit)


def _off(visit: Visit) -> None:
    mirror, visit.mirror = visit.mirror, None
    if mirror is not None:
        mirror.close()
