"""Dye goes with the hair that a cut takes off, and stays on the strands that the same cut brings."""

import pytest
import torch

from perse.attributes.catalogue import BY_NAME
from perse.controls import Controls
from perse.fitting.initial_avatar import begin


@pytest.fixture(scope="module")
def person(astronaut_portrait, rig, texture):
    return begin(astronaut_portrait, rig, texture, [BY_NAME["hair"], BY_NAME["hair_colour"]], 8000).avatar.requires_grad_(False)


def test_strands_combed_over_a_free_forehead_are_dyed_and_the_skin_under_a_fringe_is_not(person):
    def changed(**attributes):
        return person.space(person.state(Controls(attributes=attributes)).latents).color

    red, cut, both = changed(hair_red=1.0), changed(hair_forehead=1.0), changed(hair_red=1.0, hair_forehead=1.0)
    basis = person.space.axes["hair_forehead"]
    brought = basis.gaussians[person.opacities[basis.gaussians] == 0]
    assert len(brought) > 300 and (red[brought].abs().max(1).values > 0.02).float().mean() > 0.9
    assert torch.allclose(both[brought], red[brought] + cut[brought], atol=1e-5)
    fringe = basis.gaussians[(basis.weight > 0.99) & (person.opacities[basis.gaussians] > 0)]
    assert len(fringe) > 20 and torch.allclose(both[fringe], cut[fringe], atol=0.01)
