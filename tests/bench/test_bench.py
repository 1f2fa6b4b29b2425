"""Measurements side by side."""

import json

import pytest

from perse.bench import bench
from perse.errors import PerseError
from perse.render.cpu.lanes import WIDTH

BEFORE = {
    "machine": {"processor": "a", "vectors": "8 lanes", "cpus": 2},
    "build_seconds": 40.0,
    "stages": {"person": 10.0, "rig": 0.0},
    "page": {},
    "rasterizer": {"machine": {"copy_gb_s": 10.0}, "scenes": [{"gaussians": 60_000, "size": 512, "forward_ms": 20.0}]},
    "report": {"notes": ["words"], "interpolated": True},
}
AFTER = {
    "machine": {"processor": "b", "vectors": "16 lanes", "cpus": 4},
    "build_seconds": 30.0,
    "stages": {"person": 5.0, "rig": 1.0, "new": 2.0},
    "rasterizer": {
        "machine": {"copy_gb_s": 20.0},
        "scenes": [{"gaussians": 60_000, "size": 512, "forward_ms": 10.0}, {"gaussians": 1, "size": 64, "forward_ms": 1.0}],
    },
}


def test_numbers_of_both_stand_side_by_side():
    told = bench.compare(BEFORE, AFTER)
    assert told["machines"] == [BEFORE["machine"], AFTER["machine"]]
    assert told["numbers"] == {
        "machine.cpus": [2, 4, 2.0],
        "build_seconds": [40.0, 30.0, 0.75],
        "stages.person": [10.0, 5.0, 0.5],
        "stages.rig": [0.0, 1.0, None],
        "rasterizer.machine.copy_gb_s": [10.0, 20.0, 2.0],
        "rasterizer.scenes.60000@512.forward_ms": [20.0, 10.0, 0.5],
    }
    text = bench.lines(told).splitlines()
    assert text[0] == "before: a, 8 lanes, 2 cores" and text[1] == "after:  b, 16 lanes, 4 cores"
    assert any(line.split() == ["build_seconds", "40", "30", "0.75"] for line in text) and len(text) == 3 + len(told["numbers"])
    assert bench.lines(bench.compare({"machine": {}}, {"machine": {}})).count("\n") == 2


def test_two_files_are_compared_on_the_command_line(tmp_path, capsys):
    from perse.cli import main

    paths = [tmp_path / "before.json", tmp_path / "after.json"]
    for path, told in zip(paths, (BEFORE, AFTER)):
        path.write_text(json.dumps(told))
    assert main(["bench", "--compare", *map(str, paths)]) == 0
    out, told = capsys.readouterr()
    assert json.loads(out) == json.loads(json.dumps(bench.compare(BEFORE, AFTER))) and "before: a, 8 lanes" in told


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"machine": 3}', "[" * 5000, "\x00", '{"machine": {}'])
def test_what_is_no_measurement_is_refused(tmp_path, text):
    path = tmp_path / "odd.json"
    path.write_text(text)
    with pytest.raises(PerseError, match="odd.json.*(measurement|choose)|choose"):
        bench.read(path)


def test_the_machine_is_named():
    told = bench.machine()
    assert told["processor"] and told["vectors"].startswith(f"{WIDTH} lanes") and told["cpus"] >= 1
