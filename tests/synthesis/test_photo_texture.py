"""The texture with the photo's own sharpness."""

import cv2
import numpy as np

from perse.rig.skeleton import HEAD_CENTRE
from perse.synthesis.photo_texture import PhotoTexture
from perse.synthesis.rerender import render_frame

SIZE = 320  # pixels


def test_from_the_portraits_own_side_it_is_the_photo(astronaut_portrait, rig, texture):
    image, alpha = PhotoTexture.of(astronaut_portrait, texture).render(rig, rig.vertices, rig.camera)
    atlas, _ = render_frame(rig, rig.vertices, texture.rgba(), rig.camera)
    believed = np.concatenate([texture.seen[..., None], texture.alpha[..., None]], -1)
    seen = render_frame(rig, rig.vertices, believed, rig.camera)[0][..., 0] > 0.95
    assert seen.mean() > 0.1 and (alpha[seen] > 0.95).all()
    off, before = ((x - astronaut_portrait.foreground) ** 2 for x in (image, atlas))
    assert off[seen & texture.view.shows("face")].mean() < 5e-5
    # The head's chart is coarser than the photo.
    head = seen & texture.view.shows("shell")
    assert off[head].mean() < 0.5 * before[head].mean()


def test_where_the_photo_is_not_believed_it_is_the_atlas(astronaut_portrait, rig, texture):
    back = rig.camera.resized(SIZE, SIZE).orbit(180.0, 0.0, 0.0, np.array(HEAD_CENTRE, np.float32))
    image, alpha = PhotoTexture.of(astronaut_portrait, texture).render(rig, rig.vertices, back)
    atlas, solid = render_frame(rig, rig.vertices, texture.rgba(), back)
    assert np.abs(alpha - solid).mean() < 1e-3
    hidden = cv2.erode((solid > 0.99).astype(np.uint8), np.ones((5, 5))) > 0
    assert np.percentile(np.abs(image - atlas)[hidden], 95) < 0.01
