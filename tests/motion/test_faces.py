"""Of several faces in a clip or a photo one drives, and the others are nobody's movement."""

import numpy as np
import pytest
from PIL import Image

from perse.errors import PerseError
from perse.media import Clip
from perse.motion.driving.choices import Choices
from perse.motion.driving.drive import drive
from perse.motion.driving.photo import people_in
from perse.portrait import faces_in
from perse.render.video import VideoWriter
from perse.tracking.people import people
from perse.tracking.track import track

from .conftest import FPS, HOLD, middle

pytestmark = pytest.mark.slow
GONE = range(6, 10)  # frames in which the chosen person is hidden


@pytest.fixture(scope="module")
def still(hopper) -> np.ndarray:
    """Somebody who does not move, and is a little larger."""
    out = np.full((512, 512, 3), 128, np.uint8)
    out[96:416, 96:416] = np.asarray(hopper.crop((0, 0, 512, 512)).resize((320, 320)))
    return out


@pytest.fixture(scope="module")
def couple(known_clip, still, tmp_path_factory):
    """A clip of the known one, who is on the right and is hidden for some frames, and of somebody still."""
    path = tmp_path_factory.mktemp("couple") / "two.mp4"
    with VideoWriter(path, 1024, 512, FPS) as video:
        for i, (_, pixels) in enumerate(Clip(known_clip)):
            right = np.full_like(pixels, 128) if i in GONE else pixels
            video.write(np.hstack([still, np.asarray(Image.fromarray(right).resize((512, 512)))]))
            if i == 5 * HOLD - 1:
                break
    return path


def test_faces_are_seen_from_left_to_right(couple):
    seen = people(couple)
    assert len(seen) == 2 and all(picture.shape == (144, 144, 3) and size > 80 for picture, size in seen)
    frame = next(iter(Clip(couple))).pixels
    left, right = faces_in(frame)
    assert left[:, 0].mean() < 512 < right[:, 0].mean()


@pytest.mark.parametrize("person, side", [(1, 0), (2, 512)])
def test_the_chosen_person_is_followed_and_found_again(couple, person, side):
    tracked = track(couple, person=person)
    where = tracked.landmarks[tracked.found][:, :, 0].mean(1)
    assert ((where > side) & (where < side + 512)).all()
    lost = {i for i, found in enumerate(tracked.found) if not found}
    assert lost <= set(GONE) and (len(lost) >= 3) == (person == 2)


def test_only_who_was_chosen_moves_the_avatar(avatar, couple):
    moved = [np.ptp([frame.head_yaw for frame in drive(avatar, couple, choices=Choices(face=face))]) for face in (1, 2)]
    assert moved[0] < 2 and moved[1] > 9
    assert drive(avatar, couple, choices=Choices(face=2)).at(middle(4)).head_yaw == pytest.approx(15, abs=5)


def test_a_face_that_is_not_there_is_told_in_a_sentence(avatar, couple, known_clip):
    with pytest.raises(PerseError, match="no face number 3.*2 faces are"):
        drive(avatar, couple, choices=Choices(face=3))
    with pytest.raises(PerseError, match="no face number 2.*Only one face is"):
        drive(avatar, known_clip, choices=Choices(face=2))
    with pytest.raises(PerseError, match="counted from 1"):
        Choices(face=0)


def test_of_a_photo_the_chosen_face_gives_its_expression(hopper_avatar, astronaut, still, tmp_path):
    together = np.hstack([still, np.asarray(astronaut.crop((90, 0, 410, 320)).resize((512, 512)))])
    Image.fromarray(together).save(tmp_path / "two.png")
    assert len(people_in(tmp_path / "two.png")) == 2
    smiles = [
        drive(hopper_avatar, tmp_path / "two.png", seconds=1.0, fps=10.0, choices=Choices(face=face))
        .at(5)
        .expression.get("mouth_smile_left", 0)
        for face in (1, 2)
    ]
    assert smiles[1] > 0.3 and smiles[1] > smiles[0] + 0.15
