"""Many visitors at once: `python -m tests.proof.load --visitors 50 --seconds 300`. Prints JSON; exits 1 if anything went wrong.

`--live 200 --visitors 20 --builds 0 --files 0 --browser`: so many more fetch the page, an example and its live file and stay, as browsers do that
draw the head by themselves, and one real browser drags a slider all the while.

Every visitor opens the page, opens an example, sends an avatar file, or sends a photo and waits for its build; then asks for one preview
after another as fast as they come, saves now and then, and leaves. Each has a background and a pose of its own, by which its pictures are
recognised; what is kept of another visitor is asked for too, and must be refused. Wrong is: any error, a picture of another's, another's
avatar or secret that works, a visit or a file that stays. Too many requests at once may be refused with 503: that is counted.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import numpy as np

from perse.live.container import MAGIC

from .live_browser import drag_for
from .server import Server
from .targets import example
from .visitor import PATIENCE, Refused, Visitor, actions, portrait
from .visitor import client as browser

COLOURS = [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in product((0, 85, 170, 255), repeat=3)]  # far enough apart for JPEG
NEAR = 24  # levels by which a JPEG's background may miss its colour
SAVE_EVERY, STATE_EVERY = 25, 20.0  # previews between two saved pictures; seconds between two signs of life
BUDGET = 10
LIVE = "live"  # a kind of visitor
PLAYED = 0.2  # share of the time that a visitor must have played for their rate to count: a build may have taken the rest


@dataclass
class Seen:
    """What one visitor has met."""

    kind: str
    times: list[float] = field(default_factory=list)  # seconds that each preview took
    since: float = 0.0  # when the first was asked for
    until: float = 0.0
    refused: Counter = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    crossed: int = 0
    waited: list[str] = field(default_factory=list)  # what the page said of the line
    built: float = 0.0
    live: float = 0.0  # seconds until the live file was there
    live_bytes: int = 0
    requests: int = 0

    @property
    def rate(self) -> float:
        return len(self.times) / max(self.until - self.since, 1e-9) if self.times else 0.0


class Load:
    """Args: server; visitors, seconds, builds, files: how many, for how long, how many of them build or send an avatar file; size: of the previews;
    live: how many more draw by themselves."""

    def __init__(self, server: Server, visitors: int, seconds: float, builds: int, files: int, size: int, live: int = 0):
        self.server, self.seconds, self.size = server, seconds, size
        kinds = ["build"] * builds + ["file"] * files
        self.seen = [Seen(kinds[i] if i < len(kinds) else "example") for i in range(visitors)] + [Seen(LIVE) for _ in range(live)]
        self.known = actions(server.address)
        self.photo, self.avatar = portrait(), example()[0]
        self.visits: list[Visitor] = []
        self.samples: list[tuple[float, float, float]] = []  # seconds, MB of memory, MB of disk

    async def run(self) -> None:
        self.began = time.monotonic()
        watch = asyncio.create_task(self._watch())
        await asyncio.gather(*(self._visit(i) for i in range(len(self.seen))))
        watch.cancel()

    async def _watch(self) -> None:
        while True:
            self.samples.append(
                (time.monotonic() - self.began, *await asyncio.to_thread(lambda: (self.server.memory(), self.server.disk())))
            )
            await asyncio.sleep(2.0)

    async def _visit(self, i: int) -> None:
        seen = self.seen[i]
        async with browser() as client:
            visitor = Visitor(client, self.server.address, self.known, f"10.{i // 250}.7.{i % 250 + 1}")
            self.visits.append(visitor)
            there = None
            try:
                await self._patiently(seen, visitor.open)
                there = asyncio.create_task(_says_that_it_is_there(visitor))
                if seen.kind == LIVE:
                    await self._stay(visitor, seen)
                else:
                    await self._enter(visitor, seen)
                    await self._play(visitor, seen, i)
                await self._leave(visitor, i)
                seen.requests = visitor.requests
            except Exception as error:  # whatever a visitor meets is told
                seen.errors.append(f"{seen.kind}: {type(error).__name__}: {error}"[:400])
            finally:
                if there:
                    there.cancel()

    async def _patiently(self, seen: Seen, ask, *what):
        """Ask again after a while if the server is busy; what it said last if it still is after PATIENCE."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return await ask(*what)
            except Refused as no:
                if no.status != 503 and "Many people" not in str(no) or time.monotonic() > end:
                    raise
                seen.refused[ask.__name__] += 1
                await asyncio.sleep(1.0)

    async def _enter(self, visitor: Visitor, seen: Seen) -> None:
        if seen.kind == "example":
            await self._patiently(seen, visitor.example, "astronaut")
        elif seen.kind == "file":
            await self._patiently(seen, visitor.file, self.avatar)
        else:
            await self._patiently(seen, visitor.photo, "me.png", self.photo)
            start = time.monotonic()
            await self._patiently(seen, visitor.act, "perse-build click", f"Quick ({BUDGET} s)")

            def over(state):
                doing = state["doing"]["found"]
                if doing and doing["waiting"]:
                    seen.waited.append(f"{doing['text']}, your turn in about {doing['seconds']:.0f} s")
                return not state["busy"]

            await visitor.until(over, 1.0)
            await visitor.opened()
            seen.built = time.monotonic() - start

    async def _stay(self, visitor: Visitor, seen: Seen) -> None:
        """What a browser that draws by itself asks for: the page, its example, the live file; then it says that it is there."""
        began = time.monotonic()
        page = await visitor.ask("GET", "")
        await self._patiently(seen, visitor.example, "astronaut")
        data = (await visitor.ask("GET", f"perse/live/{visitor.avatar}")).content
        seen.live, seen.live_bytes = time.monotonic() - began, len(data)
        if b"perse.live" not in page.content or not data.startswith(MAGIC):
            seen.errors.append("no page or no live file")
        while time.monotonic() - self.began < self.seconds:
            await asyncio.sleep(1.0)

    async def _play(self, visitor: Visitor, seen: Seen, i: int) -> None:
        colour = np.array([int(COLOURS[i % len(COLOURS)][k : k + 2], 16) for k in (1, 3, 5)])
        seen.since = time.monotonic()
        while (now := time.monotonic()) - self.began < self.seconds or not seen.times:
            number = len(seen.times)
            look = {
                "yaw": (7 * i + 3 * number) % 60 - 30,
                "expression": {"smile": number % 10 / 10},
                "styles": {"beard": {"full": i % 5 / 5}},
            }
            picture = await self._patiently(seen, visitor.frame, look, self.size, COLOURS[i % len(COLOURS)])
            seen.times.append(time.monotonic() - now)
            seen.crossed += bool(np.abs(picture[2:6, 2:6].reshape(-1, 3).mean(0) - colour).max() > NEAR)
            if number % SAVE_EVERY == SAVE_EVERY - 1:
                saved = await self._patiently(seen, visitor.save, "picture.png", look)
                if not saved.startswith(b"\x89PNG"):
                    seen.errors.append("a saved picture is none")
                await self._pry(visitor, seen)
        seen.until = time.monotonic()

    async def _pry(self, visitor: Visitor, seen: Seen) -> None:
        """What is another's must not open."""
        other = next((v for v in self.visits if v is not visitor and v.avatar), None)
        if other is None:
            return
        for ask in (
            visitor.ask("POST", f"perse/frame/{other.avatar[::-1]}", content="{}"),
            visitor.film(avatar=other.avatar),
            visitor.ask("GET", "perse/state", headers={"X-Perse-Visit": other.avatar}),
        ):
            try:
                await ask
                seen.crossed += 1
            except Refused:
                pass

    async def _leave(self, visitor: Visitor, i: int) -> None:
        if i % 2:
            await visitor.end()
        else:
            await visitor.leave()


