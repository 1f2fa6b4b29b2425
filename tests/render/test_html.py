"""The exported page: complete in itself, holds the cloud, and draws what the rasterizer draws."""

import base64
import io
import json
import re

import numpy as np
import pytest
import torch
from PIL import Image

from perse.errors import PerseError
from perse.render.camera import Camera
from perse.render.cloud import GaussianCloud
from perse.render.html import BYTES, pack, write_html
from perse.render.rasterize import rasterize
from perse.render.synthetic import SOURCE_TYPE, sentence

SIZE = 256
FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
]


@pytest.fixture
def cloud():
    """A thousand overlapping, elongated Gaussians in front of the camera, some of them invisible."""
    random = torch.Generator().manual_seed(3)
    opacities = torch.rand(1000, generator=random) * 0.9 + 0.05
    opacities[:100] = 0.003
    return GaussianCloud(
        torch.randn(1000, 3, generator=random) * 0.5,
        3 * torch.randn(1000, 4, generator=random),
        torch.exp(torch.rand(1000, 3, generator=random) * 3 - 4.5),
        opacities,
        torch.rand(1000, 3, generator=random),
    )


@pytest.fixture
def camera():
    view = np.eye(4)
    view[2, 3] = 4.0
    return Camera(view, np.array([[420.0, 0, 120], [0, 420, 140], [0, 0, 1]]), SIZE, SIZE).orbit(15, 10, 0, np.zeros(3))


def parts(path) -> tuple[str, dict, bytes]:
    page = path.read_text()
    scene = json.loads(re.search(r'id="scene">(.*?)</script>', page, re.S).group(1))
    return page, scene, base64.b64decode(re.search(r'id="cloud">(.*?)</script>', page, re.S).group(1))


def test_the_page_is_complete_and_holds_every_visible_gaussian(cloud, camera, tmp_path):
    write_html(cloud, camera, tmp_path / "head.html")
    page, scene, data = parts(tmp_path / "head.html")
    assert scene["count"] == 900 and len(data) == 900 * BYTES
    page = page.replace(base64.b64encode(data).decode(), "")
    said = f'<meta name="description" content="{sentence("3D head")}">\n<meta name="DigitalSourceType" content="{SOURCE_TYPE}">'
    assert said in page
    page = page.replace(said, "")
    assert not re.search(r"https?:|//[a-z]|\bfetch\(|XMLHttpRequest|import\(|<link rel=.stylesheet|src=", page)
    assert "__" not in page
    assert [item.name for item in tmp_path.iterdir()] == ["head.html"]


def test_packing_keeps_what_can_be_seen(cloud):
    data, ranges = pack(cloud)
    n = len(cloud)
    steps = np.frombuffer(data, "<u2", 6 * n).reshape(2, n, 3).astype(float) / 65535
    low, extent = np.array(ranges["places"]).T
    np.testing.assert_allclose(low + steps[0] * extent, cloud.means, atol=1e-4)
    np.testing.assert_allclose(np.exp(ranges["sizes"][0] + steps[1] * ranges["sizes"][1]), cloud.scales, rtol=1e-3)
    turns = np.frombuffer(data, np.int8, 4 * n, 12 * n).reshape(n, 4) / 127
    np.testing.assert_allclose(turns, torch.nn.functional.normalize(cloud.quats, dim=-1), atol=1 / 127)
    paints = np.frombuffer(data, np.uint8, 4 * n, 16 * n).reshape(n, 4) / 255
    np.testing.assert_allclose(paints, torch.cat([cloud.colors, cloud.opacities[:, None]], 1), atol=0.5 / 255 + 1e-6)


def test_an_empty_cloud_is_a_page_too(cloud, camera, tmp_path):
    write_html(cloud.select(torch.zeros(1000, dtype=torch.bool)), camera, tmp_path / "none.html")
    assert parts(tmp_path / "none.html")[1]["count"] == 0


def test_a_missing_folder_is_one_sentence(cloud, camera, tmp_path):
    with pytest.raises(PerseError, match="head.html"):
        write_html(cloud, camera, tmp_path / "nowhere" / "head.html")


@pytest.mark.slow
def test_the_browser_draws_what_the_rasterizer_draws(cloud, camera, tmp_path, launch):
    write_html(cloud, camera, tmp_path / "head.html", pivot=np.zeros(3))
    requests, errors = [], []
    browser = launch(FLAGS)
    page = browser.new_page(viewport={"width": SIZE, "height": SIZE})
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))

    def shot() -> np.ndarray:
        page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        return np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB")).astype(int)

    page.goto((tmp_path / "head.html").as_uri())
    page.wait_for_function("document.documentElement.dataset.ready == '900'")
    page.evaluate("note.hidden = true")
    first = shot()
    page.mouse.move(100, 100)
    page.mouse.down()
    page.mouse.move(150, 100, steps=3)
    page.mouse.up()
    turned = shot()
    page.mouse.dblclick(100, 100)
    reset = shot()
    page.mouse.wheel(0, -400)
    zoomed = shot()
    browser.close()
    assert len(requests) == 1 and not errors

    def expected(view: Camera) -> np.ndarray:
        rgb, _ = rasterize(cloud, view, backgrounds=torch.full((3,), 237 / 255))
        return rgb[0].numpy() * 255

    def error(shown, view) -> float:
        return float(np.abs(shown - expected(view)).mean())

    assert expected(camera).std() > 20  # there is something to see
    assert error(first, camera) < 1.5
    assert np.array_equal(first, reset)
    # Dragging to the right turns what is in front to the right: a negative yaw of 0.008 radians a pixel.
    assert error(turned, camera.orbit(-np.degrees(0.4), 0, 0, np.zeros(3))) < 1.5
    assert error(turned, camera) > 10
    assert np.abs(zoomed - first).mean() > 10
