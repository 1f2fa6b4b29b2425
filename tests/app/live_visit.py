"""What tests of the head in a visitor's own browser share."""

import io

import numpy as np
from PIL import Image

# Software draws slower than a visitor would wait for: here it may.
PATIENT = "perse.live.patience = Infinity"
LIVE = "perse.live.on && perse.live.player.frames > 0"
SETTLED = "async () => { await perse.live.player.whole; await perse.live.player.settled(); }"
# The visitor never lets go: the server's picture of what is at rest does not come.
HELD = "Object.defineProperty(perse.stage, 'held', { get: () => true, set: () => {} })"

# Of a motion with sound its beginning is enough; and how wide the mouth has been is remembered, however seldom software draws.
BRIEFLY = """async ([name, seconds]) => {
  const { live } = perse, told = await live.told(name), { player } = live, set = player.set;
  live.motions.set(name, { ...told, frames: told.frames.slice(0, seconds * told.fps) });
  perse.widest = 0;
  player.set = function (controls) {
    perse.widest = Math.max(perse.widest, controls.expression?.jaw_open ?? 0);
    return set.call(this, controls);
  };
}"""


def asked(v) -> list[str]:
    """Collects what the page asks for from now on; its sign of life is no part of it."""
    urls: list[str] = []
    v.page.on("request", lambda r: None if "/perse/state" in r.url or r.url.startswith("blob:") else urls.append(r.url))
    return urls


def stage(v) -> np.ndarray:
    """What the visitor sees of the head, (H, W, 3), without the buttons above it."""
    box = v.page.locator("#perse-canvas").bounding_box()
    clip = {"x": box["x"] + 60, "y": box["y"] + 60, "width": box["width"] - 120, "height": box["height"] - 130}
    return np.asarray(Image.open(io.BytesIO(v.page.screenshot(clip=clip))).convert("RGB")).astype(float)