async def _says_that_it_is_there(visitor: Visitor) -> None:
    """As a page does, whatever else it waits for: a full machine may take longer for an example than a visit that says nothing lasts."""
    while True:
        await asyncio.sleep(STATE_EVERY)
        with suppress(Exception):
            await visitor.state()


def slope(samples: list[tuple[float, float]]) -> float:
    """Units a minute of (seconds, value) in the second half, by least squares."""
    late = [s for s in samples if s[0] >= samples[-1][0] / 2]
    return float(60 * np.polyfit(*zip(*late), 1)[0]) if len(late) > 2 else 0.0


def report(load: Load, server: Server, empty: dict, memory: dict, left: list[str]) -> dict:
    """The figures."""
    everybody = load.seen
    live, seen = ([s for s in everybody if (s.kind == LIVE) is own] for own in (True, False))
    times = np.array([t for s in seen for t in s.times])
    long = [s for s in seen if s.until - s.since >= PLAYED * load.seconds] or [s for s in seen if s.times]
    rates = np.array([s.rate for s in long])
    waits = [s.waited[0] for s in seen if s.waited]
    told = {
        "visitors": len(everybody),
        "kinds": Counter(s.kind for s in everybody),
        "seconds": load.seconds,
        "previews": len(times),
        "size": load.size,
        "previews_a_second_each": {
            "visitors": len(long),
            "slowest": rates.min(),
            "median": np.median(rates),
            "fastest": rates.max(),
            "slowest_by_median": rates.min() / np.median(rates),
        }
        if len(rates)
        else None,  # nobody had any: the errors say why
        "preview_seconds": {"p50": np.quantile(times, 0.5), "p95": np.quantile(times, 0.95), "longest": times.max()}
        if len(times)
        else None,
        "build_seconds_with_waiting": sorted(round(s.built, 1) for s in seen if s.built),
        "refused": sum((s.refused for s in everybody), Counter()),
        "told_while_waiting": waits[:3],
        "waited": len(waits),
        "memory_mb": {**memory, "peak": max(m for _, m, _ in load.samples), "slope_a_minute": slope([(t, m) for t, m, _ in load.samples])},
        "disk_mb": {"peak": max(d for *_, d in load.samples), "slope_a_minute": slope([(t, d) for t, _, d in load.samples])},
        "after": empty,
        "files_left": left,
        "odd_lines_of_the_log": server.odd()[:10],
        "errors": [e for s in everybody for e in s.errors],
        "crossed": sum(s.crossed for s in everybody),
    }
    if live:
        waited = [s.live for s in live if s.live_bytes]
        told["live"] = {
            "seconds_until_file": {"p50": np.quantile(waited, 0.5), "longest": max(waited)} if waited else None,
            "bytes": max(s.live_bytes for s in live),
            "requests_each": np.mean([s.requests for s in live]),
        }
    return json.loads(json.dumps(told), parse_float=lambda text: round(float(text), 3))


