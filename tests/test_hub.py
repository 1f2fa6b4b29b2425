"""The weights' way from the Hub to this machine, against a Hub of our own: it arrives, stays, and fails with one clear sentence."""

import dataclasses
import errno
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import huggingface_hub.constants
import huggingface_hub.file_download
import numpy as np
import pytest

from perse import hub, pretrained
from perse.cli import main
from perse.errors import BuildCancelled, PerseError
from perse.hub import fetch, local, verify
from perse.pretrained import MODELS
from tests.fake_hub import FakeHub

ROOT = Path(__file__).parents[1]
WEIGHTS = np.random.default_rng(0).bytes(300_000)


def point_at(monkeypatch, address: str) -> None:
    """What HF_ENDPOINT does before the library is imported."""
    before = huggingface_hub.constants.ENDPOINT
    for name in ("HUGGINGFACE_CO_URL_TEMPLATE", "ENDPOINT"):
        monkeypatch.setattr(huggingface_hub.constants, name, getattr(huggingface_hub.constants, name).replace(before, address))


@pytest.fixture
def server(monkeypatch, tmp_path):
    """A running Hub with an empty cache of its own; nothing sleeps between attempts."""
    monkeypatch.delenv("PERSE_WEIGHTS", raising=False)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.file_download.time, "sleep", lambda seconds: None)
    with FakeHub() as server:
        point_at(monkeypatch, server.address)
        yield server


@pytest.fixture
def model(server, monkeypatch):
    """A model of two files, known to the table and to the Hub."""
    model = server.add("tiny", "somebody/tiny", {"config.json": b'{"a": 1}', "net/weights.safetensors": WEIGHTS, "README.md": b"no"})
    model = pretrained.Pretrained(model.name, model.repo, model.revision, model.files[:2], model.licence, model.purpose, model.used_by)
    monkeypatch.setattr(pretrained, "MODELS", (model,))
    return model


def refused(model, *told: str) -> str:
    with pytest.raises(PerseError) as caught:
        fetch(model)
    text = str(caught.value)
    assert all(re.search(word, text) for word in told), text
    assert "\n" not in text and len(text) < 300 and text.endswith(".") and text.count(". ") == 0, text
    return text


def test_what_is_fetched_arrives_once_and_is_used_without_a_network(server, model, monkeypatch):
    told = []
    folder = fetch("tiny", lambda share, text: told.append((share, text)))
    assert (folder / "net/weights.safetensors").read_bytes() == WEIGHTS and json.loads((folder / "config.json").read_text()) == {"a": 1}
    assert not (folder / "README.md").exists()  # the table does not name it
    assert all(0 <= share <= 1 for share, _ in told) and any("checking" in text for _, text in told)
    asked = len(server.asked)
    assert fetch(model) == folder == local("tiny")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert fetch(model) == folder and len(server.asked) == asked


def test_a_broken_connection_is_resumed_where_it_broke(server, model, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 10_000)  # what is less than a chunk is asked for again
    server.cut = 2
    assert (fetch(model) / "net/weights.safetensors").read_bytes() == WEIGHTS
    ranges = [wanted for method, path, wanted in server.asked if method == "GET" and path.endswith("weights.safetensors")]
    starts = [int(re.match(r"bytes=(\d+)-", wanted).group(1)) if wanted else 0 for wanted in ranges]
    assert len(starts) == 3 and 0 == starts[0] < starts[1] < starts[2] < len(WEIGHTS)


def test_after_a_download_that_gave_up_only_the_rest_is_fetched(server, model):
    server.cut = 1000
    refused(model, "tiny", "again")
    assert local(model) is None
    server.cut, server.asked = 0, []
    fetch(model)
    assert server.downloads() == ["net/weights.safetensors"]


def test_a_damaged_file_is_found_removed_and_fetched_again(server, model):
    server.damage = "net/weights.safetensors"
    refused(model, "net/weights.safetensors", "damaged", "weights fetch tiny")
    assert local(model) is None
    server.damage, server.asked = "", []
    folder = fetch(model)
    assert server.downloads() == ["net/weights.safetensors"] and verify(model)["problems"] == []
    # Damaged on the disk later: `verify` finds what `fetch` has no reason to look at.
    path = (folder / "net/weights.safetensors").resolve()
    times = path.stat()
    path.write_bytes(WEIGHTS[:-1] + b"x")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    fetch(model)
    assert verify(model)["problems"] == [{"file": "net/weights.safetensors", "problem": "checksum"}]


