"""What the pages of documentation name is there, and the first page stays short."""

import importlib.util
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from perse.attributes import hair_beard_skin_makeup, worn_things
from perse.attributes.edit_vocabulary import Axis, Style
from perse.cli import parser
from perse.controls import Controls
from perse.edits import hats
from perse.edits.workshop import Workshop

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")] + sorted((ROOT / "docs").glob("*.md"))
PATH = re.compile(r"`((?:perse|tests|docs|assets)/[\w./-]*|\w+\.(?:py|toml|txt|md))`")
LINK = re.compile(r"\]\((?!https?:)([^)#]+)(?:#([\w-]+))?\)")
COMMAND = re.compile(r"^(?:accelerate launch -m|python -m) perse ([^#\n]+)", re.M)


NAMES = {
    path.name for folder in ("perse", "tests", "docs") for path in (ROOT / folder).rglob("*")
}  # for those that are named without a folder


def named(text: str) -> set[str]:
    """Paths that a page names as such."""
    return {path.rstrip("/.") for path in PATH.findall(text)}


def anchors(text: str) -> set[str]:
    """Where a link into a page can point to."""
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.+)$", text, re.M)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_and_link_leads_somewhere(page):
    text = page.read_text()
    assert not [path for path in named(text) if not (ROOT / path).exists() and path not in NAMES]
    for target, anchor in LINK.findall(text):
        assert (page.parent / target).exists(), target
        assert not anchor or anchor in anchors((page.parent / target).read_text()), f"{target}#{anchor}"


def test_where_to_change_what_is_answered_for_every_package():
    packages = {path.parent.name for path in (ROOT / "perse").glob("*/__init__.py")}
    told = named((ROOT / "docs/architecture.md").read_text())
    assert packages <= {path.removeprefix("perse/") for path in told}
    assert len(named((ROOT / "CONTRIBUTING.md").read_text())) > 20


def test_the_commands_of_the_pages_are_understood():
    lines = [line.strip() for page in PAGES for line in COMMAND.findall(page.read_text())]
    assert len(lines) > 15
    for line in lines:
        parser().parse_args(shlex.split(line))


def test_the_examples_of_attributes_are_what_the_code_takes(rig, texture):
    line, direction, new = re.findall(r"```python\n(.*?)```", (ROOT / "docs/attributes.md").read_text(), re.S)
    assert isinstance(eval(line.strip().rstrip(","), vars(hair_beard_skin_makeup).copy()), Style)
    assert isinstance(eval(direction.strip().rstrip(","), vars(hair_beard_skin_makeup).copy()), Axis)
    worn, builder = re.sub(r"  +# perse/.*", "", new).split("\n\n", 1)
    assert isinstance(eval(worn.strip().rstrip(","), vars(worn_things).copy()), Axis)
    names = vars(hats).copy()
    exec(builder, names)
    mesh = names["fez"](Workshop(rig, texture).head, np.array([0.5, 0.1, 0.1], np.float32))
    assert len(mesh.triangles) > 100 and np.isfinite(mesh.offset).all()


def test_the_first_page_is_short():
    assert len((ROOT / "README.md").read_bytes()) < 10_000


def test_the_page_of_controls_is_what_the_code_has():
    spec = importlib.util.spec_from_file_location("make_controls", ROOT / "docs/make_controls.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    assert (ROOT / "docs/controls.md").read_text(encoding="utf-8") == made.page(), "run PYTHONPATH=. python docs/make_controls.py"
    assert Controls.from_json(made.EXAMPLE) == Controls(
        expression={"smile": 0.8}, attributes={"nose_width": 0.5}, styles={"beard": {"full": 0.66}}, head_yaw=-15, yaw=20
    )
