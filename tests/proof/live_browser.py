"""A real browser that draws the head by itself, in software: `python -m tests.proof.live_browser`. Prints JSON; exits 1 if anything went wrong.

A page is started, and at once a visitor clicks an example in it: how long until its head has moved is told, then what a picture
costs the browser's main thread and the sorter's, what is asked of the server while the visitor drags, and how a film before the camera is
followed ("Mirror me"): curves a second, and how far the avatar's head lies behind what the camera shows, with pictures drawn and without,
since software shares the cores with all the rest. A film of a head that tilts is that camera; each of its frames carries its number in the
grey of its corner, so that the page knows which one it shows. Wrong is: an error of the page, or a request while the visitor drags.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from .server import Server

SOFTWARE = [
    "--headless",
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--autoplay-policy=no-user-gesture-required",
]
FRAMES, FPS, TILT = 120, 30, 12  # of the film: its length, frames a second, degrees to either side
CODE = 24  # pixels of the corner whose grey tells a frame's number
EXAMPLE = "astronaut"
DRAG = """async ([id, low, high, seconds]) => {
  const slider = document.getElementById(id), costs = [], sorts = [], before = perse.live.player.frames, began = performance.now();
  document.dispatchEvent(new PointerEvent("pointerdown"));
  while (performance.now() - began < 1000 * seconds) {
    slider.value = low + (high - low) * (0.5 + 0.5 * Math.sin((performance.now() - began) / 300));
    slider.dispatchEvent(new Event("input"));
    await perse.live.player.settled();
    const { pose, draw, sort } = perse.live.player.times;
    costs.push(pose + draw);
    sorts.push(sort);
    await new Promise(requestAnimationFrame);
  }
  document.dispatchEvent(new PointerEvent("pointerup"));
  return { costs, sorts, pictures: perse.live.player.frames - before };
}"""
# What the camera shows (the corner's grey, and when it was seen) and what the avatar's head does, with every picture of the display.
FOLLOW = """async ([seconds, code]) => {
  const view = document.getElementById("perse-mirror-view"), paper = new OffscreenCanvas(1, 1), pen = paper.getContext("2d", { willReadFrequently: true });
  const shown = [], did = [], rates = [], began = performance.now();
  let over = false;
  const look = (now, { presentationTime }) => {
    pen.drawImage(view, 4, 4, code - 8, code - 8, 0, 0, 1, 1);
    shown.push([presentationTime, pen.getImageData(0, 0, 1, 1).data[1]]);
    if (!over) view.requestVideoFrameCallback(look);
  };
  view.requestVideoFrameCallback(look);
  const seen = perse.mirror.seen;
  while (performance.now() - began < 1000 * seconds) {
    await perse.live.player.settled(); // its picture has been given to the browser
    did.push([performance.now(), perse.live.player.controls.head_roll ?? 0]);
    await new Promise(requestAnimationFrame);
  }
  over = true;
  return { shown, did, curves: (perse.mirror.seen - seen) / seconds };
}"""


def tilt(number) -> np.ndarray:
    """Degrees by which the head leans in a frame, whatever number of the film it has."""
    return TILT * np.sin(2 * np.pi * np.asarray(number) / FRAMES * 2)


def film(path: Path) -> Path:
    """The camera's film, 640 x 480, as YUV4MPEG."""
    import cv2
    from PIL import Image
    from skimage.data import astronaut

    face = Image.fromarray(astronaut()[:384]).resize((640, 480))
    with path.open("wb") as out:
        out.write(f"YUV4MPEG2 W640 H480 F{FPS}:1 Ip A1:1 C420jpeg\n".encode())
        for k in range(FRAMES):
            picture = np.array(face.rotate(float(tilt(k)), Image.Resampling.BICUBIC, center=(280, 176)))
            picture[:CODE, :CODE] = 8 + 2 * k
            out.write(b"FRAME\n" + cv2.cvtColor(picture, cv2.COLOR_RGB2YUV_I420).tobytes())
    return path


