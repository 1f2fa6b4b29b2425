"""Many portraits: shared out, resumed, one bad photo among good ones, one summary; with two real processes too."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from perse.apart import Calls
from perse.cli import main
from perse.errors import BuildCancelled, PerseError
from perse.many_portraits import Crew, build_many, built_before, plan

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
SETTINGS = {"budget": 20.0, "seed": 0, "synthesizer": "procedural"}


def write_avatar(job) -> dict:
    """What a build leaves behind, as far as this module looks at it."""
    if Path(job.photo).stem == "bad":
        raise PerseError("No face was found.")
    report = {"seed": job.settings["seed"], "settings": job.settings}
    save_file({"a": np.zeros(3)}, job.target, metadata={"avatar": json.dumps({"report": {"build": report}})})
    return {"avatar": str(job.target), **report}


def mortal():
    """A builder that carl's photo kills, as a kernel out of memory or a broken card would."""

    def build(job) -> dict:
        if Path(job.photo).stem == "carl":
            os.kill(os.getpid(), signal.SIGKILL)
        return write_avatar(job) | {"by": os.getpid()}

    return build


@pytest.fixture
def photos(tmp_path):
    names = ["anna.jpg", "bad.jpg", "carl.jpg", "dora.jpg", "emil.jpg"]
    for name in names:
        (tmp_path / name).write_bytes(name.encode())
    return [str(tmp_path / name) for name in names]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "avatars").mkdir()
    return tmp_path / "avatars"


@pytest.fixture
def run(photos, folder):
    """run(...) -> the summary and the photos that were really built."""

    def call(settings=SETTINGS, again=False, build=write_avatar):
        built = []

        def noted(job):
            built.append(Path(job.photo).name)
            return build(job)

        summary = build_many(photos, folder, settings, noted, Crew(cpu=True), again)
        assert summary == json.loads((folder / "summary.json").read_text())
        return summary, built

    return call


def test_one_bad_photo_does_not_stop_the_rest(run, folder):
    summary, built = run()
    assert len(built) == 5 and summary["processes"] == 1
    assert [Path(row["avatar"]).name for row in summary["avatars"]] == [f"{n}.safetensors" for n in ("anna", "carl", "dora", "emil")]
    assert [(Path(row["photo"]).name, row["error"]) for row in summary["failed"]] == [("bad.jpg", "No face was found.")]
    assert sorted(p.name for p in folder.iterdir()) == [
        "anna.safetensors",
        "carl.safetensors",
        "dora.safetensors",
        "emil.safetensors",
        "summary.json",
    ]


def test_an_error_that_nobody_foresaw_is_one_photo_s_too(run, capsys):
    def build(job):
        if "carl" in job.photo:
            raise ZeroDivisionError("oops")
        return write_avatar(job)

    summary, _ = run(build=build)
    assert [Path(row["photo"]).name for row in summary["failed"]] == ["bad.jpg", "carl.jpg"]
    assert "ZeroDivisionError" in summary["failed"][1]["error"] and "carl.jpg" in capsys.readouterr().err


def test_a_process_that_dies_takes_one_portrait_with_it(run, capsys):
    elsewhere = Calls(mortal)
    try:
        summary, built = run(build=elsewhere)
    finally:
        elsewhere.close()
    assert len(built) == 5 and [Path(row["photo"]).stem for row in summary["failed"]] == ["bad", "carl"]
    assert "died of signal 9" in summary["failed"][1]["error"] and "carl.jpg" in capsys.readouterr().err
    anna, dora, emil = (row["by"] for row in summary["avatars"])
    assert anna != dora == emil, "the portraits after it have a new process"


