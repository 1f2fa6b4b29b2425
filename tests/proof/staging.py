"""What faults need: a page that somebody visits, a small disk, waiting, the command line; and whether all is well again afterwards."""

import asyncio
import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx

from .server import Server
from .targets import ROOT
from .visitor import Refused, Visitor, actions
from .visitor import client as browser


class Skip(Exception):
    """This machine does not permit it."""


@contextlib.contextmanager
def visiting(server: Server, example_name: str | None = "astronaut") -> Iterator[tuple[asyncio.Runner, Visitor]]:
    """A visitor of the server, with a ready-made avatar, and what runs its coroutines."""
    with asyncio.Runner() as runner:
        client = browser()
        try:
            visitor = runner.run(Visitor(client, server.address, actions(server.address)).open())
            if example_name:
                runner.run(visitor.example(example_name))
            yield runner, visitor
        finally:
            with contextlib.suppress(httpx.HTTPError, RuntimeError):
                runner.run(client.aclose())


def until(condition: Callable[[], object], what: str, patience: float = 300.0) -> object:
    """The condition's first true value; AssertionError if it never comes."""
    end = time.monotonic() + patience
    while not (value := condition()):
        assert time.monotonic() < end, f"in vain waited for: {what}"
        time.sleep(0.05)
    return value


def sentence(runner: asyncio.Runner, coroutine) -> str:
    """What a call is refused with; AssertionError if it is not."""
    try:
        runner.run(coroutine)
    except Refused as no:
        assert len(str(no)) > 15 and "\n" not in str(no) and "Traceback" not in str(no) and "Errno" not in str(no) and "/" not in str(no), (
            str(no)
        )
        return str(no)
    raise AssertionError("it was not refused")


def works(server: Server) -> None:
    """A new visitor gets a picture."""
    with visiting(server) as (runner, visitor):
        assert runner.run(visitor.frame({"yaw": 5.0}, 128)).shape == (128, 128, 3)
        runner.run(visitor.end())


def served(server: Server, line: str) -> int:
    return server.health()["lines"][line]["served"]


@contextlib.contextmanager
def disk(folder: Path, options: str) -> Iterator[Path]:
    """A tmpfs of its own."""
    folder.mkdir(parents=True, exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True).returncode:
        raise Skip("mounting is not permitted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Take all the room that is left."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(1 << 16))
    return path


def program(*arguments: object, **environment: str) -> subprocess.CompletedProcess:
    """The command line; AssertionError if its end is not one of the agreed."""
    done = subprocess.run(
        [sys.executable, "-m", "perse", *map(str, arguments)], cwd=ROOT, env=os.environ | environment, capture_output=True, text=True
    )
    assert done.returncode in (0, 2) and "Traceback" not in done.stderr, f"exit code {done.returncode}: {done.stderr[-1500:]}"
    return done


def plain(html: str) -> str:
    """What a piece of the page says of a failure; AssertionError if it says none, or something that is not for visitors."""
    assert "perse-message" in html, html[:300]
    text = " ".join(re.sub("<[^>]*>", " ", html).split())
    assert not any(word in text for word in ("Traceback", "Errno", "/")), text
    return text


# ------------------------------------------------------------------ killed
