"""What may be asked for, by visitors and programs. The page's scripts get their numbers from here, too (`ui/page_settings.py`)."""

from typing import Any

DEFAULT_BUDGET = 25.0  # seconds of a build, at most
MIN_BUDGET, MAX_BUDGET = 10.0, 3600.0
API_BUDGETS = (10.0, 300.0)  # seconds of a build that a program may ask the page for
SEEDS = (0, 2**31)
SIZES = (64, 2048)  # side of a picture, pixels

LIVE_SIZE = 512  # side of the live picture while something moves, pixels
# How styles are shown on their tiles, by category and else: a ponytail is seen from the side, a brow from near by, or all of them look alike.
NEAR, NEARER = {"yaw": 0.0, "zoom": 1.6}, {"yaw": 0.0, "zoom": 2.0}
TILE_VIEWS: dict[str, dict[str, Any]] = {
    "": {"yaw": 0.0, "zoom": 1.15},
    "hair": {"yaw": 35.0, "zoom": 0.95},
    **dict.fromkeys(("eyebrows", "eyes", "nose", "mouth", "makeup"), NEARER),
    **dict.fromkeys(("beard", "skin", "glasses", "earrings"), NEAR),
}
FACE_ZOOM = 1.6  # of the tiles of expressions
LIVE_SIZES = (64, 1024)  # side of a live picture, pixels: at rest it is drawn at the screen's own
SAVED_SIZES = (512, 1024, 2048)  # sides of a saved picture that the page offers, pixels
STRIP_FRAMES = 8  # pictures of one motion, side by side
LONGEST_CONTROLS = 32_768  # bytes of a Controls JSON that a browser may send; a full one has about 3,000
CAMERA = {"yaw": 80.0, "pitch": 35.0}  # degrees to either side that the page lets the camera go: beyond, an avatar is not convincing

VIDEO_FORMATS = ("mp4", "webm", "gif", "webp")
OFFERED_VIDEO_SIZES, OFFERED_VIDEO_FPS = (256, 512, 720, 1080), (15, 25, 30, 60)  # what the page lets a visitor choose from
VIDEO_FPS, VIDEO_SIZES = (5.0, 60.0), (128, 1080)
# How long a video may be, seconds, and on the page how many pixels all its frames may have together: 1,800 frames of 512 x 512. Longer ones
# are cut, and say so.
VIDEO_SECONDS, VIDEO_PIXELS = (0.5, 60.0), 1800 * 512 * 512
TERMINAL_SECONDS = (0.1, 600.0)

# What an owner may set otherwise, see docs/owners.md.
SPOKEN_MARK = "AI generated"  # on videos in which somebody speaks
KEPT_SECONDS = 1800.0  # that an avatar is kept without being used
MOST_AVATARS = 24  # kept at once, examples not counted
MOST_MEMORY = 3e9  # bytes of visitors' photos and avatars
# How pretrained weights come to the page, `fetch_ahead.py`: in the background, not, or before builds, where a GPU uses them; or, in the
# background, the small ones that need none.
FETCH_WAYS = ("auto", "never", "wait", "small")


def api_limits() -> dict:
    """What a program may ask the page for, as plain JSON values: pairs are the least and the most."""
    return {
        "budget": API_BUDGETS,
        "seed": SEEDS,
        "picture_size": SIZES,
        "video": {"seconds": VIDEO_SECONDS, "pixels": VIDEO_PIXELS, "fps": VIDEO_FPS, "size": VIDEO_SIZES, "formats": VIDEO_FORMATS},
    }
