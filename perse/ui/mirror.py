"""What "Mirror me" does: the face before a visitor's camera drives the avatar that the visitor's browser draws. What is seen is kept nowhere.

A picture is decoded in a process of the visitor's own, a face is found in it, and what it makes the avatar do goes back. Of each mirror the
landmarks of two pictures are remembered; they go when it is switched off, when another needs its place after IDLE seconds, and with the visit.
"""

import threading
import time
from typing import TYPE_CHECKING

from ..child import Broken
from ..errors import PerseError
from ..media.pictures import Pictures

if TYPE_CHECKING:
    from ..avatar.avatar import Avatar

TWICE = "One picture at a time: the one before is still being looked at."


class Mirror:
    """One visitor's. avatar: that is moved."""

    def __init__(self, avatar: "Avatar"):
        from ..motion.driving.live_driver import LiveDriver

        self.avatar, self.used = avatar, time.monotonic()
        self._driver, self._pictures = LiveDriver(avatar), Pictures()
        self._looking = threading.Lock()

    def take(self) -> bool:
        """Whether the next picture may come; then `see` or `drop` has to follow."""
        self.used = time.monotonic()
        return self._looking.acquire(blocking=False)

    def drop(self) -> None:
        """The picture that might have come does not."""
        self._looking.release()

    def see(self, picture: bytes, now: float, afresh: bool = False) -> dict:
        """{"moment": what a face adds to the controls, as of `live.curves`, or None where none is seen; if it moves, also "soon": what it is
        likely to add "ahead" seconds later}.

        picture: JPEG as `Pictures` takes it; now, afresh: as of `LiveDriver.see`. PerseError for what is no picture.
        """
        from ..live.curves import curves
        from ..motion.driving.live_driver import AHEAD

        try:
            seen = self._driver.see(self._pictures.decode(picture), now, afresh)
        except Broken:
            self._pictures.close()
            self._pictures = Pictures()
            raise PerseError("This picture of the camera could not be read.") from None
        finally:
            self._looking.release()
        if seen is None:
            return {"moment": None}
        now, soon = curves([seen.now, seen.soon])["frames"]
        return {"moment": now} | ({"soon": soon, "ahead": AHEAD} if soon != now else {})

    def close(self) -> None:
        """Switch it off."""
        self._pictures.close()
