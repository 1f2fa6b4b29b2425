"""Short versions of the scripts in this folder: nothing goes wrong. How fast it goes is measured by hand, see docs/promises.md."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from . import faults, fuzz, load, returning, soak
from .targets import TARGETS

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    """A build ends when its time is over: nothing here asks how good it is."""
    monkeypatch.setenv("PERSE_PATIENCE", "1")


def apart(call, *arguments):
    """A call in a thread of its own: in this one Playwright's loop may be running, beside which asyncio starts none."""
    with ThreadPoolExecutor(1) as other:
        return other.submit(call, *arguments).result()


def test_hostile_inputs_are_refused_or_survived(tmp_path):
    told = fuzz.run(list(TARGETS), 36, None, 1, 2, 600.0, 1500, tmp_path)
    assert not told["wrong"], told["wrong"]
    assert told["inputs"] == 36 and {"refused", "accepted"} == set(told["outcomes"]) and set(told["kinds"]) == set(TARGETS)


def test_a_fuzzer_that_sees_the_code_finds_nothing(tmp_path):
    pytest.importorskip("atheris", reason="atheris is not installed")
    from . import fuzz_guided

    told = fuzz_guided.run(["controls", "avatars"], 10, 1, tmp_path)
    assert not any(t["wrong"] for t in told.values()), told
    assert all(t["new_paths"] for t in told.values())


def test_a_few_visitors_at_once():
    told = apart(load.run, 5, 10.0, 0, 1, 256)  # `test_visitors_one_after_another` builds
    assert not told["wrong"], json.dumps(told)
    assert told["kinds"] == {"file": 1, "example": 4}


def test_previews_for_a_while():
    told = apart(soak.run, 60, 1800.0, 3, 1, float("inf"))
    assert not told["wrong"], json.dumps(told)
    assert told["previews"] >= 60


def test_visitors_one_after_another():
    told = apart(returning.run, 1, 3, 1, float("inf"))
    assert not told["wrong"], json.dumps(told)
    assert len(told["memory_mb"]["after_each"]) == 1


@pytest.mark.parametrize("name", ["killed_in_a_video", "folder_taken_away", "previews_nobody_waits_for"])
def test_a_real_fault_is_stood(name):
    told = apart(faults.run, [name])[name]
    assert told["result"] == "held", json.dumps(told)
