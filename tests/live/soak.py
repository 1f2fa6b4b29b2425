"""Does the player's memory stay flat? `python -m tests.live.soak MINUTES` moves an exported page's head for so long, and prints what it holds.

What is counted is what is alive after the browser has collected its garbage, in MB of its heap and in bytes outside of it that scripts hold.
"""

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

from perse.bench.live import random_controls

STEP = "async (controls) => { perse.player.set(controls); await perse.player.settled(); }"


def soak(page, avatar, frames: int, seed: int = 0) -> float:
    """Show so many random looks; returns megabytes that are alive afterwards."""
    for number in range(frames):
        page.evaluate(STEP, json.loads(random_controls(avatar, seed + number).to_json()))
    return held(page)


def held(page) -> float:
    """Megabytes of a page's scripts, the heap and the buffers outside of it, after a collection."""
    session = page.context.new_cdp_session(page)
    for _ in range(2):  # the second takes what the first has let go
        session.send("HeapProfiler.collectGarbage")
    use = session.send("Runtime.getHeapUsage")
    session.detach()
    return (use["usedSize"] + use.get("backingStorageSize", 0)) / 1e6


def main(minutes: float) -> None:
    from playwright.sync_api import sync_playwright

    from perse.live.bake import bake
    from perse.live.page import page_of
    from perse.ui.examples import EXAMPLES
    from tests.live.test_player import FLAGS

    avatar = EXAMPLES["astronaut"].load()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "head.html"
        path.write_bytes(page_of(bake(avatar, 30_000)))
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        page = browser.new_page(viewport={"width": 704, "height": 384})
        page.goto(path.as_uri())
        page.wait_for_selector("html[data-ready=whole]")
        end, seed = time.monotonic() + 60 * minutes, 0
        while time.monotonic() < end:
            megabytes, seed = soak(page, avatar, 20, seed), seed + 20
            print(f"{seed} frames: {megabytes:.1f} MB", flush=True)
        browser.close()


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 30.0)