def test_a_changed_file_is_checked_again_and_a_short_one_fetched_again(server, model):
    folder = fetch(model)
    path = (folder / "net/weights.safetensors").resolve()
    path.write_bytes(bytes(len(WEIGHTS)))
    refused(model, "damaged")
    fetch(model)
    path.write_bytes(WEIGHTS[:1000])
    assert verify(model)["problems"] == [{"file": "net/weights.safetensors", "problem": "size"}]
    assert (fetch(model) / "net/weights.safetensors").read_bytes() == WEIGHTS


@pytest.mark.parametrize(
    "status, code, told",
    [
        (401, "GatedRepo", "gated"),
        (403, "GatedRepo", "gated"),
        (401, "RepoNotFound", "not to be found"),
        (404, "RepoNotFound", "not to be found"),
        (404, "RevisionNotFound", "no revision"),
        (503, "", "503"),
    ],
)
def test_refusals(server, model, status, code, told):
    server.status, server.code = status, code
    refused(model, told, "somebody/tiny", "PERSE_WEIGHTS")
    assert len(server.asked) == 1


def test_a_token_opens_a_gated_repository(server, model, monkeypatch):
    server.token = "hf_test"
    refused(model, "gated", "HF_TOKEN")
    monkeypatch.setenv("HF_TOKEN", "hf_test")
    assert fetch(model).is_dir()


def test_a_file_that_the_repository_does_not_have(server, model):
    server.repos[model.repo, model.revision].pop("net/weights.safetensors")
    refused(model, "net/weights.safetensors", "missing")


def test_no_network_and_offline(server, model, monkeypatch):
    point_at(monkeypatch, "http://127.0.0.1:9")
    refused(model, "No connection", "tiny", "PERSE_WEIGHTS")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    refused(model, "HF_HUB_OFFLINE", "weights fetch tiny")
    assert server.asked == []


def test_a_full_disk_is_told_before_and_during_the_download(server, model, monkeypatch, tmp_path):
    usage = hub.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(hub.shutil, "disk_usage", lambda path: usage._replace(free=200_000))
    refused(model, "0.3 MB", "0.2 MB", "HF_HOME")
    assert server.asked == []
    monkeypatch.setattr(hub.shutil, "disk_usage", lambda path: usage)

    def full(*args, **options):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(huggingface_hub.file_download, "http_get", full)
    refused(model, "disk filled up", "HF_HOME")
    assert not list(tmp_path.rglob("*.incomplete"))


def test_a_cache_that_cannot_be_written(server, model, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "file" / "cache"))
    refused(model, "cannot be written", "HF_HOME")


def test_cancelling_ends_the_download(server, model):
    def cancel(share, text):
        raise BuildCancelled()

    with pytest.raises(BuildCancelled):
        fetch(model, cancel)
    assert fetch(model).is_dir()


def test_a_folder_instead_of_the_hub(server, model, monkeypatch, tmp_path):
    monkeypatch.setenv("PERSE_WEIGHTS", str(tmp_path / "own"))
    refused(model, "PERSE_WEIGHTS", "tiny")
    (tmp_path / "own/tiny").mkdir(parents=True)
    assert fetch(model) == tmp_path / "own/tiny" == local(model) and server.asked == []
    assert [problem["problem"] for problem in verify(model)["problems"]] == ["missing", "missing"]


def test_the_command_line(server, model, capsys):
    def run(*arguments):
        code = main(["weights", *arguments])
        out, err = capsys.readouterr()
        return code, json.loads(out) if out else None, [line for line in err.splitlines() if "%" not in line]

    code, rows, _ = run("list")
    assert code == 0 and [(row["name"], row["here"], row["bytes"]) for row in rows] == [("tiny", None, len(WEIGHTS) + 8)]
    code, rows, err = run("verify", "tiny")
    assert code == 2 and rows[0]["folder"] is None and len(err) == 1 and "weights fetch" in err[0]
    code, rows, err = run("fetch")
    assert code == 0 and rows[0]["folder"] == str(local(model)) and not err
    assert run("verify")[1][0]["problems"] == []
    assert run("list")[1][0]["here"] == str(local(model))
    code, rows, err = run("fetch", "huge")
    assert code == 2 and rows is None and len(err) == 1 and "huge" in err[0]
    assert run("list", "huge")[0] == 2


