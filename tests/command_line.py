"""What tests of the command line ask: see the fixture `run` in conftest.py."""

import re
from pathlib import Path


def names(folder) -> list[str]:
    return sorted(p.name for p in Path(folder).iterdir())


def refused(run, told: str, *arguments) -> None:
    before = names(".")
    code, out, lines = run(*arguments)
    assert code == 2, (code, lines)
    assert len(lines) == 1 and re.search(told, lines[0], re.I), lines
    assert len(lines[0]) < 300
    assert out == "" and names(".") == before
