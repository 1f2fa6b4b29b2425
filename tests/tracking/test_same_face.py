"""Another face after a cut is told from one person's movement."""

import numpy as np
import pytest
from PIL import Image

from perse.portrait import face_landmarks
from perse.tracking.same_face import SameFace


@pytest.fixture(scope="module")
def people(astronaut, hopper):
    """Two people's pictures, 512 x 512, and their landmarks."""
    pictures = [np.asarray(astronaut), np.asarray(hopper.crop((0, 0, 512, 512)))]
    return [(picture, face_landmarks(picture)) for picture in pictures]


def moved(person, shift: int, degrees: float = 0.0):
    """A person a little elsewhere, turned in the picture."""
    picture, _ = person
    turned = np.roll(np.asarray(Image.fromarray(picture).rotate(degrees, Image.Resampling.BILINEAR)), shift, 1)
    return turned, face_landmarks(turned)


def test_one_person_stays_the_same(people):
    for person in people:
        same = SameFace()
        assert all(same.sees(*moved(person, 2 * i, i)) for i in range(0, 12, 3))
        assert same.sees(*moved(person, 120))  # a leap alone makes nobody another


def test_another_is_noticed_and_the_first_known_again(people):
    for first, second in (people, people[::-1]):
        same = SameFace()
        seen = [same.sees(*person) for person in (first, first, second, second, moved(first, 5), second, first)]
        assert seen == [True, True, False, False, True, False, True]


def test_a_network_that_tells_people_apart_is_asked_instead_of_the_pictures(people):
    """Here it says that both are one person, then that nobody is; only where likeness breaks off is it asked."""
    asked = []

    def everybody(frame, face):
        asked.append(frame)
        return np.ones(1)

    first, second = people
    same = SameFace(everybody)
    assert all(same.sees(*person) for person in (first, first, second, first))
    assert len(asked) == 3 and asked[0].dtype == np.float32 and asked[0].max() <= 1  # the first is kept, two cuts
    vectors = iter(np.eye(9))
    same = SameFace(lambda frame, face: next(vectors))
    assert [same.sees(*person) for person in (first, second, first)] == [True, False, False]
    assert SameFace(everybody).known_among(first[0], []) is None
