import numpy as np

from perse.tracking.smooth import smooth


def test_smoothing_calms_jitter_and_keeps_a_blink():
    rng = np.random.default_rng(1)
    calm = smooth(rng.normal(0, 0.02, (200, 1)), 0.06)
    assert calm.std() < 0.012
    blink = np.zeros((60, 1))
    blink[30:34] = 1.0
    assert smooth(blink, 0.06).max() > 0.9


def test_each_series_has_its_own_noise():
    wave = np.random.default_rng(2).normal(0, 0.02, (200, 1))
    both = smooth(np.concatenate([wave, wave], 1), np.array([0.06, 0.001]))
    np.testing.assert_allclose(both[:, :1], smooth(wave, 0.06))
    assert both[:, 1].std() > both[:, 0].std()
