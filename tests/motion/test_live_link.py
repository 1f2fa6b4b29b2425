"""Curves of a phone's face app, in and out."""

import numpy as np
import pytest

from perse.controls import Controls
from perse.errors import PerseError
from perse.motion.driving.choices import Choices
from perse.motion.live_link import HEADER, SHAPES, live_link_csv, seconds_of, timecode
from perse.motion.motion import Motion
from perse.motion.recorded import MOST_ROWS, read_recording, recorded_motion
from perse.motion.table import motion_csv
from perse.rig.expressions import NAMES, expand

FRAMES = [
    Controls(),
    Controls(expression={"jaw_open": 0.5, "mouth_smile_left": 0.25}, head_yaw=20.0, head_pitch=-8.0, head_roll=5.0),
    Controls(gaze_yaw=12.0, gaze_pitch=-6.0),
    Controls(expression={"tongue_out": 0.125, "brow_inner_up": 1.0, "eye_blink_right": 1.0}, head_yaw=-10.0),
]


def motion(fps: float = 20.0) -> Motion:
    return Motion(len(FRAMES), fps, lambda i: FRAMES[i])


def read(tmp_path, text: str, **options) -> Motion:
    path = tmp_path / "take.csv"
    path.write_text(text)
    return recorded_motion(read_recording(path), Controls(), **options)


def eyes(frame: Controls) -> np.ndarray:
    """Where each eye looks, degrees to the person's right and down: gaze and shapes together."""
    weights = dict(zip(NAMES, expand(frame.expression)))
    turns = []
    for side, right, left in (("left", "in", "out"), ("right", "out", "in")):
        across = weights[f"eye_look_{right}_{side}"] - weights[f"eye_look_{left}_{side}"]
        turns.append([across, weights[f"eye_look_down_{side}"] - weights[f"eye_look_up_{side}"]])
    return 24.0 * np.array(turns) + [frame.gaze_yaw, frame.gaze_pitch]


def test_the_header_is_that_of_the_app():
    assert len(HEADER) == 2 + 61 and sorted(SHAPES) == sorted(NAMES)
    assert HEADER[:5] == ["Timecode", "BlendShapeCount", "EyeBlinkLeft", "EyeLookDownLeft", "EyeLookInLeft"]
    assert HEADER[16:20] == ["JawForward", "JawRight", "JawLeft", "JawOpen"]
    assert HEADER[-10:-6] == ["TongueOut", "HeadYaw", "HeadPitch", "HeadRoll"]


def test_what_is_written_is_read_again(tmp_path):
    again = read(tmp_path, live_link_csv(motion()))
    assert (again.count, again.fps) == (4, pytest.approx(20.0, abs=0.01))
    for got, want in zip(again, FRAMES):
        for name in ("head_yaw", "head_pitch", "head_roll"):
            assert getattr(got, name) == pytest.approx(getattr(want, name), abs=0.01)
        assert eyes(got) == pytest.approx(eyes(want), abs=0.02)
        for name in ("jaw_open", "mouth_smile_left", "eye_blink_right", "tongue_out", "brow_inner_up"):
            assert got.expression.get(name, 0) == pytest.approx(want.expression.get(name, 0), abs=1e-3)


def test_our_own_table_is_read_again(tmp_path):
    shown = [
        Controls(expression={"smile": 0.5, "jaw_open": 0.25}, head_yaw=4.0, head_x=0.25, body_roll=3.0, gaze_yaw=-7.0, yaw=30.0, zoom=1.25),
        Controls(head_pitch=2.0, pitch=-10.0),
    ]
    again = read(tmp_path, motion_csv(Motion(2, 10.0, lambda i: shown[i])))
    assert (again.count, again.fps) == (2, 10.0)
    for got, want in zip(again, shown):
        assert expand(got.expression) == pytest.approx(expand(want.expression), abs=1e-3)
        for name in ("head_yaw", "head_pitch", "head_x", "body_roll", "gaze_yaw", "yaw", "pitch", "zoom"):
            assert getattr(got, name) == pytest.approx(getattr(want, name), abs=1e-3), name


def test_time_codes():
    assert timecode(3723.5) == "01:02:03:30.000" and timecode(0) == "00:00:00:00.000"
    for clock in (24, 25, 30, 60):
        codes = [f"10:59:{58 + i // clock}:{i % clock:02d}" for i in range(2 * clock)]
        assert seconds_of(codes) == pytest.approx(np.arange(2 * clock) / clock)
    assert seconds_of(["23:59:59:30.5", "00:00:00:00.5"]) == pytest.approx([0, 0.5])
    assert seconds_of(["1:00:00:03.25"]) == [0]
    for wrong in ("", "1:2:3", "01:02:03:04:05", "01:02:03:-4", "aa:bb:cc:dd", "01:02:03:04.5e9", "٠١:00:00:00"):
        with pytest.raises(PerseError, match="Row 2"):
            seconds_of(["00:00:00:00", wrong])


