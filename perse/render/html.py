"""A cloud as one .html file that shows itself: our own WebGL 2 splat viewer (viewer.html) with the data inside."""

import base64
import json
from pathlib import Path

import numpy as np
import torch

from ..files import write_atomically
from . import synthetic
from .camera import Camera
from .cloud import GaussianCloud

BYTES = 20  # a Gaussian takes in the file, before base64
_MIN_OPACITY = 1.0 / 255.0
_TEMPLATE = Path(__file__).with_name("viewer.html")


def write_html(cloud: GaussianCloud, camera: Camera, path: str | Path, pivot=None) -> None:
    """Write a page that shows `cloud`, less the Gaussians too faint to be drawn (opacity < 1/255).

    The page makes no request to anyone, opens with the view of `camera` fitted into the window, and lets the visitor
    turn the head about `pivot` and zoom. Any browser with WebGL 2 shows it. Its meta tags say that it is synthetic.

    Args:
        pivot: (3,) world point that turning leaves in place; None takes the middle of the cloud.

    Raises:
        PerseError: if the file cannot be written. It appears whole or not at all.
    """
    cloud = cloud.detach().to("cpu")
    cloud = cloud.select(cloud.opacities >= _MIN_OPACITY)
    if pivot is None:
        pivot = cloud.means.median(0).values if len(cloud) else np.zeros(3)
    data, ranges = pack(cloud)
    K = camera.K
    scene = {
        "count": len(cloud),
        **ranges,
        "view": camera.viewmat.tolist(),
        "pivot": [float(x) for x in pivot],
        "lens": [float(K[0, 0]), float(K[1, 1]), float(K[0, 2]), float(K[1, 2])],
        "width": camera.width,
        "height": camera.height,
    }
    page = _TEMPLATE.read_text(encoding="utf-8")
    page = page.replace("__SENTENCE__", synthetic.sentence("3D head")).replace("__SOURCE_TYPE__", synthetic.SOURCE_TYPE)
    page = page.replace("__SCENE__", json.dumps(scene)).replace("__CLOUD__", base64.b64encode(data).decode())
    write_atomically(path, page.encode("utf-8"))


def pack(cloud: GaussianCloud) -> tuple[bytes, dict]:
    """A cloud in BYTES bytes a Gaussian, and what is needed to read it.

    Planar little-endian arrays: means (N,3) uint16 and the logarithms of the scales (N,3) uint16, both counted within
    their range; wxyz quaternions (N,4) int8; RGB and opacity (N,4) uint8.

    Returns:
        the bytes, and {"places": three [low, extent], "sizes": [low, extent]}.
    """
    places, axes = np.zeros((len(cloud), 3), "<u2"), []
    means = cloud.means.double().numpy()
    for k in range(3):
        places[:, k], span = _count(means[:, k])
        axes.append(span)
    sizes, span = _count(cloud.scales.double().clamp_min(1e-12).log().numpy())
    turns = torch.nn.functional.normalize(cloud.quats.double(), dim=-1).mul(127).round().to(torch.int8).numpy()
    paints = torch.cat([cloud.colors, cloud.opacities[:, None]], 1).clamp(0, 1).mul(255).round().to(torch.uint8).numpy()
    return b"".join(part.tobytes() for part in (places, sizes, turns, paints)), {"places": axes, "sizes": span}


def _count(values: np.ndarray) -> tuple[np.ndarray, list[float]]:
    """Values as uint16 steps within their own range, and that range as [low, extent]."""
    if not values.size:
        return values.astype("<u2"), [0.0, 1.0]
    low, extent = float(values.min()), max(float(np.ptp(values)), 1e-9)
    return np.round((values - low) / extent * 65535).astype("<u2"), [low, extent]
