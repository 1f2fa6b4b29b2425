"""The programs in the documentation run as they stand there, but for the address and the time that a build takes."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from perse.avatar.io import load_avatar

from .conftest import BUDGET, ROOT

pytestmark = pytest.mark.slow


def programs() -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / "docs/command_line.md").read_text(encoding="utf-8"), re.S)


def test_the_programs_are_the_ones_that_run_here():
    assert [name for text in programs() for name in ("iterdir", "gradio_client", "picture = pipeline.render") if name in text] == [
        "picture = pipeline.render",
        "iterdir",
        "gradio_client",
    ]


def test_the_page_is_called_from_python(server, astronaut, tmp_path, monkeypatch):
    shutil.copy(astronaut, tmp_path / "selfie.jpg")
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    exec(programs()[2].replace("http://localhost:7860", server).replace("budget=25", f"budget={BUDGET}"), names)
    try:
        assert Image.open(names["picture"]).size == (512, 512)
        assert Path(names["film"]).suffix == ".mp4" and Path(names["film"]).stat().st_size > 10_000
    finally:
        names["client"].close()


def test_one_photo_and_many_are_built_from_python(small_builds, astronaut, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copy(astronaut, tmp_path / "selfie.jpg")
    names: dict = {}
    exec(programs()[0], names)
    assert names["picture"].shape == (512, 512, 3) and np.ptp(names["picture"]) > 100
    (tmp_path / "photos").mkdir()
    shutil.copy(astronaut, tmp_path / "photos" / "a.png")
    (tmp_path / "photos" / "b.txt").write_text("no photo", encoding="utf-8")
    exec(programs()[1], {})
    assert load_avatar(tmp_path / "photos" / "a.safetensors").source is not None
    assert capsys.readouterr().out.startswith("b.txt: This file is not a photo")
