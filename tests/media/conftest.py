"""What tests of clips and sounds share."""

import os
import subprocess
from pathlib import Path

import pytest


def children() -> list[str]:
    """Command lines of this process's children."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(stat.read_text().rpartition(")")[2].split()[1]) == os.getpid():
                found.append(stat.with_name("cmdline").read_text().replace("\0", " "))
        except OSError:  # it has gone meanwhile
            pass
    return found


@pytest.fixture
def alone():
    """No child process is left when the test ends."""
    before = children()
    yield
    assert children() == before


@pytest.fixture
def started(monkeypatch) -> list[subprocess.Popen]:
    """The processes that are started meanwhile."""
    processes = []

    class Noted(subprocess.Popen):
        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            processes.append(self)

    monkeypatch.setattr(subprocess, "Popen", Noted)
    return processes
