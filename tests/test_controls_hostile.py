"""Whatever a stranger sends as Controls is refused in one sentence, or is a look that survives JSON and that an avatar renders finitely."""

import json
import math
import os
import random
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perse.controls import LISTS, LONGEST, MOST_NAMES, RANGES, Controls, read_look
from perse.edit_options import _seed, read_controls
from perse.errors import PerseError, shown
from perse.motion.motion import overlay
from perse.renderer import Renderer

from .hostile_controls import controls, looks

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=80)
    | st.sampled_from((0.5, -0.5, 1, math.nan))
    | st.integers(300, 5000).map(lambda digits: 10**digits)
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=80), inner, max_size=5), max_leaves=20
)
OBJECTS = st.dictionaries(
    st.sampled_from(["attributes", "styles", "latents", "expression", *LISTS, *RANGES]) | st.text(max_size=9), VALUES, max_size=4
)


def checked(read, *sent) -> Controls | None:
    """What was read, None if it was refused; a refusal is one short line that names no place of the server."""
    try:
        return read(*sent)
    except PerseError as error:
        sentence = str(error)
        assert sentence.isprintable() and 10 < len(sentence) < 300 and sentence.endswith(".") and os.getcwd() not in sentence, sentence
        return None


def survives(found: Controls | None) -> None:
    if found is not None:
        again = Controls.from_json(found.to_json())
        assert again == found and again.to_json() == found.to_json()
        halfway = found.mix(Controls(), 0.5)
        assert Controls.from_json(halfway.to_json()) == halfway


@pytest.mark.slow
@settings(max_examples=300, deadline=None, database=None, derandomize=True)
@given(OBJECTS)
def test_any_object_is_refused_or_survives(data):
    survives(checked(Controls.from_json, data))


@settings(max_examples=100, deadline=None, database=None, derandomize=True)
@given(st.text(max_size=60) | st.binary(max_size=60) | st.integers() | st.lists(st.none(), max_size=2))
def test_any_value_is_refused_or_survives(sent):
    survives(checked(Controls.from_json, sent))


@pytest.mark.slow
def test_what_strangers_send_is_refused_or_survives():
    kinds = {}
    for kind, text in islice(controls(random.Random(1)), 300):
        found = checked(Controls.from_json, text)
        survives(found)
        kinds.setdefault(kind, set()).add(found is None)
    assert {True, False} == set.union(*kinds.values()) and kinds["valid"] == {False} and len(kinds) >= 8


def test_files_are_refused_or_are_looks(tmp_path):
    path = tmp_path / "look.json"
    for _, content in islice(looks(random.Random(2)), 100):
        path.write_bytes(content)
        survives(checked(read_look, path))
    path.write_bytes(b'\xef\xbb\xbf{"yaw": 5}')  # as some editors save text
    assert read_look(path) == Controls(yaw=5.0)


@pytest.mark.parametrize("read", [read_look, read_controls])
def test_only_a_regular_file_is_read(tmp_path, read):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "round").symlink_to("round")
    for path in (
        tmp_path / "pipe",
        "/dev/zero",
        tmp_path,
        tmp_path / "round",
        tmp_path / "none",
        "nul\0.json",
        "n" * 300,
        "\udcff.json",
        "two\nlines",
    ):
        assert checked(read, str(path)) is None


def test_every_mapping_is_bounded():
    for name in ("attributes", "expression", "styles", "latents"):
        assert checked(
            Controls.from_json, {name: {str(i): {} if name == "styles" else [] if name == "latents" else 0.1 for i in range(MOST_NAMES)}}
        )
        assert checked(Controls.from_json, {name: {str(i): 0.1 for i in range(MOST_NAMES + 1)}}) is None
    assert checked(Controls.from_json, "{}" + " " * LONGEST) is None
    full = Controls(
        **{name: (1 / 3,) * count for name, (count, _) in LISTS.items()}, attributes={"n" * 40 + str(i): 1 / 3 for i in range(200)}
    )
    assert Controls.from_json(full.to_json()) == full  # what a driving clip adds to every slider has room


@settings(max_examples=200, deadline=None, database=None, derandomize=True)
@given(VALUES, st.integers(4, 60))
def test_what_is_shown_is_short(value, longest):
    text = shown(value, longest)
    assert text.isprintable() and len(text) <= max(longest, len("a huge number"))


@pytest.mark.parametrize("text", ["", "-1", "²", "१", "1" * 5000, "0x1", "1.0", "1\n"])
def test_seeds_are_whole_numbers(text):
    assert checked(_seed, text) is None


IN_PLACE = {f"{part}_{axis}": 0.0 for part in ("head", "body") for axis in "xyz"}


def test_what_is_accepted_is_rendered_finitely(avatar):
    known = {
        "attributes": [a.name for c in avatar.space.categories.values() for a in c.axes],
        "expression": avatar.expressions(),
        "styles": [(c.name, s.name) for c in avatar.space.categories.values() for s in c.styles],
    }
    renderer, seen = Renderer(avatar, 64), 0
    for kind, text in islice(controls(random.Random(3), known), 100):
        found = checked(Controls.from_json, text)
        if found is None or checked(avatar.state, found) is None:
            continue
        cloud = avatar(overlay(found, found))  # as far as a motion on top may take it
        assert all(bool(x.isfinite().all()) for x in (cloud.means, cloud.quats, cloud.scales, cloud.opacities, cloud.colors)), text
        assert renderer.frame(found).shape == (64, 64, 3)
        assert np.ptp(renderer.frame(found.with_(**IN_PLACE))) > 0  # a head that leaves the picture takes its body along
        seen += kind == "valid"
    assert seen >= 5


def test_an_avatar_refuses_unknown_names_in_a_sentence(avatar):
    for sent in (
        {"attributes": {"n" * 64: 1}},
        {"expression": {"'\"" * 32: 1}},
        {"styles": {"hair": {"x" * 64: 1}}},
        {"styles": {"é" * 64: {"x": 1}}},
        {"latents": {"x": [1]}},
        {"latents": {"hair": [1]}},
    ):
        assert checked(avatar.state, Controls.from_json(json.dumps(sent))) is None
