"""What the page offers beside a driving clip, and what it makes of the answers."""

from ..motion.driving.choices import STRENGTHS, Choices
from ..motion.length import ON_PAGE
from ..motion.live_link import live_link_csv
from ..motion.table import motion_csv
from .api import number

FOLLOWS = f"The video will follow your clip, with its sound and as long as it is: up to {ON_PAGE.seconds:.0f} seconds, less where frames are large."
# What the page calls the tables of a motion.
TABLES = {"Every number (degrees)": motion_csv, "ARKit, for game engines (Live Link)": live_link_csv}


def choices_of(region: str, strength: float, absolute: bool) -> Choices:
    """PerseError for what the page does not offer."""
    return Choices(str(region).lower(), number("strength", strength, *STRENGTHS), absolute is True)


def longest_clip(avatar, framing: str, size: float, fps: float) -> float:
    """Seconds that a video of this avatar may have."""
    frame = avatar.source.size if framing == "Source" and avatar.source else (int(size), int(size))
    return ON_PAGE.seconds_at(float(fps), frame)
