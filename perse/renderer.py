"""Frames of one avatar in one format: what previews, pictures and videos are made of."""

import io
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice

import cv2
import numpy as np
import torch
from PIL import Image

from .avatar.avatar import Avatar
from .avatar.backdrop import crop_ramp
from .avatar.headroom import framed
from .controls import Controls
from .errors import PerseError
from .framing import NO_PHOTO, frame_size
from .render.camera import Camera
from .render.cloud import GaussianCloud
from .render.rasterize import rasterize

FRAMES_AT_ONCE = 16  # of a video, on a GPU
BACKGROUNDS = {"white": (1.0, 1.0, 1.0), "black": (0.0, 0.0, 0.0), "grey": (0.93, 0.93, 0.93)}


class Renderer:
    """Renders frames of one avatar in one format.

    Args: as `PersePipeline.render`.
    """

    def __init__(self, avatar: Avatar, size: int | None = None, background: str = "grey", framing: str = "head"):
        self.width, self.height = frame_size(avatar.source, size, framing)
        if background == "original" and avatar.source is None:
            raise PerseError(NO_PHOTO)
        self.avatar, self.framing, self.transparent = avatar, framing, background == "transparent"
        if framing == "source":  # of this frame's pixels to the photo's, and the crop in this frame
            self.share = np.array([self.width, self.height]) / avatar.source.size
            x0, y0, side = avatar.source.crop
            self.crop = (x0 * self.share[0], y0 * self.share[1], side * float(self.share.mean()))
        self.picture = None
        self.color = torch.zeros(3)
        if background == "original":
            self.picture = self._original()
        elif not self.transparent:
            self.color = torch.tensor(parse_color(background))

    def _original(self) -> np.ndarray:
        """The photo with the person removed, in this renderer's frame, float32."""
        photo = np.asarray(Image.open(io.BytesIO(self.avatar.source.background)).convert("RGB"), np.float32) / 255
        if self.framing == "source":
            return photo if (self.share == 1).all() else cv2.resize(photo, (self.width, self.height), interpolation=cv2.INTER_AREA)
        x0, y0, side = self.avatar.source.crop
        scale = side / self.width
        matrix = np.array([[scale, 0, x0 + 0.5 * scale - 0.5], [0, scale, y0 + 0.5 * scale - 0.5]])
        return cv2.warpAffine(
            photo, matrix, (self.width, self.height), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
        )

    def _camera(self, controls: Controls) -> Camera:
        if self.framing == "head":
            return framed(self.avatar, controls, self.width, self.height)
        x0, y0, side = self.avatar.source.crop
        whole = max(1, round(side))
        square = self.avatar.camera(controls, whole, whole)
        K = square.K.copy()
        K[:2] *= side / whole
        K[0, 2] += x0
        K[1, 2] += y0
        K[:2] *= self.share[:, None]
        return Camera(square.viewmat, K, self.width, self.height)

    @property
    def at_once(self) -> int:
        """How many frames `frames` is best asked for."""
        return 1 if self.avatar.device.type == "cpu" else FRAMES_AT_ONCE

    def frame(self, controls: Controls = Controls()) -> np.ndarray:
        """(H, W, 3) uint8, or (H, W, 4) if transparent."""
        return self.frames([controls])[0]

    def frames(self, moments: list[Controls]) -> np.ndarray:
        """(B, H, W, 3) uint8, or (B, H, W, 4) if transparent; on a GPU in one go, and fetched once."""
        return self._drawn(*self._posed(moments))

    def film(self, moments: Iterable[Controls]) -> Iterator[np.ndarray]:
        """One frame after the other; while one is drawn the next is posed in a thread beside it, which leaves a core idle otherwise."""
        moments = iter(moments)
        with ThreadPoolExecutor(1, thread_name_prefix="perse-pose") as beside:
            posed = None
            while True:
                batch = list(islice(moments, self.at_once))
                ahead = beside.submit(self._posed, batch) if batch else None
                if posed is not None:
                    yield from self._drawn(*posed)
                if ahead is None:
                    return
                posed = ahead.result()

    @torch.no_grad()
    def _posed(self, moments: list[Controls]) -> tuple[GaussianCloud, list[Camera]]:
        cameras = [self._camera(controls) for controls in moments]
        return self.avatar.clouds(moments) if len(moments) > 1 else self.avatar(moments[0]), cameras

    @torch.no_grad()
    def _drawn(self, cloud: GaussianCloud, cameras: list[Camera]) -> np.ndarray:
        if self.picture is None and not self.transparent:
            rgb, _ = rasterize(cloud, cameras, backgrounds=self.color.to(cloud.means))
            return to_bytes(rgb)
        rgb, alpha = rasterize(cloud, cameras)
        if self.transparent:
            return to_bytes(torch.cat([rgb / alpha.clamp_min(1e-4), alpha], -1))
        if self.framing == "source":
            cover = torch.from_numpy(crop_ramp(self.crop, self.width, self.height)).to(rgb)
            rgb, alpha = rgb * cover, alpha * cover
        return to_bytes(rgb + (1 - alpha) * torch.from_numpy(self.picture).to(rgb))


def parse_color(text: str) -> tuple[float, float, float]:
    """white, black, grey or #rrggbb -> RGB in [0, 1]; PerseError otherwise."""
    if text in BACKGROUNDS:
        return BACKGROUNDS[text]
    if re.fullmatch("#[0-9a-fA-F]{6}", text):
        return tuple(int(text[i : i + 2], 16) / 255 for i in (1, 3, 5))
    raise PerseError(f"Unknown background {text!r}: use white, black, grey, transparent, original or #rrggbb.")


def to_bytes(pictures: torch.Tensor) -> np.ndarray:
    """Pictures (…) of [0, 1] as uint8."""
    return pictures.clamp(0, 1).mul_(255).add_(0.5).to(torch.uint8).cpu().numpy()
