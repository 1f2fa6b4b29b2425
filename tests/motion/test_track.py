"""The clip's own time, and an end at any moment: tracking, solving and refining ask, report and keep to the time stamps."""

import numpy as np
import pytest

from perse.controls import Controls
from perse.errors import BuildCancelled
from perse.media import Clip, limits
from perse.motion.driving import drive as driving
from perse.motion.driving.drive import drive
from perse.tracking.solve import ITERATIONS
from perse.tracking.track import Track, pace
from tests.hostile_clips import film

from .conftest import curves


def timed(times, fps) -> Track:
    """A track of which only the times are known."""
    found, nothing = np.ones(len(times), bool), np.zeros((len(times), 1))
    return Track(nothing, found, np.array(times, float), fps, 8, 8, *[nothing] * 8, ~found)


@pytest.fixture
def yaw(monkeypatch, avatar):
    """yaw(times, clip's fps, ...): head yaws of a motion whose frame i of the clip turns the head by i degrees, and its rate."""

    def run(times, clips, **options):
        monkeypatch.setattr(driving, "track", lambda *_, **__: timed(times, clips))
        monkeypatch.setattr(
            driving, "performed", lambda avatar, tracked, *_: (curves([Controls(head_yaw=float(i)) for i in range(len(tracked.times))]), ())
        )
        motion = drive(avatar, "clip.mp4", **options)
        return [frame.head_yaw for frame in motion], motion.fps

    return run


def test_frames_are_shown_at_their_times(yaw):
    even = [i / 30 for i in range(12)]
    assert yaw(even, 30.0) == (list(range(12)), 30.0)
    assert yaw(even, 30.0, fps=15.0) == (list(range(0, 12, 2)), 15.0)
    assert yaw(even, 30.0, fps=60.0)[0][:5] == pytest.approx([0, 0.5, 1, 1.5, 2])
    uneven, _ = yaw([0, 0.1, 0.2, 1.2, 1.3], pace([0, 0.1, 0.2, 1.2, 1.3], 10.0), fps=10.0)
    assert uneven[:3] == [0, 1, 2] and uneven[7] == pytest.approx(2.5) and uneven[12] == 3 and uneven[13:] == [4] * len(uneven[13:])
    # Matroska counts milliseconds, GIF hundredths of a second: no reason to mix two frames.
    assert yaw([round(i / 30, 3) for i in range(12)], 30.0)[0] == list(range(12))
    assert yaw([round(i / 25, 2) for i in range(12)], 25.0)[0] == list(range(12))
    assert yaw([0.0], 25.0, fps=25.0)[0] == [0]


def test_the_pace_is_that_of_the_time_stamps():
    assert pace([i / 30 for i in range(90)], 30.0) == 30.0
    assert pace([round(i / 29.97, 3) for i in range(90)], 29.97) == 29.97  # rounded stamps: what the file says is better
    assert pace([0, 100], 25.0) == pytest.approx(0.01)
    assert pace([i / 20 for i in range(90)], 1000.0) == pytest.approx(20)
    assert pace([i / 200 for i in range(90)], 200.0) == limits.RATE
    assert pace([0.0], 0.0) == pace([0.0], 25.0) == 25.0


@pytest.mark.slow
def test_hours_between_two_frames_make_no_hours_of_motion(avatar, known_clip, tmp_path):
    shown = [pixels for _, pixels in Clip(known_clip, frames=2)]
    size = shown[0].shape[1::-1]
    for times, count in (([0, 250_000], 1), ([0, 90], 40)):
        path = film(tmp_path / f"{times[1]}.mp4", size=size, shown=shown, times=times)
        assert drive(avatar, path, fps=10.0, seconds=4.0).count == count
    # A few frames of a clip that says it has thousands a second.
    fast = film(tmp_path / "fast.mp4", size=size, shown=[shown[0]] * 60, fps=1000)
    assert drive(avatar, fast, fps=25.0).count <= 3


@pytest.mark.slow
def test_work_stops_when_asked_and_tells_how_far_it_is(avatar, known_clip):
    said, asked = [], [0]

    def until(most):
        def cancelled() -> bool:
            asked[0] += 1
            return asked[0] >= most

        return cancelled

    drive(avatar, known_clip, seconds=0.6, progress=lambda share, text: said.append((share, text)), cancelled=until(10**9))
    frames, looks = 12, 4
    least = frames + ITERATIONS + looks  # and whenever the decoder is waited for, which depends on the machine
    assert asked[0] >= least
    shares = [share for share, _ in said]
    assert shares == sorted(shares) and shares[0] == 0 and 0.85 < shares[-1] < 1 and np.diff(shares).max() < 0.35
    assert len({text for _, text in said}) == 3 and all(text for _, text in said)
    for most in (3, frames + 3, least):
        asked[0] = 0
        with pytest.raises(BuildCancelled):
            drive(avatar, known_clip, seconds=0.6, cancelled=until(most))
        assert asked[0] == most  # nothing goes on asking
