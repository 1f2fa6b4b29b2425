"""What a look means is the same to the player's script as to the server, whatever names and forms it is written in."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from perse.attributes.catalogue import CATEGORIES, reduced_to
from perse.avatar.latent_space import LatentSpace
from perse.avatar.state import latents_of
from perse.controls import Controls
from perse.live.describe import catalogue
from perse.live.page import PLAYER

from .test_player import FLAGS

ALL = [a.name for c in CATEGORIES for a in c.axes]
# Of an avatar of before: what hair had then, which is what former latents are divided into.
FORMER = [name for name in ALL if name not in {"hair_ears", "hair_up", "hair_tail", "hair_bun", "hair_curls", "hair_afro", "hair_undercut"}]
LOOKS = {
    "a style of today": Controls(styles={"hair_colour": {"blue": 1.0}}),
    "of a former category": Controls(styles={"hair": {"blue": 1.0, "fringe": 0.5}}),
    "under both names": Controls(styles={"hair": {"blue": 0.5}, "hair_colour": {"red": 0.25}}),
    "styles that share a category": Controls(styles={"beard": {"full": 0.5, "goatee": 0.5}}, attributes={"beard_full": 0.3}),
    "beyond the ranges": Controls(styles={"nose": {"wide": 2.0}}, attributes={"nose_width": 2.0}, latents={"nose": (-3.5, 0, 0, 0, 0, 0)}),
    "a latent as long as hair and its colours were": Controls(latents={"hair": tuple(np.linspace(-0.9, 0.9, 15))}),
    "a latent of before six more axes": Controls(latents={"hair": (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)}),
}


@pytest.fixture(scope="module")
def latents(launch):
    """latents(head, controls): what controls.js makes of them, by category."""
    browser = launch(FLAGS)
    page = browser.new_page()
    source = (PLAYER / "controls.js").read_text(encoding="utf-8")
    page.evaluate("async (source) => { window.controls = await import('data:text/javascript,' + encodeURIComponent(source)); }", source)
    script = "([head, look]) => Object.fromEntries([...controls.latentsOf(head, look)].map(([name, z]) => [name, [...z]]))"
    yield lambda head, look: page.evaluate(script, [head, json.loads(look.to_json())])
    browser.close()


@pytest.mark.parametrize("axes", [ALL, FORMER], ids=["today", "before"])
@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
def test_a_look_is_the_same_latent(latents, look, axes):
    space = LatentSpace(reduced_to(axes), 1, 1)
    head = json.loads(json.dumps(catalogue(SimpleNamespace(space=space), {"hair_blue": "it cannot be dyed"})))
    wanted = {name: z for name, z in latents_of(look, space).items() if z.any()}
    told = latents(head, look)
    assert wanted, "the look changes something"
    assert {*told} == {*wanted}
    for name, z in wanted.items():
        assert told[name] == pytest.approx(z, abs=1e-6)
