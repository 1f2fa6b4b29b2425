"""Controls: a plain value that survives JSON, refuses what makes no sense, and mixes linearly."""

import json
import math

import pytest

from perse.controls import MARKS, RANGES, Controls
from perse.errors import PerseError

FULL = Controls(
    attributes={"nose_width": -0.5},
    styles={"beard": {"full": 0.75}},
    latents={"hair": (0.1, 0.0, -0.25)},
    expression={"smile": 0.8, "eye_blink_left": 1.0},
    head_yaw=12.5,
    head_pitch=-3.0,
    head_roll=4.0,
    gaze_yaw=-10.0,
    gaze_pitch=5.0,
    yaw=-30.0,
    pitch=10.0,
    roll=2.0,
    zoom=1.5,
)


@pytest.mark.parametrize("controls", [Controls(), FULL])
def test_json_roundtrip(controls):
    text = controls.to_json()
    assert Controls.from_json(text) == controls
    assert Controls.from_json(json.loads(text)) == controls
    assert Controls.from_json(Controls.from_json(text).to_json()).to_json() == text


def test_an_empty_object_is_the_portrait_as_it_is():
    assert Controls.from_json("{}") == Controls()
    assert all(low <= getattr(Controls(), name) <= high for name, (low, high) in RANGES.items())


@pytest.mark.parametrize(
    "text, told",
    [
        ("{", "JSON"),
        ("[1]", "object"),
        ("null", "object"),
        ("12", "object"),
        ("[" * 100_000, "JSON"),
        (b"\xff\xfe{}", "JSON"),
        ('{"smile": 1}', "smile"),
        ('{"yaw": "left"}', "left"),
        ('{"yaw": true}', "True"),
        ('{"yaw": null}', "None"),
        ('{"yaw": NaN}', "nan"),
        ('{"zoom": Infinity}', "inf"),
        ('{"yaw": 181}', "181"),
        ('{"zoom": 0}', "0.5"),
        ('{"attributes": [1]}', "attributes"),
        ('{"attributes": {"nose_width": "wide"}}', "nose_width"),
        ('{"expression": {"smile": 1e308}}', "smile"),
        ('{"styles": {"beard": "full"}}', "styles"),
        ('{"styles": {"beard": {"full": [1]}}}', "beard=full"),
        ('{"latents": {"hair": 1}}', "latents"),
        ('{"latents": {"hair": [0, "x"]}}', "hair"),
        (json.dumps({"latents": {"hair": [0] * 65}}), "short"),
        (json.dumps({"attributes": {"n" * 65: 1}}), "short"),
        ('{"yaw": 1' + "0" * 400 + "}", "yaw"),
    ],
)
def test_what_makes_no_sense_is_one_sentence(text, told):
    with pytest.raises(PerseError, match=told) as caught:
        Controls.from_json(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", RANGES)
def test_ranges_are_inclusive(name):
    low, high = RANGES[name]
    for value in (low, high):
        assert getattr(Controls.from_json({name: value}), name) == value
    for value in (math.nextafter(low, -math.inf), math.nextafter(high, math.inf)):
        with pytest.raises(PerseError, match=name):
            Controls.from_json({name: value})


def test_mix_is_linear_and_ends_at_its_ends():
    other = Controls(
        attributes={"nose_width": 0.5, "jaw_width": 1.0}, styles={"beard": {"stubble": 1.0}}, latents={"hair": (0.3,)}, yaw=30.0, zoom=2.5
    )
    start, end = FULL.mix(other, 0.0), FULL.mix(other, 1.0)
    assert {k: v for k, v in start.attributes.items() if v} == FULL.attributes
    assert {k: v for k, v in end.attributes.items() if v} == other.attributes
    assert (start.yaw, start.zoom, end.yaw, end.zoom) == (FULL.yaw, FULL.zoom, other.yaw, other.zoom)
    half = FULL.mix(other, 0.5)
    assert half.attributes == {"nose_width": 0.0, "jaw_width": 0.5}
    assert half.styles == {"beard": {"full": 0.375, "stubble": 0.5}}
    assert half.latents["hair"] == pytest.approx((0.2, 0.0, -0.125))
    assert half.expression == {"smile": 0.4, "eye_blink_left": 0.5}
    assert (half.yaw, half.zoom, half.head_yaw) == (0.0, 2.0, 6.25)
    assert Controls.from_json(half.to_json()) == half


def test_a_changed_copy_leaves_the_original():
    changed = FULL.with_(yaw=0.0)
    assert changed.yaw == 0.0 and FULL.yaw == -30.0
    with pytest.raises(AttributeError):
        changed.yaw = 1.0


def test_detail_must_be_complete():
    assert Controls.from_json({"detail": []}).detail == ()
    with pytest.raises(PerseError, match="detail"):
        Controls.from_json({"detail": [0.1, 0.2]})
    with pytest.raises(PerseError, match="detail"):
        Controls.from_json({"detail": [0.0] * (MARKS + 3)})
