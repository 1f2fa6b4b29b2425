"""Previews for a long time: `python -m tests.proof.soak --previews 20000` (or --seconds 30). Prints JSON; exits 1 if anything went wrong.

A few visitors with a ready-made avatar each ask for pictures of ever new looks, sizes and backgrounds, for strips, random looks and saved files.
Memory is sampled between; its slope is that of the second half. Wrong is: an error, a growth above --growth MB for each 1,000 previews, files left.
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
import numpy as np

from .. import hostile_controls
from .load import COLOURS, STATE_EVERY
from .server import Server
from .targets import known
from .visitor import Refused, Visitor, actions
from .visitor import client as browser

OTHER = 0.04  # share of other requests among the previews
HOSTILE = 0.05  # of hostile looks that are sent
LONG = 30_000  # characters: longer ones are refused, or cut off
SAMPLE = 2.0  # seconds
MANY = 20  # errors after which a visitor gives up


class Soak:
    """Args: server; previews: how many, None for as many as fit; seconds: for how long at most; visitors: at once."""

    def __init__(self, server: Server, previews: int | None, seconds: float, visitors: int, seed: int):
        self.server, self.previews, self.seconds, self.visitors = server, previews, seconds, visitors
        self.rng, self.actions, self.names = random.Random(seed), actions(server.address), known()
        self.done, self.others, self.refused, self.errors = 0, 0, 0, []
        self.samples: list[tuple[int, float]] = []  # previews so far, MB

    def over(self) -> bool:
        return time.monotonic() - self.began > self.seconds or self.previews is not None and self.done >= self.previews

    async def run(self) -> None:
        self.began = time.monotonic()
        watch = asyncio.create_task(self._watch())
        await asyncio.gather(*(self._visit(i) for i in range(self.visitors)))
        watch.cancel()

    async def _watch(self) -> None:
        while True:
            self.samples.append((self.done, await asyncio.to_thread(self.server.memory)))
            await asyncio.sleep(SAMPLE)

    async def _visit(self, i: int) -> None:
        async with browser() as client:
            visitor = await Visitor(client, self.server.address, self.actions, f"10.1.7.{i + 1}").open()
            await visitor.example(("astronaut", "hopper")[i % 2])
            alive = time.monotonic()
            looks = hostile_controls.controls(self.rng, self.names)
            while not self.over():
                kind, look = next(looks)
                if len(look) > LONG or kind != "valid" and self.rng.random() > HOSTILE:
                    continue
                try:
                    if time.monotonic() - alive > STATE_EVERY:
                        alive = time.monotonic()
                        await visitor.state()
                    await self._one(visitor, look)
                except Refused as no:
                    self.refused += 1
                    if no.status not in (400, 503):
                        self.errors.append(str(no)[:300])
                        if no.status in (403, 404):  # what it had is gone, and so is every further answer
                            return
                except httpx.HTTPError as error:
                    self.errors.append(repr(error)[:300])
                    if len(self.errors) > MANY:
                        return
            await visitor.end()

    async def _one(self, visitor: Visitor, look: str | bytes) -> None:
        rng = self.rng
        if rng.random() > OTHER:
            background = rng.choice((*COLOURS, "original", "grey"))
            size = rng.choice((128, 256, 256, 384, 512, 512))
            picture = await visitor.frame(look, size, background)
            self.done += 1
            if picture.shape != (size, size, 3):
                self.errors.append(f"a picture of shape {picture.shape}")
            return
        self.others += 1
        token = visitor.avatar
        await rng.choice(
            (
                lambda: visitor.state(),
                lambda: visitor.save("picture.png", look),
                lambda: visitor.save("gaussians.ply", look),
                lambda: visitor.ask("GET", f"perse/info/{token}"),
                lambda: visitor.ask("GET", f"perse/random/{token}?seed={rng.randrange(9999)}"),
                lambda: visitor.ask("POST", f"perse/styles/{token}?category=beard"),
                lambda: visitor.ask("POST", f"perse/motion/{token}?name=nod"),
            )
        )()


def run(previews: int | None, seconds: float, visitors: int, seed: int, growth: float) -> dict:
    """Start the page and soak it."""
    with tempfile.TemporaryDirectory(prefix="perse-soak-") as folder, Server(Path(folder)) as server:
        soak = Soak(server, previews, seconds, visitors, seed)
        asyncio.run(soak.run())
        late = np.array([s for s in soak.samples if s[0] >= soak.done / 2] or soak.samples[-1:], float)
        slope = float(1000 * np.polyfit(*late.T, 1)[0]) if len(late) >= 10 else 0.0
        told = {
            "previews": soak.done,
            "other_requests": soak.others,
            "refused": soak.refused,
            "seconds": round(time.monotonic() - soak.began),
            "visitors": visitors,
            "previews_a_second": round(soak.done / (time.monotonic() - soak.began), 2),
            "memory_mb": {
                "first": round(soak.samples[0][1]),
                "half": round(late[0][1]),
                "last": round(soak.samples[-1][1]),
                "peak": round(max(m for _, m in soak.samples)),
                "slope_a_1000_previews": round(slope, 2),
            },
            "errors": soak.errors[:20],
            "files_left": server.left(),
            "odd_lines_of_the_log": server.odd()[:10],
            "after": server.health(),
        }
    told["wrong"] = [n for n in ("errors", "files_left", "odd_lines_of_the_log") if told[n]] + ["growth"] * (slope > growth)
    return told


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--previews", type=int)
    parser.add_argument("--seconds", type=float, default=7200.0)
    parser.add_argument("--visitors", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--growth", type=float, default=5.0, help="MB for each 1,000 previews in the second half")
    args = parser.parse_args(arguments)
    told = run(args.previews, args.seconds, args.visitors, args.seed, args.growth)
    print(json.dumps(told, indent=1))
    return 1 if told["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
