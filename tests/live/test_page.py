"""The exported page: one file that holds all and asks nobody; its command."""

import base64
import re

import pytest

from perse.cli import main
from perse.controls import Controls
from perse.errors import PerseError
from perse.live.page import PLAYER, motions, page_of, script
from perse.motion.presets import PRESETS
from perse.pipeline import PersePipeline
from perse.render.synthetic import SOURCE_TYPE, sentence


def test_the_page_holds_everything_and_names_nobody(live):
    page = page_of(live).decode()
    held = re.search(r'id="live">(.*?)</script>', page, re.S).group(1)
    assert base64.b64decode(held) == live and len(page) < 8_000_000
    page = page.replace(held, "")
    said = f'<meta name="description" content="{sentence("3D head")}">\n<meta name="DigitalSourceType" content="{SOURCE_TYPE}">'
    assert said in page and f'<p id="made">{sentence("3D head")}</p>' in page
    page = page.replace(said, "")
    assert not re.search(r"https?:|//[a-z]|\bfetch\(|XMLHttpRequest|\bimport[ (]|<link rel=.stylesheet|src=", page)
    assert not re.search("__[A-Z]", page)
    assert len(page) < 500_000  # of which motions are most: the player has to be on its way before an avatar is


def test_the_script_has_every_module_once_and_no_name_twice():
    text = script("main.js")
    named = re.findall(r"^(?:const|class|function|async function\*?) (\w+)", text, re.M)
    assert len(named) == len(set(named)) > 30
    assert all(re.search(r"^// .", (PLAYER / path.name).read_text()) for path in PLAYER.glob("*.js"))
    assert text.index("class Poser") < text.index("class Model") < text.index("class LivePlayer")


def test_motions_are_those_of_the_server():
    found = {motion["name"]: motion for motion in motions()}
    assert set(found) == {name for name, preset in PRESETS.items() if not preset.sweeps and preset.sound is None}
    nod = found["nod"]
    assert len(nod["frames"]) == nod["fps"] * PRESETS["nod"].seconds
    for k in (0, 17, 40):
        want = PRESETS["nod"].pose(k / len(nod["frames"]), None)
        assert nod["frames"][k].get("head_pitch", 0) == pytest.approx(want.head_pitch, abs=0.01)
        Controls.from_json(nod["frames"][k])


def test_the_command_writes_both(example, usual, tmp_path, monkeypatch, capsys):
    looks = []
    monkeypatch.setattr(PersePipeline, "load", lambda self, path: example)
    monkeypatch.setattr("perse.pipeline.bake_live", lambda avatar, look: looks.append(look) or usual)
    for name in ("a.live", "a.html"):
        assert main(["export", "a.safetensors", "-o", str(tmp_path / name), "--set", "smile=0.5", "--style", "glasses=round"]) == 0
    assert (tmp_path / "a.live").read_bytes() == usual
    assert all(look.expression == {"smile": 0.5} and look.styles == {"glasses": {"round": 1.0}} for look in looks)
    held = re.search(r'id="live">(.*?)</script>', (tmp_path / "a.html").read_text(), re.S).group(1)
    assert base64.b64decode(held) == usual
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.html", "a.live"]
    assert main(["export", "a.safetensors", "-o", str(tmp_path / "nowhere" / "a.html")]) == 2
    assert "a.html" in capsys.readouterr().err
    with pytest.raises(PerseError, match=r"\.obj"):
        PersePipeline.export(None, example, Controls(), tmp_path / "a.obj")
