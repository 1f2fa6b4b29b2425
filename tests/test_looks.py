"""Looks: Controls in a JSON file, as the page saves them; and the rest of the attribute space on the command line."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from perse.attributes.catalogue import AXES
from perse.cli import main
from perse.controls import LONGEST, Controls, read_look, write_look
from perse.edit_options import check_look
from perse.errors import PerseError
from perse.fitting.schedule import Schedule

LOOK = Controls(attributes={"nose_width": -0.5}, styles={"beard": {"full": 0.6, "goatee": 0.4}}, expression={"smile": 0.5}, yaw=12.0)


def test_a_look_comes_back(tmp_path):
    path = tmp_path / "me.json"
    write_look(LOOK, path)
    assert read_look(path) == LOOK
    assert set(json.loads(path.read_text())) == {"attributes", "styles", "expression", "yaw"}  # what is not set is not written
    assert [p.name for p in tmp_path.iterdir()] == ["me.json"]


def test_what_the_page_saves_is_a_look(tmp_path):
    page = {"attributes": {}, "styles": {"beard": {"full": 1}}, "latents": {}, "expression": {}, "zoom": 1, "head_yaw": 0, "yaw": -20}
    (tmp_path / "page.json").write_text(json.dumps(page, indent=1))
    assert read_look(tmp_path / "page.json") == Controls(styles={"beard": {"full": 1.0}}, yaw=-20.0)


@pytest.mark.parametrize(
    "content, told",
    [
        (b"{", "bad.json. is not a look.*JSON"),
        (b"[]", "object"),
        (b'{"yaw": 999}', "999"),
        (b'{"beard": 1}', "beard"),
        (b"\xff\xfe\x00", "Cannot read"),
        (b" " * (LONGEST + 1), "too long"),
        (b'{"styles": {"beard": "full"}}', "styles"),
    ],
)
def test_files_that_are_no_look(tmp_path, content, told):
    (tmp_path / "bad.json").write_bytes(content)
    with pytest.raises(PerseError, match=told) as caught:
        read_look(tmp_path / "bad.json")
    assert "\n" not in str(caught.value)


def test_a_missing_look(tmp_path):
    with pytest.raises(PerseError, match="nowhere.json"):
        read_look(tmp_path / "nowhere.json")


def test_a_look_for_another_avatar_names_the_file(avatar):
    check_look(LOOK, avatar, "a.json")
    with pytest.raises(PerseError, match="a.json.*tattoo"):
        check_look(Controls(styles={"tattoo": {"anchor": 1.0}}), avatar, "a.json")


@pytest.fixture
def run(capfd, tmp_path, monkeypatch):
    """run(*arguments) in an empty folder -> (exit code, standard output, last line of standard error)."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        code = main([str(a) for a in arguments])
        out, err = capfd.readouterr()
        return code, out, (err.splitlines() or [""])[-1]

    return call


def rendered(run, avatar_file, *options) -> np.ndarray:
    assert run("render", avatar_file, "-o", "a.png", "--size", 96, *options)[0] == 0
    return np.asarray(Image.open("a.png")).astype(int)


def test_a_look_is_kept_and_worn(run, avatar_file):
    edits = ["--style", "beard=full:0.6", "--style", "beard=goatee:0.4", "--set", "nose_width=-0.5", "--yaw", "15"]
    assert run("look", avatar_file, "-o", "me.json", *edits)[0] == 0
    assert read_look("me.json") == Controls(attributes={"nose_width": -0.5}, styles={"beard": {"full": 0.6, "goatee": 0.4}}, yaw=15.0)
    worn = rendered(run, avatar_file, "--look", "me.json")
    assert np.array_equal(worn, rendered(run, avatar_file, *edits))
    # Options come on top of the look.
    assert np.array_equal(
        rendered(run, avatar_file, "--look", "me.json", "--style", "beard=full:0", "--style", "beard=goatee:0"),
        rendered(run, avatar_file, "--set", "nose_width=-0.5", "--yaw", "15"),
    )
    assert run("export", avatar_file, "-o", "a.ply", "--look", "me.json")[0] == 0
    assert run("video", avatar_file, "-o", "a.mp4", "--look", "me.json", "--motion", "nod", "--seconds", 0.2, "--size", 64)[0] == 0