def test_the_environment_alone_is_enough(server, model, tmp_path):
    """HF_ENDPOINT and HF_HOME in a process of its own: nothing of huggingface-hub is replaced."""
    code = (
        (
            "import sys; from perse import pretrained; from perse.cli import main; "
            f"pretrained.MODELS = (pretrained.{model!r},); sys.exit(main(['weights', 'fetch']))"
        )
        .replace("(File(", "(pretrained.File(")
        .replace(" File(", " pretrained.File(")
    )
    env = os.environ | {"HF_ENDPOINT": server.address, "HF_HOME": str(tmp_path / "home"), "HF_HUB_OFFLINE": "0"}
    env.pop("HF_HUB_CACHE", None)
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    folder = Path(json.loads(done.stdout)[0]["folder"])
    assert folder.is_relative_to(tmp_path / "home") and (folder / "net/weights.safetensors").read_bytes() == WEIGHTS


def test_owners_are_told_to_preload_what_the_table_says_and_only_where_there_is_a_gpu(capsys):
    assert main(["weights", "preload"]) == 0
    lines, owners = capsys.readouterr().out, (ROOT / "docs/owners.md").read_text()
    assert lines.startswith("preload_from_hub:\n  - ") and f"```yaml\n{lines}```" in owners
    assert "preload_from_hub" not in (ROOT / "README.md").read_text()  # the front matter as it is serves a free CPU Space
    for model in MODELS:  # the small ones are for machines without a GPU, too, and only if an owner wants them
        assert bool(re.search(rf"^  - {model.repo} \S+ {model.revision}$", lines, re.MULTILINE)) == (not model.small)
    assert main(["weights", "preload", "sface"]) == 0 and "opencv/face_recognition_sface" in capsys.readouterr().out
    assert main(["weights", "preload", "selfie-multiclass"]) == 2 and "not being on the Hub" in capsys.readouterr().err


def test_the_table_is_pinned_and_free_for_commercial_use():
    assert len({model.name for model in MODELS}) == len(MODELS) >= 1
    for model in MODELS:
        assert model.address.startswith("https://") or re.fullmatch("[0-9a-f]{40}", model.revision), model.name
        assert not model.small or model.size < 5e7, model.name
        assert model.licence in ("Apache-2.0", "MIT", "BSD-3-Clause", "CC-BY-4.0"), model.name
        assert all(re.fullmatch("[0-9a-f]{64}", file.sha256) and file.size > 0 for file in model.files), model.name
        assert not any(file.path.endswith((".bin", ".pkl", ".pt", ".pth", ".ckpt")) for file in model.files)  # nothing that runs code
        assert model.purpose and (ROOT / model.used_by).exists() or (ROOT / f"{model.used_by}.py").exists(), model.name


@pytest.fixture
def elsewhere(server, monkeypatch):
    """A model that is not on the Hub, known to the table and to a server."""
    row = pretrained.File("net.tflite", len(WEIGHTS), hashlib.sha256(WEIGHTS).hexdigest())
    model = pretrained.Pretrained("away", "kind/net", "float32/1", (row,), "CC0", "a test", "tests", address=f"{server.address}/models")
    server.plain["models/kind/net/float32/1/net.tflite"] = WEIGHTS
    monkeypatch.setattr(pretrained, "MODELS", (model,))
    return model


def test_what_is_not_on_the_hub_comes_from_its_own_place_once(server, elsewhere, monkeypatch):
    told = []
    assert local("away") is None
    folder = fetch("away", lambda share, text: told.append((share, text)))
    assert (folder / "net.tflite").read_bytes() == WEIGHTS and any("downloading away" in text for _, text in told)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert fetch(elsewhere) == folder == local("away") and len(server.asked) == 1 and not verify("away")["problems"]


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("403", "403"),
        ("broken", "broke off"),
        ("damaged", "SHA-256"),
        ("short", "wrong size"),
        ("offline", "HF_HUB_OFFLINE"),
        ("gone", "No connection"),
    ],
)
def test_what_is_not_on_the_hub_fails_in_one_sentence(server, elsewhere, monkeypatch, fault, told):
    path = "models/kind/net/float32/1/net.tflite"
    if fault == "403":
        server.status = 403
    elif fault == "broken":
        server.cut = 9
    elif fault == "damaged":
        server.damage = path
    elif fault == "short":
        server.plain[path] = WEIGHTS[:-1]
    elif fault == "offline":
        monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    else:
        elsewhere = dataclasses.replace(elsewhere, address="http://127.0.0.1:9")
    refused(elsewhere, told)
    assert local(elsewhere) is None
