"""A swatch of a person's hair: strands run down, variance and colours are the photo's, borders meet."""

from types import SimpleNamespace

import numpy as np
import pytest

from perse.face.landmarks import EYE_CORNERS
from perse.texture.completion.hair_grain import strand_coordinates
from perse.texture.completion.hair_swatch import SCALE, hair_swatch

SIZE = 320


def head_of_hair(picture: np.ndarray, hair: np.ndarray | None = None, worn: np.ndarray | None = None) -> SimpleNamespace:
    """What a swatch is made of: a picture (S, S, 3) at the swatch's own scale, all of it hair, and nothing worn, unless masks (S, S) say
    otherwise."""
    landmarks = np.zeros((478, 3))
    landmarks[list(EYE_CORNERS), 0] = [0, SCALE]
    mask = np.ones(picture.shape[:2]) if hair is None else hair
    masks = {"hair": mask.astype(np.float32), "worn": np.zeros_like(mask) if worn is None else worn}
    return SimpleNamespace(foreground=picture.astype(np.float32), masks=masks, landmarks=landmarks)


def strands(angle: float, seed: int = 0) -> np.ndarray:
    """(S, S, 3): brown strands that run at an angle from downwards, radians."""
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE / 2
    across = x * np.cos(angle) + y * np.sin(angle)
    rng = np.random.default_rng(seed)
    wave = sum(rng.uniform(0.3, 1) * np.sin(across / rng.uniform(1.2, 4) + rng.uniform(0, 6)) for _ in range(6))
    return np.clip(0.35 + 0.06 * wave, 0, 1)[..., None] * [1.0, 0.7, 0.5]


@pytest.mark.parametrize("angle", [0.0, 0.6, 1.4])
def test_strands_run_down_however_they_lay(angle):
    swatch = hair_swatch(head_of_hair(strands(angle)))
    lightness = swatch.details[0][..., 0]
    down, across = np.abs(np.diff(lightness, axis=0)).mean(), np.abs(np.diff(lightness, axis=1)).mean()
    assert down < 0.5 * across


def test_detail_varies_as_in_the_photo_and_has_no_mean():
    swatch = hair_swatch(head_of_hair(strands(0.3)))
    for detail in swatch.details:
        assert np.abs(detail.mean((0, 1))).max() < 0.6
        assert 0.6 < detail[..., 0].std() / swatch.details[0][..., 0].std() < 1.6
    assert 2 < swatch.details[0][..., 0].std() < 20
    assert [d.shape[1] for d in swatch.details] == sorted((d.shape[1] for d in swatch.details), reverse=True)


def test_a_badge_on_dark_hair_is_not_strewn_all_over_it():
    picture = np.full((SIZE, SIZE, 3), 0.06) + 0.02 * (strands(0.3) - 0.3)
    picture[100:130:6, 60:260] = 0.95  # gold braid
    assert np.abs(hair_swatch(head_of_hair(picture)).details[0]).max() < 12


def test_it_meets_itself_behind_the_head():
    swatch = hair_swatch(head_of_hair(strands(0.3)))
    along = np.full((1, 64), 1.4, np.float32)
    near, far = (swatch.at(np.stack([along, np.full_like(along, x)], -1)) for x in (np.pi - 1e-3, -np.pi + 1e-3))
    np.testing.assert_allclose(near, far, atol=0.5)
    points = np.random.default_rng(0).standard_normal((9, 7, 3)) + [0, 0, 0.8]
    assert np.isfinite(swatch.at(strand_coordinates(points))).all()


def test_too_little_hair_gives_none():
    hair = np.zeros((SIZE, SIZE))
    hair[100:112, 50:200] = 1
    assert hair_swatch(head_of_hair(strands(0.0), hair)) is None


def test_one_seed_gives_one_swatch():
    first, second = (hair_swatch(head_of_hair(strands(0.3))) for _ in range(2))
    np.testing.assert_array_equal(first.details[0], second.details[0])


def test_cloth_that_is_worn_over_hair_is_none_of_it():
    veil = np.ones((SIZE, SIZE))
    assert hair_swatch(head_of_hair(strands(0.0), worn=veil)) is None
    veil[:, : SIZE // 2] = 0
    picture = strands(0.0)
    picture[:, SIZE // 2 :] += 0.3 * np.sign(np.sin(np.arange(SIZE) / 5))[:, None, None]
    plain, veiled = (hair_swatch(head_of_hair(p, worn=veil)).details[0] for p in (strands(0.0), picture))
    np.testing.assert_allclose(veiled.std(), plain.std(), rtol=0.2)