def test_two_styles_mix(run, avatar_file, avatar):
    one, other, both = (
        rendered(run, avatar_file, *(x for s in styles for x in ("--style", s)))
        for styles in (["beard=full"], ["beard=goatee"], ["beard=full:0.6", "beard=goatee:0.4"])
    )
    assert np.abs(both - one).mean() > 0.2 and np.abs(both - other).mean() > 0.2
    # The mixture is the point between them: in the avatar, and in the picture nearer to each than they are to one another.
    code = avatar.state(Controls(styles={"beard": {"full": 0.6, "goatee": 0.4}})).latents["beard"].numpy()
    full, goatee = (avatar.space.style_code("beard", style) for style in ("full", "goatee"))
    np.testing.assert_allclose(code, 0.6 * full + 0.4 * goatee, atol=1e-6)
    apart = np.abs(one - other).mean()
    assert np.abs(both - one).mean() < apart and np.abs(both - other).mean() < apart


def test_chance_on_the_command_line(run, avatar_file):
    plain = rendered(run, avatar_file)
    looks = [rendered(run, avatar_file, "--random", seed) for seed in (4, 4, 5)]
    assert np.array_equal(looks[0], looks[1]) and np.abs(looks[0] - looks[2]).max() > 20 and np.abs(looks[0] - plain).max() > 20
    noses = [rendered(run, avatar_file, "--sample", name) for name in ("nose:1", "nose:1", "nose:2")]
    assert np.array_equal(noses[0], noses[1]) and not np.array_equal(noses[0], noses[2])
    assert run("look", avatar_file, "-o", "r.json", "--sample", "nose:1", "--sample", "mouth:2")[0] == 0
    owner = {name: AXES[name][0].name for name in read_look("r.json").attributes}
    assert set(owner.values()) == {"nose", "mouth"}


@pytest.mark.parametrize(
    "options, told",
    [
        (["--look", "missing.json"], "missing.json"),
        (["--look", "bad.json"], "bad.json. is not a look"),
        (["--sample", "tattoo"], "tattoo"),
        (["--look", "other.json"], "other.json.*handlebar"),
        (["--sample", "nose:x"], "'x'"),
        (["--random", "-3"], "-3"),
        (["--look", "bad.json", "--controls", "{}"], "one of"),
    ],
)
def test_bad_looks_and_seeds(run, avatar_file, tmp_path, options, told):
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "other.json").write_text('{"styles": {"beard": {"handlebar": 1}}}')
    code, out, line = run("render", avatar_file, "-o", "a.png", *options)
    assert code == 2 and re.search(told, line) and not out and not (tmp_path / "a.png").exists()


def test_info_tells_what_the_portrait_does_not_allow(run, avatar_file):
    beard = json.loads(run("info", avatar_file)[1])["categories"]["beard"]
    assert beard["axes"]["beard_full"]["available"] is True and "reason" not in beard["axes"]["beard_full"]
    for entry in (beard["axes"]["beard_shaven"], beard["styles"]["shaven"]):
        assert entry["available"] is False and "no beard" in entry["reason"]


def test_the_attribute_bench_on_the_command_line(run, avatar_file):
    code, out, _ = run(
        "bench", "--attributes", "--avatar", avatar_file, "--against", avatar_file, "--categories", "headphones", "--size", 64
    )
    report = json.loads(out)
    assert code == 0 and len(report["avatars"]) == 2 and set(report["goals"]) >= {"leakage", "effect", "variation", "order"}
    first = report["avatars"][0]
    assert first["file"] == avatar_file and first["interpolated"] is True and set(first["categories"]) == {"headphones"}
    # One avatar, twice.
    assert all(value == 0 for value in report["difference"]["headphones"].values() if not isinstance(value, dict))
    for options, told in (
        (["--against", avatar_file], "--avatar"),
        (["--avatar", avatar_file, "--categories", "tattoo"], "tattoo"),
        (["--avatar", "missing.safetensors"], "missing"),
        (["--avatar", avatar_file, "--size", 1], "size"),
    ):
        code, _, line = run("bench", "--attributes", *options)
        assert code == 2 and told in line


def test_a_build_without_interpolated_faces(run, small_builds, monkeypatch, astronaut, tmp_path):
    few = Schedule.for_budget(10.0)  # steps for the sliders' ends alone: faces between them come after
    monkeypatch.setattr(Schedule, "for_budget", staticmethod(lambda seconds, seed=0: replace(few, seed=seed, lessons=120)))
    astronaut.save(tmp_path / "a.png")
    reports = [
        json.loads(run("build", "a.png", "-o", f"{n}.safetensors", "--device", "cpu", *options)[1])
        for n, options in enumerate(([], ["--no-interpolation"]))
    ]
    assert [r["interpolated"] for r in reports] == [True, False]
    assert reports[0]["clips"] > reports[1]["clips"] > 5
