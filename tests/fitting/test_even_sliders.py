"""Even sliders: the arc length of a path of pictures, walked at constant speed."""

import numpy as np
import pytest
import torch

from perse.avatar.latent_space import KNOTS, AxisBasis
from perse.controls import Controls
from perse.evaluate.smoothness import pyramid, smoothness
from perse.evaluate.subject import AvatarSubject
from perse.fitting.even_sliders import pace


def test_an_even_path_keeps_its_pace():
    at = np.linspace(0, 1, 9)
    np.testing.assert_allclose(pace(at, np.full(8, 0.3)), np.linspace(0, 1, KNOTS), atol=1e-6)


def test_a_path_that_runs_ahead_is_held_back():
    knots = pace(np.array([0.0, 0.5, 1.0]), np.array([3.0, 1.0]))
    assert knots[0] == 0 and knots[-1] == 1 and (np.diff(knots) > 0).all()
    # Three quarters of the way lie in the first half: after three quarters of the slider it is at one half.
    assert np.interp(0.75, np.linspace(0, 1, KNOTS), knots) == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize("steps", [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
def test_standing_still_never_stops_a_slider(steps):
    knots = pace(np.array([0.0, 0.2, 0.6, 1.0]), np.array(steps))
    assert knots[0] == 0 and knots[-1] == pytest.approx(1) and (np.diff(knots) > 0).all()


def test_a_basis_reads_its_coordinate_through_the_curve():
    basis = AxisBasis(torch.zeros(0), torch.zeros(0), torch.zeros(0), 2)
    basis.pace.copy_(torch.linspace(0, 1, KNOTS) ** 2)
    for z, u in ((0.0, 0.0), (0.25, 0.0625), (1.0, 1.0), (-0.5, -0.25)):
        assert float(basis.paced(torch.tensor(z))) == pytest.approx(u, abs=1e-6)
    z = torch.tensor(0.52, requires_grad=True)
    basis.paced(z).backward()
    assert 0.9 < float(z.grad) < 1.2  # the slope of the curve there


@pytest.mark.parametrize("name", ["beard_full", "beard_goatee", "glasses_round", "glasses_square"])
def test_what_fades_in_does_so_evenly(avatar, name):
    subject = AvatarSubject(avatar, 256)
    figures = smoothness([pyramid([subject.picture(Controls(attributes={name: float(x)}))[0]]) for x in np.linspace(0, 1, 21)])
    # A beard's fine strands appear one by one over their coat: what is between is no mean of the ends.
    most = 1.5 if name.startswith("beard") else 1.2
    assert figures["variation"] < 0.3 and figures["reversals"] <= 6 and figures["detour"] < most


def test_an_edit_that_only_moves_the_surface_paints_nothing(avatar):
    for name in ("nose_length", "jaw_width", "eye_size"):
        basis = avatar.space.axes[name]
        assert not basis.paints and not basis.color.any() and not basis.opacity.any() and basis.shape.abs().max() > 0.01
        change = avatar.space(avatar.state(Controls(attributes={name: 0.7})).latents)
        back = avatar.space(avatar.state(Controls(attributes={name: -0.7})).latents)
        torch.testing.assert_close(change.shape, -back.shape, atol=1e-6, rtol=0)


def test_paint_waits_for_a_surface_that_runs_ahead():
    at, z = np.linspace(0, 1, 9), np.linspace(0, 1, KNOTS)
    # The surface goes all its way in the first half, the paint is even and as long: it has to go in the second.
    knots = pace(at, np.full(8, 1 / 8), (0.0, 0.5, 1.0), (1.0, 0.0))
    assert np.interp(0.5, z, knots) < 0.08 and np.interp(0.75, z, knots) == pytest.approx(0.5, abs=0.03)
    # An even surface changes nothing.
    np.testing.assert_allclose(pace(at, np.full(8, 1 / 8), (0.0, 1.0), (3.0,)), z, atol=1e-5)