def wrong(told: dict) -> list[str]:
    """What should not have been."""
    return [name for name in ("errors", "crossed", "files_left", "odd_lines_of_the_log") if told[name]] + [
        f"{name} left" for name in ("visits", "avatars") if told["after"][name]
    ]


def run(
    visitors: int, seconds: float, builds: int, files: int, size: int, live: int = 0, browser: bool = False, patience: float = 300.0
) -> dict:
    """Start the page, load it, wait until everybody's visit is over."""
    with (
        tempfile.TemporaryDirectory(prefix="perse-load-") as folder,
        Server(Path(folder), PERSE_BUDGET=str(BUDGET), PERSE_MAX_AVATARS=str(visitors + live + 8)) as server,
        ThreadPoolExecutor(1) as beside,
    ):
        start, busy = server.memory(), server.processor()
        dragging = beside.submit(drag_for, server.address, seconds) if browser else None
        load = Load(server, visitors, seconds, builds, files, size, live)
        asyncio.run(load.run())
        busy = server.processor() - busy
        dragged = None if dragging is None else dragging.result()
        end = time.monotonic() + patience
        while (empty := server.health())["visits"] and time.monotonic() < end:
            time.sleep(1.0)
        left = server.left()
        told = report(
            load,
            server,
            {k: empty[k] for k in ("visits", "avatars", "held_mb", "lines", "frames")},
            {"start": start, "end": server.memory()},
            left,
        )
    told |= {"processor_seconds": round(busy, 1), "browser": dragged}
    return told | {"wrong": wrong(told) + ["browser"] * bool(dragged and (dragged["asked"] or dragged["errors"]))}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visitors", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--builds", type=int, default=8, help="visitors who send a photo")
    parser.add_argument("--files", type=int, default=10, help="visitors who send an avatar file")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--live", type=int, default=0, help="more visitors, who draw by themselves")
    parser.add_argument("--browser", action="store_true", help="and a real browser that drags")
    args = parser.parse_args(arguments)
    told = run(args.visitors, args.seconds, args.builds, args.files, args.size, args.live, args.browser)
    print(json.dumps(told, indent=1))
    return 1 if told["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
