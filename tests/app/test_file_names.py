"""What downloads are called."""

from types import SimpleNamespace

import pytest

from perse.controls import Controls
from perse.ui.file_names import file_name, plain

LOOK = Controls(
    styles={"beard": {"full": 0.7, "stubble": 0.0}, "glasses": {"round": 1}, "hair_colour": {"platinum_blonde": 1}, "hat": {"cap": 1}}
)


def test_a_name_tells_person_motion_look_and_moment():
    example, own = SimpleNamespace(name="astronaut", shared=True), SimpleNamespace(name="perse", shared=False)
    first = file_name(example, "turntable", LOOK, ".mp4", 0.0)
    assert first.startswith("eileen-collins-turntable-full-round-platinum-blonde-19") and first.endswith(".mp4")
    assert file_name(example, "turntable", LOOK, ".mp4", 1.0) != first
    assert file_name(own, "clip", Controls(), "-synthetic.csv").startswith("perse-clip-20")


@pytest.mark.parametrize(("text", "name"), [("Ünï Cødé: 相片", "uni-cde"), ("a/b\\c", "a-b-c"), ("CON", "con"), ("  ", "")])
def test_a_name_is_one_that_every_system_takes(text, name):
    assert plain(text) == name