class Visitor:
    """Who uses the page in a browser. errors: what the page said; asked: addresses that it asked for."""

    def __init__(self, page, address: str):
        self.page, self.errors, self.asked = page, [], []
        page.set_default_timeout(600_000)
        page.on("pageerror", lambda e: self.errors.append(str(e)))
        page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        page.on("request", lambda r: None if r.url.startswith(("blob:", "data:")) or "/perse/state" in r.url else self.asked.append(r.url))
        page.goto(address)
        page.wait_for_selector("[data-example]")
        page.evaluate("perse.live.patience = Infinity")  # software draws slower than a visitor would wait for

    def first_picture(self) -> float:
        """Seconds from the click on an example until its head has moved."""
        return self.page.evaluate(
            """async (name) => {
              const began = performance.now();
              document.querySelector(`[data-example=${name}]`).click();
              while (!(perse.live.player?.frames > 1)) await new Promise((done) => setTimeout(done, 5));
              return (performance.now() - began) / 1000;
            }""",
            EXAMPLE,
        )

    def arrive(self) -> None:
        """Until the avatar is there, and all of its live file."""
        self.page.wait_for_function("document.body.dataset.view === 'play' && perse.live.on")
        self.page.evaluate("perse.live.player.whole")

    def drag(self, seconds: float) -> dict:
        """Move the head for so long; what it costs, in milliseconds a picture, and what is asked of the server meanwhile."""
        before = len(self.asked)
        seen = self.page.evaluate(DRAG, ["perse-head_yaw", -25, 25, seconds])
        asked = [url for url in self.asked[before:] if "/frame/" not in url]  # the server's picture after letting go
        return {
            "pictures_a_second": seen["pictures"] / seconds,
            "main_thread_ms": _spread(seen["costs"]),
            "sorting_ms": _spread(seen["sorts"]),
            "asked": asked,
        }

    def mirror(self, seconds: float) -> dict:
        """Be followed for so long."""
        page = self.page
        page.get_by_role("tab", name="Expression").click()
        page.locator("[data-allow=camera]").check()
        page.get_by_role("button", name="Mirror me").click()
        page.wait_for_function("perse.live.playing === 'mirror' && perse.mirror.seen > 5")
        lit = page.locator("#perse-camera-light").is_visible()
        seen = page.evaluate(FOLLOW, [seconds, CODE])
        page.evaluate("perse.live.stop()")
        page.wait_for_function("!document.getElementById('perse-mirror-view').srcObject")
        return {"curves_a_second": seen["curves"], "light": lit, **lag(np.array(seen["shown"]), np.array(seen["did"]))}


def lag(shown: np.ndarray, did: np.ndarray) -> dict:
    """How far rolls `did` (n, 2: milliseconds, degrees) lie behind frames `shown` (m, 2: milliseconds, grey): the shift that fits best."""
    truth = tilt((shown[:, 1] - 8) / 2)
    shifts = np.arange(0.0, 1000.0, 5.0)

    def fits(shift: float) -> float:
        inside = (did[:, 0] - shift > shown[0, 0]) & (did[:, 0] - shift < shown[-1, 0])
        return abs(float(np.corrcoef(np.interp(did[inside, 0] - shift, shown[:, 0], truth), did[inside, 1])[0, 1]))

    found = np.array([fits(s) for s in shifts])
    return {
        "lag_ms": float(shifts[found.argmax()]),
        "agrees": float(found.max()),
        "camera_a_second": 1000 / float(np.diff(shown[:, 0]).mean()),
    }


def _spread(values: list[float]) -> dict:
    return {"median": float(np.median(values)), "p95": float(np.quantile(values, 0.95))}


@contextmanager
def browser(camera: Path | None = None):
    """Chromium that draws in software, with a film as its camera."""
    from playwright.sync_api import sync_playwright

    extra = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", f"--use-file-for-fake-video-capture={camera}"]
    with sync_playwright() as playwright:
        path = os.environ.get("CHROMIUM") or shutil.which("chromium")
        found = playwright.chromium.launch(executable_path=path, args=SOFTWARE + (extra if camera else []))
        try:
            yield found
        finally:
            found.close()


def drag_for(address: str, seconds: float) -> dict:
    """Open the page and its example, and drag for so long beside whatever else goes on."""
    with browser() as chromium:
        visitor = Visitor(chromium.new_page(viewport={"width": 700, "height": 640}), address)
        first = visitor.first_picture()
        visitor.arrive()
        told = visitor.drag(seconds)
        return json.loads(json.dumps({"first_picture_seconds": first, **told, "errors": visitor.errors}))


def run(seconds: float, size: tuple[int, int] = (700, 640)) -> dict:
    """Start the page and look at it from a browser."""
    with tempfile.TemporaryDirectory(prefix="perse-live-") as folder:
        started = time.monotonic()
        with browser(film(Path(folder) / "camera.y4m")) as chromium, Server(Path(folder)) as server:
            visitor = Visitor(chromium.new_page(viewport=dict(zip(("width", "height"), size))), server.address)
            told: dict = {"server_age_at_click": time.monotonic() - started}
            told["first_picture_seconds"] = visitor.first_picture()
            visitor.arrive()
            while server.health()["warming_seconds"]:  # what follows is no measure of a machine that compiles
                time.sleep(1.0)
            told["drag"] = visitor.drag(seconds)
            told["mirror_drawn"] = visitor.mirror(seconds)
            visitor.page.evaluate("() => { perse.live.player.gpu.draw = () => {}; }")
            told["mirror_not_drawn"] = visitor.mirror(seconds)
            told["errors"], told["files_left"], told["odd_lines_of_the_log"] = list(visitor.errors), server.left(), server.odd()[:5]
    told["wrong"] = [n for n in ("errors", "odd_lines_of_the_log") if told[n]] + ["asked while dragging"] * bool(told["drag"]["asked"])
    return json.loads(json.dumps(told), parse_float=lambda text: round(float(text), 3))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="that the head is dragged, and followed")
    told = run(parser.parse_args(arguments).seconds)
    print(json.dumps(told, indent=1))
    return 1 if told["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
