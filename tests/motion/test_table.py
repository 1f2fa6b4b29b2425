"""The table of a motion says, frame by frame, what the avatar is told."""

import csv

import pytest

from perse.avatar.io import save_avatar
from perse.cli import main
from perse.controls import Controls
from perse.motion.motion import Motion
from perse.motion.presets import preset_motion
from perse.motion.table import motion_csv


def rows(motion: Motion) -> list[dict[str, str]]:
    return list(csv.DictReader(motion_csv(motion).splitlines()))


def test_a_row_a_frame_with_every_number():
    frames = [Controls(head_yaw=1.5, gaze_pitch=-2.0, yaw=30.0, zoom=1.25, head_x=0.1), Controls(expression={"smile": 1 / 3, "blink": 0.0})]
    first, second = rows(Motion(2, 25.0, lambda i: frames[i]))
    assert list(first) == [
        "frame",
        "seconds",
        "head_yaw",
        "head_pitch",
        "head_roll",
        "head_x",
        "head_y",
        "head_z",
        "body_yaw",
        "body_pitch",
        "body_roll",
        "body_x",
        "body_y",
        "body_z",
        "gaze_yaw",
        "gaze_pitch",
        "camera_yaw",
        "camera_pitch",
        "camera_roll",
        "camera_zoom",
        "smile",
    ]
    told = {name: float(first[name]) for name in ("head_yaw", "gaze_pitch", "camera_yaw", "camera_zoom", "head_x", "smile")}
    assert told == {"head_yaw": 1.5, "gaze_pitch": -2.0, "camera_yaw": 30.0, "camera_zoom": 1.25, "head_x": 0.1, "smile": 0.0}
    assert second["frame"] == "1" and float(second["seconds"]) == 0.04 and float(second["smile"]) == pytest.approx(1 / 3, abs=1e-5)


def test_a_ready_made_motion_with_an_edit():
    motion = preset_motion("chatter", Controls(expression={"smile": 0.2}), 4.0, 25.0)
    table = rows(motion)
    assert len(table) == motion.count == 100
    assert all(float(row["smile"]) == 0.2 for row in table) and len({row["jaw_open"] for row in table}) > 20
    assert not any("-0.0" in row.values() for row in table)


def test_the_command_line_writes_it_beside_the_video(avatar, tmp_path):
    save_avatar(avatar, tmp_path / "a.safetensors")
    assert (
        main(
            [
                "video",
                str(tmp_path / "a.safetensors"),
                "-o",
                str(tmp_path / "v.mp4"),
                "--motion",
                "nod",
                "--seconds",
                "0.4",
                "--fps",
                "10",
                "--size",
                "64",
                "--csv",
                str(tmp_path / "v.csv"),
            ]
        )
        == 0
    )
    assert len((tmp_path / "v.csv").read_text().splitlines()) == 5 and (tmp_path / "v.mp4").stat().st_size > 500
