"""Visitors who come one after another, each from photo to goodbye: `python -m tests.proof.returning --visits 10`. Prints JSON; exits 1 if
anything went wrong.

Each uploads a photo, builds, looks at pictures of ever new looks, and leaves; then the page's memory is measured, when it has tidied. Wrong is:
an error, a growth above --growth MB from the second half's first visit to the last, files left.
"""

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from pathlib import Path

import httpx

from .. import hostile_controls
from .server import Server
from .targets import known
from .visitor import Visitor, actions, portrait

BUDGET = 10  # seconds of a build
CALM = 4.0  # seconds after which what a visit leaves has been tidied


async def _visit(server: Server, known_actions: dict[str, int], pictures: int, looks) -> None:
    async with httpx.AsyncClient(timeout=1800.0) as client:
        visitor = await Visitor(client, server.address, known_actions).open()
        await visitor.photo("me.png", portrait())
        await visitor.build(f"Quick ({BUDGET} s)")
        for _ in range(pictures):
            await visitor.frame(next(look for kind, look in looks if kind == "valid" and len(look) < 30_000))
        await visitor.end()


def run(visits: int, pictures: int, seed: int, growth: float) -> dict:
    """Start the page, and let them come."""
    with tempfile.TemporaryDirectory(prefix="perse-returning-") as folder, Server(Path(folder), PERSE_BUDGET=str(BUDGET)) as server:
        while server.health()["warming_seconds"]:
            time.sleep(0.5)
        time.sleep(CALM)
        memory, errors = [round(server.memory())], []
        looks = hostile_controls.controls(random.Random(seed), known())
        found = actions(server.address)
        for _ in range(visits):
            try:
                asyncio.run(_visit(server, found, pictures, looks))
            except Exception as error:  # noqa: BLE001  (told at the end)
                errors.append(repr(error)[:300])
            time.sleep(CALM)
            memory.append(round(server.memory()))
            print(memory, file=sys.stderr, flush=True)
        late = memory[len(memory) // 2 :]
        told = {
            "visits": visits,
            "memory_mb": {"idle": memory[0], "after_each": memory[1:]},
            "growth_mb": max(late) - late[0],
            "errors": errors,
            "files_left": server.left(),
            "odd_lines_of_the_log": server.odd()[:10],
        }
    told["wrong"] = [n for n in ("errors", "files_left", "odd_lines_of_the_log") if told[n]] + ["growth"] * (told["growth_mb"] > growth)
    return told


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visits", type=int, default=10)
    parser.add_argument("--pictures", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--growth", type=float, default=50.0, help="MB in the second half")
    args = parser.parse_args(arguments)
    told = run(args.visits, args.pictures, args.seed, args.growth)
    print(json.dumps(told, indent=1))
    return 1 if told["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
