"""The texture with the photo's own sharpness: an atlas has fewer texels than the face has pixels in a portrait."""

from dataclasses import dataclass

import cv2
import numpy as np

from ..portrait import Portrait
from ..render.camera import Camera
from ..render.mesh import see_mesh
from ..rig.rig import Rig
from ..texture.atlas import Texture, sample

SUPERSAMPLE = 2


@dataclass
class PhotoTexture:
    """What the atlas shows, and the detail that the photo has beyond it where it is believed.

    layers (A, A, 7) float32: what is not the photo's own (3), where a texel is in the portrait (x, y, pixels), how far the photo is believed
    there, opacity. photo (S, S, 3) float32.
    """

    layers: np.ndarray
    photo: np.ndarray

    @staticmethod
    def of(portrait: Portrait, texture: Texture) -> "PhotoTexture":
        """The photo laid over the atlas that it was unrolled to."""
        photo = np.ascontiguousarray(portrait.foreground, np.float32)
        # Beyond the charts' triangles nothing was unrolled, and a look-up beside a border reads there.
        pixels, believed = texture.pixels[texture.nearest].astype(np.float32), texture.seen[texture.nearest][..., None]
        rest = texture.color - believed * sample(photo, pixels)
        return PhotoTexture(np.concatenate([rest, pixels, believed, texture.alpha[..., None]], -1).astype(np.float32), photo)

    def render(self, rig: Rig, vertices: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
        """Picture of a posed rig (V, 3), premultiplied (H, W, 3) and alpha (H, W), float32."""
        # A sample each, for a pixel's mean place in the portrait is none where a nose ends before a cheek.
        samples = camera.resized(camera.width * SUPERSAMPLE, camera.height * SUPERSAMPLE)
        seen = see_mesh(vertices, rig.faces.astype(np.int32), rig.uvs, self.layers, samples, 1, alpha_channel=True)
        shown, alpha, _ = seen.shade(self.layers, alpha_channel=True)
        image = shown[..., :3] + shown[..., 5:6] * sample(self.photo, shown[..., 3:5])
        size = camera.width, camera.height
        return cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
