"""A visitor with a real browser, for the tests of the page."""

import asyncio
from contextlib import suppress

from playwright.sync_api import Error

from .conftest import ROOT

SHOTS = ROOT / "outputs" / "screenshots"
PICTURE = "document.getElementById('perse-canvas').toDataURL()"
DRAG = """async ([id, to]) => {
  const slider = document.getElementById(id);
  for (let i = 1; i <= 15; i++) {
    slider.value = (to * i) / 15;
    slider.dispatchEvent(new Event("input"));
    await new Promise((done) => setTimeout(done, 33));
  }
  slider.dispatchEvent(new Event("change"));
}"""
CONTRAST = """(element) => {
  const numbers = (colour) => colour.match(/[0-9.]+/g).map(Number);
  const light = (colour) => {
    const [r, g, b] = numbers(colour).map((c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const text = light(getComputedStyle(element).color);
  let on = element;
  while (on.parentElement && numbers(getComputedStyle(on).backgroundColor)[3] === 0) on = on.parentElement;
  const ground = light(getComputedStyle(on).backgroundColor);
  return (Math.max(text, ground) + 0.05) / (Math.min(text, ground) + 0.05);
}"""
CLOSES = 30  # seconds after which a page or a context that is to be closed is left to the browser's end
HANGS = 600_000  # milliseconds after which whatever a test waits for will never come; no test waits for less


class Visit:
    """One visitor with an own browser context; remembers page errors and requests to other hosts."""

    def __init__(self, browser, server, **options):
        self.context = browser.new_context(accept_downloads=True, **{"viewport": {"width": 1280, "height": 900}, **options})
        self.context.set_default_timeout(HANGS)
        self.page = self.context.new_page()
        self.slowed = None
        self.errors, self.elsewhere = [], []
        self.page.on("pageerror", lambda e: self.errors.append(str(e)))
        self.page.on("console", lambda m: self.errors.append(f"{m.text} {m.location}") if m.type == "error" else None)
        self.page.on("request", lambda r: None if r.url.startswith((server, "data:", "blob:")) else self.elsewhere.append(r.url))
        self.page.goto(server)
        self.page.wait_for_selector("#perse-build")

    def open(self, avatar_file):
        with self.page.expect_file_chooser() as chooser:
            self.page.get_by_text("Open an avatar file").click()
        chooser.value.set_files(avatar_file)
        self.wait_for_avatar()
        return self

    def wait_for_avatar(self):
        self.page.wait_for_function("document.body.dataset.view === 'play' && perse.stage.frames > 0")
        self.rest()

    def rest(self):
        self.page.wait_for_function("!perse.stage.busy && !perse.stage.wanted")

    def picture(self):
        self.rest()
        return self.page.evaluate(PICTURE)

    def slow_down(self, times):
        self.slowed = self.slowed or self.context.new_cdp_session(self.page)
        self.slowed.send("Emulation.setCPUThrottlingRate", {"rate": times})

    def close(self):
        if self.slowed:  # a browser may wait for ever for a page that is being slowed down to end
            self.slow_down(1)
            self.slowed.detach()
        # Asked to end a context whose page is just being left, the browser has been seen never to answer: the page settles first, and
        # whatever becomes of the context, the test goes on.
        with suppress(Error):
            self.page.goto("about:blank", timeout=1000 * CLOSES)
        with suppress(Error, TimeoutError):
            self.context._sync(asyncio.wait_for(self.context._impl_obj.close(reason=None), CLOSES))

    def drag(self, slider, to):
        self.page.evaluate(DRAG, [slider, to])

    def shot(self, name, full=False):
        SHOTS.mkdir(parents=True, exist_ok=True)
        # Colours fade into a new theme: a picture taken on the way shows what nobody sees. Endless animations may go on.
        self.page.wait_for_function("document.getAnimations().every((a) => !(a instanceof CSSTransition) || a.playState !== 'running')")
        self.page.screenshot(path=SHOTS / f"{name}.png", full_page=full)
