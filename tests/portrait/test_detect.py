"""The search for a face costs a bounded number of looks, whatever the photo shows, and lets others in between."""

import threading

import numpy as np
import pytest
from PIL import Image

from perse.errors import BuildCancelled, PerseError
from perse.portrait import detect, landmarker, load_portrait, models
from perse.portrait.detect import MAX_WINDOWS, MOST_RUNS, find_face
from perse.portrait.pixels import MAX_ASPECT

SHAPES = [(1600, 1600), (900, 1600), (1600, 320), (320, 1600), (64, 320)]


@pytest.fixture
def runs(monkeypatch):
    """Detectors that see hundreds of faces everywhere, which fail in the last moment of being verified; and how often each model runs."""
    counts = {"detector": 0, "mesh": 0}
    rng = np.random.default_rng(0)

    crowd = [
        (1.0, np.concatenate([corner, corner + 40]), np.tile(corner, (6, 1)) + np.arange(12).reshape(6, 2))
        for corner in rng.uniform(0, 300, (300, 2))
    ]

    def faces(image, full_range):
        counts["detector"] += 1
        return crowd

    def mesh(image):
        counts["mesh"] += 1
        return rng.uniform(100, 400, (478, 3)).astype(np.float32)

    monkeypatch.setattr(detect, "detect_faces", faces)
    monkeypatch.setattr(landmarker, "detect_faces", faces)
    monkeypatch.setattr(landmarker, "mesh_face", mesh)
    return counts


@pytest.mark.slow
@pytest.mark.parametrize("height, width", [(640, 640), (64, 320)])
def test_a_crowd_of_none(runs, height, width):
    with pytest.raises(PerseError, match="No human face"):
        find_face(np.zeros((height, width, 3), np.uint8))
    assert 200 < sum(runs.values()) <= MOST_RUNS < 1500


def test_a_frame_of_a_video(runs, monkeypatch):
    monkeypatch.setattr(landmarker, "mesh_face", lambda image: runs.update(mesh=runs["mesh"] + 1))
    assert landmarker.track_landmarks(np.zeros((300, 400, 3), np.uint8)) is None
    assert sum(runs.values()) <= 2 + landmarker.MAX_TRIED


@pytest.mark.parametrize("fraction", [0.5, 0.25])
@pytest.mark.parametrize("height, width", [*SHAPES, (1600, 1), (100, 100_000)])
def test_windows_cover_the_picture_and_are_few(height, width, fraction):
    windows = detect._windows(height, width, fraction)
    if max(height, width) <= MAX_ASPECT * min(height, width):
        assert len(windows) <= MAX_WINDOWS
    x, y, side = np.array(windows).T
    assert x.min() == y.min() == 0 and (x + side).max() == width and (y + side).max() == height
    assert np.diff(np.unique(x)).max(initial=0) <= side[0] and np.diff(np.unique(y)).max(initial=0) <= side[0]


@pytest.mark.parametrize("height, width, fraction, count", [(1200, 1600, 0.25, 70), (800, 1600, 0.25, 105), (1600, 1600, 0.5, 9)])
def test_windows_of_ordinary_photos_overlap_by_half(height, width, fraction, count):
    windows = detect._windows(height, width, fraction)
    assert len(windows) == count and windows[0][2] == int(min(height, width) * fraction)


@pytest.mark.slow
def test_cancelling_ends_the_search_at_the_next_look(runs):
    asked = []

    def cancelled() -> bool:
        asked.append(sum(runs.values()))
        return len(asked) == 60

    with pytest.raises(BuildCancelled):
        find_face(np.zeros((450, 800, 3), np.uint8), cancelled)
    assert len(asked) == 60 and sum(runs.values()) == asked[-1] and np.diff(asked).max() <= 20


@pytest.mark.slow
def test_cancelling_a_portrait_between_its_stages(astronaut):
    asked = []
    load_portrait(np.asarray(astronaut), 256, cancelled=lambda: asked.append(0))
    assert len(asked) >= 5
    for last in (1, len(asked) // 2, len(asked)):
        count = []
        with pytest.raises(BuildCancelled):
            load_portrait(np.asarray(astronaut), 256, cancelled=lambda count=count, last=last: count.append(0) or len(count) == last)
        assert len(count) == last


def test_who_waits_for_a_model_is_next():
    """One caller that comes back at once, as a search of many windows does, and one that waits for a single run."""
    turns, order, waiting = models.Turns(), [], threading.Event()

    def once():
        waiting.set()
        with turns:
            order.append("waiting")

    with turns:
        thread = threading.Thread(target=once)
        thread.start()
        waiting.wait()
        while not turns._waiting:
            pass
    for _ in range(100):
        with turns:
            order.append("again")
    thread.join()
    assert order[0] == "waiting" and len(order) == 101


def test_turns_are_taken_by_one_at_a_time():
    turns, inside, most = models.Turns(), [], []

    def work():
        for _ in range(200):
            with turns:
                inside.append(0)
                most.append(len(inside))
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 1 and len(most) == 800
    with turns:  # it is free again
        pass


@pytest.mark.slow
@pytest.mark.parametrize("turns", [0, 1, 2])
def test_each_of_several_faces_can_be_chosen(hopper, astronaut, turns):
    """Counted from left to right as the photo is seen upright, whichever of them is the largest."""
    pair = Image.new("RGB", (1024, 600), (90, 90, 90))
    pair.paste(astronaut, (0, 40))
    pair.paste(hopper, (512, 0))
    stored = np.rot90(np.asarray(pair), turns)
    largest = load_portrait(stored, 256)
    assert len(largest.faces) == 2 and largest.chosen == 1 and largest.original.shape == (600, 1024, 3)
    for face, middle in ((1, 225), (2, 750)):
        chosen = load_portrait(stored, 256, face=face)
        assert chosen.chosen == face - 1
        x0, _, x1, _ = chosen.faces[face - 1]
        assert abs((x0 + x1) / 2 - middle) < 80
        # The crop is around that face.
        assert abs(chosen.crop.x0 + chosen.crop.side / 2 - middle) < 120
    with pytest.raises(PerseError, match="no face 3: the photo shows 2 faces"):
        load_portrait(stored, 256, face=3)
    with pytest.raises(PerseError, match="only one face"):
        load_portrait(np.asarray(astronaut), 256, face=2)