def test_a_second_run_builds_what_is_missing_damaged_or_different(run, photos, folder):
    run()
    (folder / "carl.safetensors").unlink()
    (folder / "dora.safetensors").write_bytes((folder / "dora.safetensors").read_bytes()[:-8])
    Path(photos[4]).write_bytes(b"another picture")
    summary, built = run()
    assert built == ["bad.jpg", "carl.jpg", "dora.jpg", "emil.jpg"]
    assert [Path(row["photo"]).name for row in summary["skipped"]] == ["anna.jpg"] and summary["skipped"][0]["seed"] == 0
    assert run()[1] == ["bad.jpg"]
    assert len(run(SETTINGS | {"budget": 30.0})[1]) == 5
    assert len(run(SETTINGS | {"budget": 30.0}, again=True)[1]) == 5


def test_a_foreign_file_in_the_way_is_built_anew(photos, folder):
    job = plan(photos, folder, SETTINGS)[0]
    assert built_before(job) is None
    save_file({"a": np.zeros(3)}, job.target)
    assert built_before(job) is None
    write_avatar(job)
    assert built_before(job)["settings"] == job.settings


def test_two_photos_of_one_name_are_refused_before_anything_is_built(folder):
    with pytest.raises(PerseError, match=r"a/me\.jpg.*b/me\.png.*rename"):
        plan(["a/me.jpg", "b/me.png"], folder, {})


def test_stopping_stops(run):
    def build(job):
        raise BuildCancelled()

    with pytest.raises(BuildCancelled):
        run(build=build)


def test_each_process_takes_a_card_of_its_own_before_it_looks_at_one(monkeypatch, tmp_path):
    taken = []

    def choose(name):
        taken.append("looked")
        raise PerseError("enough")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    monkeypatch.setattr("perse.pipeline.choose_device", choose)
    for rank in ("0", "1", "2", "3"):  # twice as many processes as cards
        monkeypatch.setenv("LOCAL_RANK", rank)
        assert main(["build", "me.jpg", "-o", str(tmp_path / "me.safetensors")]) == 2
    assert taken == [0, "looked", 1, "looked", 0, "looked", 1, "looked"]


def launch(code: str, tmp_path: Path, *arguments: str, timeout: int = 1200) -> subprocess.CompletedProcess:
    """Run a module's code in two processes, as `accelerate launch` starts them (with --cpu it would need MPI to start two)."""
    (tmp_path / "work.py").write_text(code)
    env = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": f"{ROOT}:{tmp_path}"}
    command = [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        "--multi_gpu",
        "--num_processes",
        "2",
        "--main_process_port",
        "0",
        "--num_machines",
        "1",
        "--mixed_precision",
        "no",
        "--dynamo_backend",
        "no",
        "-m",
        "work",
        *arguments,
    ]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=timeout, check=False)


def test_two_processes_share_the_work_and_go_on_when_a_builder_is_killed(photos, folder, tmp_path):
    code = """
import sys, pathlib
import torch
from perse.many_portraits import Crew, build_many
from perse.apart import Calls
from tests.test_many_portraits import SETTINGS, mortal
crew = Crew(cpu=True)
barrier, ids = torch.distributed.barrier, []
torch.distributed.barrier = lambda *args, device_ids=None, **options: ids.append(device_ids)
with crew.first_alone():
    print("ready", crew.rank, crew.size, flush=True)
assert not ids, "a barrier that names a card by the process's number"
summary = build_many(sys.argv[2:], pathlib.Path(sys.argv[1]), SETTINGS, Calls(mortal), crew)
assert (summary is None) == (crew.rank != 0)
"""
    done = launch(code, tmp_path, str(folder), *photos)
    assert done.returncode == 0, done.stderr
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["processes"] == 2 and "died of signal 9" in summary["failed"][1]["error"]
    assert [Path(row["photo"]).stem for row in summary["avatars"]] == ["anna", "dora", "emil"]
    assert {Path(row["photo"]).stem: row["process"] for row in summary["avatars"] + summary["failed"]} == {
        "anna": 0,
        "bad": 1,
        "carl": 0,
        "dora": 1,
        "emil": 0,
    }
    assert done.stdout.index("ready 0 2") < done.stdout.index("ready 1 2")
