"""The frame makes way for what stands higher than the head, and for nothing else."""

import numpy as np
import pytest

from perse.attributes.catalogue import BY_NAME
from perse.avatar.headroom import HIGHEST, MARGIN, SOLID, framed, top, tops
from perse.controls import Controls
from perse.fitting.initial_avatar import begin
from perse.renderer import Renderer

SIZE = 192


@pytest.fixture(scope="module")
def person(astronaut_portrait, rig, texture, plain_avatar):
    made = begin(astronaut_portrait, rig, texture, [BY_NAME["hair"], BY_NAME["hat"]], 8000).avatar.requires_grad_(False)
    made.source = plain_avatar.source
    return made


@pytest.mark.parametrize("look", [{"hair": {"bun": 1.0}}, {"hair": {"afro": 1.0}}, {"hat": {"cowboy": 1.0}}])
def test_what_is_tall_stays_in_the_frame(person, look):
    for yaw in (-45.0, 0.0, 45.0):
        alpha = Renderer(person, SIZE, "transparent").frame(Controls(styles=look, yaw=yaw))[..., 3]
        assert alpha[0].max() < 64 < alpha[round(2 * MARGIN * SIZE) :].max(), yaw
    assert top(person, {"hair": "hair_bun", "hat": "hat_cowboy"}[next(iter(look))]) < top(person)


def test_the_portrait_as_it_is_a_close_up_and_the_photo_are_framed_as_ever(person):
    tall = Controls(styles={"hat": {"cowboy": 1.0}})
    for controls in (
        Controls(),
        Controls(styles={"hair": {"bald": 1.0}}),
        Controls(attributes={"hair_volume": -1.0}),
        tall.with_(zoom=2.5),
    ):
        np.testing.assert_array_equal(framed(person, controls, 300, 200).K, person.camera(controls, 300, 200).K)
    assert not np.allclose(framed(person, tall, 300, 200).K, person.camera(tall, 300, 200).K)
    source = Renderer(person, SIZE, framing="source")
    np.testing.assert_array_equal(source._camera(tall).K, source._camera(Controls()).K)


def test_it_moves_as_evenly_as_the_amount(person):
    rows = [framed(person, Controls(styles={"hat": {"cowboy": a}}), SIZE, SIZE).K[1, 2] for a in np.linspace(0, 1, 41)]
    steps = np.diff(rows)
    assert (steps >= -1e-4).all() and steps.max() < 0.05 * SIZE and rows[-1] - rows[0] > 0.01 * SIZE
    lower = framed(person, Controls(styles={"hat": {"cowboy": 1.0}}), SIZE, SIZE)
    assert lower.K[0, 0] < person.camera(Controls(), SIZE, SIZE).K[0, 0], "half of it by stepping back"


def test_the_top_is_that_of_the_posed_head_whatever_the_edit(person):
    assert set(tops(person)) > {"", "hair_bun"}
    for axis in ("", *person.space.axes):
        cloud = person(Controls(attributes={axis: 1.0} if axis else {}))
        rows = person.rig.camera.project(cloud.means[cloud.opacities > SOLID].numpy())[0][:, 1]
        assert top(person, axis) == pytest.approx(np.sort(rows)[HIGHEST] / person.rig.camera.height, abs=1e-5), axis
