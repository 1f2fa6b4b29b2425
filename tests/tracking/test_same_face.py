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
