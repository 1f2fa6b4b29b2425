"""The page in a frame of another origin, as a hosted Space shows it."""

import http.server
import threading

import pytest

FRAME = """<!doctype html><title>Somebody else's page</title>
<iframe id="space" src="{address}" allow="{allow}" style="width: 1200px; height: 1400px; border: 0"
  sandbox="allow-scripts allow-same-origin allow-forms allow-downloads allow-popups allow-modals"></iframe>"""


@pytest.fixture
def framed(browser, server):
    """framed(allow): the page's frame inside a page of another origin, with what that allows it."""
    pages, servers = [], []

    def show(allow: str):
        class Around(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(FRAME.format(address=server, allow=allow).encode())

            def log_message(self, *args):
                pass

        around = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Around)
        threading.Thread(target=around.serve_forever, daemon=True).start()
        servers.append(around)
        page = browser.new_context(accept_downloads=True, viewport={"width": 1280, "height": 1400}).new_page()
        pages.append(page)
        page.goto(f"http://localhost:{around.server_port}")  # another host than the page's 127.0.0.1
        frame = page.locator("#space").element_handle().content_frame()
        frame.wait_for_selector("#perse-build")
        return page, frame

    yield show
    for page in pages:
        page.context.close()
    for around in servers:
        around.shutdown()


def test_upload_reload_and_download_work_in_a_frame(framed, astronaut):
    page, frame = framed("camera; microphone; clipboard-read; clipboard-write; fullscreen; autoplay")
    frame.locator("#perse-photo input[type=file]").first.set_input_files(astronaut)
    frame.wait_for_selector(".perse-found", timeout=60_000)
    frame.evaluate("location.reload()")
    frame.wait_for_selector(".perse-found", timeout=60_000)
    frame.locator("[data-example=hopper]").click()
    frame.wait_for_function("document.body.dataset.view === 'play' && perse.stage.frames > 0", timeout=60_000)
    frame.get_by_role("tab", name="Save").click()
    with page.expect_download() as download:
        frame.locator("#perse-png").click()
    assert download.value.suggested_filename.startswith("grace-hopper-picture-20")
    assert page.context.cookies() == [], "nothing needs a cookie, which a browser may refuse in a frame"
    assert not frame.evaluate("'SharedArrayBuffer' in window"), "and nothing shared memory, which the frame does not have"


def test_what_a_frame_does_not_allow_is_said(framed):
    _, frame = framed("")
    for label, word in (("Capture from camera", "camera"), ("Paste from clipboard", "clipboard")):
        frame.get_by_label(label).click()
        frame.wait_for_function(
            f"document.getElementById('perse-toast')?.textContent.includes('does not allow') && "
            f"document.getElementById('perse-toast').textContent.includes('{word}')",
            timeout=60_000,
        )
