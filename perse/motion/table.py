"""A motion as a table, for spreadsheets and for other animation tools."""

import csv
import io

from .motion import Motion

HEAD = ("head_yaw", "head_pitch", "head_roll", "head_x", "head_y", "head_z")
BODY = ("body_yaw", "body_pitch", "body_roll", "body_x", "body_y", "body_z")
POSE = (*HEAD, *BODY, "gaze_yaw", "gaze_pitch")
CAMERA = ("yaw", "pitch", "roll", "zoom")


def motion_csv(motion: Motion) -> str:
    """CSV with a header and a row a frame.

    Columns: frame (from 0), seconds, head_*, body_* and gaze_*, camera_yaw, camera_pitch, camera_roll (degrees), camera_zoom,
    then each expression that is used in any frame, by its name (weights in [0, 1]). head_x and the like are in the unit of
    `Controls`. Numbers have at most five decimals. What a driving clip adds as `detail` is left out.
    """
    frames = list(motion)
    expressions = sorted({name for frame in frames for name, weight in frame.expression.items() if weight})
    out = io.StringIO()
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["frame", "seconds", *POSE, *(f"camera_{name}" for name in CAMERA), *expressions])
    for i, frame in enumerate(frames):
        values = [
            i / motion.fps,
            *(getattr(frame, name) for name in POSE + CAMERA),
            *(frame.expression.get(name, 0.0) for name in expressions),
        ]
        table.writerow([i, *(round(float(value), 5) + 0.0 for value in values)])  # + 0.0: no -0.0
    return out.getvalue()