def test_an_uneven_recording_keeps_its_times(tmp_path):
    rows = [(0.0, 0.0), (0.1, 0.1), (0.2, 0.2), (1.2, 0.2), (1.3, 1.0)]
    text = "Timecode,BlendShapeCount,JawOpen\n" + "".join(f"{timecode(t)},1,{jaw}\n" for t, jaw in rows)
    jaw = [frame.expression.get("jaw_open", 0) for frame in read(tmp_path, text, fps=10.0)]
    assert jaw == pytest.approx([0, 0.1, *[0.2] * 11, 1.0], abs=0.01)
    cut = read(tmp_path, text, fps=10.0, seconds=0.5)
    assert cut.count == 5 and "first 0.5 seconds" in cut.notes[0]


def test_arkits_own_axes_are_told_by_the_eyes(tmp_path):
    text = live_link_csv(motion())
    lines = [line.split(",") for line in text.splitlines()]
    for line in lines[1:]:
        line[-9:] = [str(-float(x)) for x in line[-9:]]
    turned = read(tmp_path, "\n".join(",".join(line) for line in lines))
    assert turned.at(1).head_yaw == pytest.approx(20.0, abs=0.01) and turned.at(1).head_pitch == pytest.approx(-8.0, abs=0.01)


def test_a_phone_that_lies_low_turns_nobodys_head(tmp_path):
    text = "timecode,JawOpen,HeadPitch\n00:00:00:00,0,0.3\n00:00:00:30,0,0.2\n"
    assert read(tmp_path, text, fps=2.0).at(0).head_pitch == 0
    assert read(tmp_path, text, fps=2.0).at(1).head_pitch == pytest.approx(np.degrees(0.1), abs=0.01)
    assert read(tmp_path, text, fps=2.0, choices=Choices(absolute=True)).at(0).head_pitch == pytest.approx(-np.degrees(0.3), abs=0.01)


def test_columns_go_by_their_names(tmp_path):
    """ARKit's own spelling, another separator, degrees, unknown columns."""
    text = "time;notes;jawOpen;mouth_smileLeft;HeadYaw\n0;hello;0.5;1.7;0\n0.5;;0.25;-3;40\n"
    frames = list(read(tmp_path, text, fps=2.0))
    assert [f.expression.get("jaw_open") for f in frames] == [0.5, 0.25] and frames[0].expression["mouth_smile_left"] == 1
    assert "mouth_smile_left" not in frames[1].expression and frames[1].head_yaw == 40
    assert read(tmp_path, text, fps=2.0, choices=Choices(region="head")).at(0).expression == {}


@pytest.mark.parametrize(
    "text, why",
    [
        ("", "columns"),
        ("nonsense", "columns"),
        ("a,b,c\n1,2,3\n", "None of its columns"),
        ("Timecode,JawOpen\n", "no rows"),
        ("Timecode,JawOpen\n00:00:00:00,1,2\n", "Row 1 has 3 cells"),
        ("Timecode,JawOpen\n00:00:00:00,nan\n", "no number"),
        ("Timecode,JawOpen\n00:00:00:00,inf\n", "no number"),
        ("Timecode,JawOpen\n00:00:00:00,1e300\n", "no number"),
        ("Timecode,JawOpen\n00:00:00:00,=1+1\n", "no number"),
        ("Timecode,JawOpen\nnow,1\n", "time code"),
        ("time,JawOpen\n1,1\n0,1\n", "backwards at row 2"),
        ("time,JawOpen\n0,1\n9000,1\n", "9000 seconds"),
        (",".join(["JawOpen"] * 600) + "\n", "columns"),
        ('time,JawOpen\n"0,1\n', "no table|cells"),
        ("time,JawOpen\n" + "0,0\n" * (MOST_ROWS + 2), "rows: please cut"),
    ],
)
def test_a_hostile_table_is_a_sentence(tmp_path, text, why):
    path = tmp_path / "bad\nname.csv"
    path.write_text(text)
    with pytest.raises(PerseError, match=why) as told:
        read_recording(path)
    assert "\n" not in str(told.value) and len(str(told.value)) < 250 and "name.csv" in str(told.value)


def test_random_bytes_are_a_sentence_or_a_recording(tmp_path):
    rng, path = np.random.default_rng(3), tmp_path / "noise.csv"
    good = live_link_csv(motion()).encode()
    for _ in range(150):
        data = bytearray(good)
        for place in rng.integers(0, len(data), rng.integers(1, 30)):
            data[place] = rng.integers(0, 256)
        path.write_bytes(bytes(data))
        try:
            made = recorded_motion(read_recording(path), Controls())
        except PerseError:
            continue
        assert all(Controls.from_json(frame.to_json()) == frame for frame in [made.at(0), made.at(made.count - 1)])
