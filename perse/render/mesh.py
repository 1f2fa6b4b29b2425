"""Textured triangles with a depth buffer, for re-rendering a head mesh on any CPU.

Two passes over the supersampled grid. The first keeps, per sample, the nearest triangle (bands of rows in parallel,
each walking all triangles in order, so the result does not depend on the number of threads). The second reads the
texture for the samples that survived and averages them per pixel, so each visible sample is shaded once.
"""

from dataclasses import dataclass

import numba
import numpy as np

from .camera import Camera
from .jit import compiled

NEAR_PLANE = 0.01  # as the Gaussian rasterizer
MAX_SUPERSAMPLE = 4  # samples a side of a pixel: 16 times a picture's memory
_BAND_ROWS = 16
_MIN_AREA = 1e-12  # twice the area, in samples; below it a triangle has no usable inverse
_LARGEST = 1e100  # a number beyond it, of those that describe a triangle over the picture, leaves the triangle out
_EDGE_SLACK = 1e-7  # in barycentric units: neighbours may both claim a sample on their shared edge, never neither
_CULL = {None: 0, "back": 1, "front": 2}
_NO_OCCLUSION = np.zeros((0, 0), dtype=np.float32)
_NOWHERE = (np.inf, -np.inf, np.inf, -np.inf)  # bounds that hold nothing
_NO_TEXTURE = np.zeros((1, 1, 1), dtype=np.float32)


@dataclass
class SeenMesh:
    """What a camera sees of a mesh, to be painted with any texture whose opacities are those that it was seen with.

    planes (F,5,3): what is linear over the picture, by triangle; owner (H,W) int32: the triangle that each sample sees, or -1;
    inverse_depth (H,W) float32; supersample: samples a side of a pixel.
    """

    planes: np.ndarray
    owner: np.ndarray
    inverse_depth: np.ndarray
    supersample: int

    def depth(self) -> np.ndarray:
        """(H,W) float32, inf where empty: the `occlusion` of an overlay."""
        with np.errstate(divide="ignore"):
            return np.float32(1.0) / self.inverse_depth

    def at_pixels(self, values: np.ndarray, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What vertices (V,C) hold, where each pixel sees its first sample (H,W,C), linear over the picture, and which triangle that is
        (H,W), -1 where there is none (and then the values are 0)."""
        owner = self.owner[:: self.supersample, :: self.supersample]
        return _interpolated(self.planes, owner, self.supersample, np.ascontiguousarray(values, np.float32), faces), owner

    def shade(self, texture: np.ndarray, alpha_channel: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Image, alpha and depth, as `render_mesh` returns them."""
        return _shade(
            self.planes, np.ascontiguousarray(texture, dtype=np.float32), alpha_channel, self.owner, self.inverse_depth, self.supersample
        )


def render_mesh(
    vertices: np.ndarray,
    faces: np.ndarray,
    uvs: np.ndarray,
    texture: np.ndarray,
    camera: Camera,
    supersample: int = 2,
    cull: str | None = None,
    *,
    alpha_channel: bool = False,
    occlusion: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Render a textured triangle mesh.

    vertices: (V,3) world units. faces: (F,3) int32. uvs: (F,3,2) per corner in [0,1], u to the right and v down.
    texture: (Ht,Wt,C) float32, read bilinearly, its border repeated outwards.
    cull: "back" drops triangles whose corners run clockwise as seen in the picture ((b-a) x (c-a) points away),
        "front" the others, None neither.
    alpha_channel: the texture's last channel is an opacity: samples below 0.5 let the surface behind show, and the
        colour is weighted by it, so colours under transparent texels never bleed into the edge.
    occlusion: (H*supersample, W*supersample) float32 depth, inf where empty: samples at or behind it are hidden.

    Triangles with a corner nearer than NEAR_PLANE, non-finite (uvs, too), beyond all measure or without area are dropped.
    Returns image (H,W,C) float32 (C less the opacity channel), premultiplied by alpha: over a background it is
    `image + (1 - alpha[..., None]) * background`; alpha (H,W), the covered share of the pixel; depth (H,W), that of
    the nearest sample, inf where empty.
    Raises ValueError for arrays of the wrong shape, faces that name no vertex and a supersample that is not 1 to MAX_SUPERSAMPLE;
    PerseError for a picture with a side above camera.MAX_SIDE.
    """
    seen = see_mesh(vertices, faces, uvs, texture, camera, supersample, cull, alpha_channel=alpha_channel, occlusion=occlusion)
    return seen.shade(texture, alpha_channel)


def see_mesh(
    vertices: np.ndarray,
    faces: np.ndarray,
    uvs: np.ndarray,
    texture: np.ndarray,
    camera: Camera,
    supersample: int = 2,
    cull: str | None = None,
    *,
    alpha_channel: bool = False,
    occlusion: np.ndarray | None = None,
) -> SeenMesh:
    """The first half of `render_mesh`, with its arguments and errors: what is seen, before it is painted."""
    faces = _check_mesh(vertices, faces)
    if not 1 <= supersample <= MAX_SUPERSAMPLE:
        raise ValueError(f"supersample must lie between 1 and {MAX_SUPERSAMPLE}, not {supersample}")
    camera.check_size()
    uvs = np.ascontiguousarray(uvs, dtype=np.float32)
    texture = np.ascontiguousarray(texture, dtype=np.float32)
    if uvs.shape != (len(faces), 3, 2):
        raise ValueError(f"uvs must be {(len(faces), 3, 2)}, not {uvs.shape}")
    if texture.ndim != 3 or (len(faces) and 0 in texture.shape) or texture.shape[2] < 1 + alpha_channel:
        raise ValueError(f"texture must be (Ht,Wt,C), not {texture.shape}")
    if cull not in _CULL:
        raise ValueError(f"cull must be None, 'back' or 'front', not {cull!r}")
    grid = (camera.height * supersample, camera.width * supersample)
    if occlusion is not None and (occlusion.shape != grid or occlusion.dtype != np.float32):
        raise ValueError(f"occlusion must be {grid} float32, not {occlusion.shape} {occlusion.dtype}")
    limit = _NO_OCCLUSION if occlusion is None else np.ascontiguousarray(occlusion)
    planes, bounds = _planes(_screen_corners(vertices, camera, supersample), faces, uvs, _CULL[cull])
    owner, inverse_depth = _visibility(planes, bounds, texture, alpha_channel, limit, *grid)
    return SeenMesh(planes, owner, inverse_depth, supersample)


def rasterize_ids(vertices: np.ndarray, faces: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Which triangle each pixel centre sees.

    vertices: (V,3) world units. faces: (F,3) int32.
    Returns face_id (H,W) int32, -1 where empty, and bary (H,W,3) float32, the perspective-correct barycentric
    coordinates on that face (zero where empty). Raises as `render_mesh`.
    """
    faces = _check_mesh(vertices, faces)
    camera.check_size()
    # The atlas coordinates (1,0), (0,1), (0,0) make u and v the first two barycentrics.
    corners_uv = np.broadcast_to(np.array([[1, 0], [0, 1], [0, 0]], dtype=np.float32), (len(faces), 3, 2)).copy()
    planes, bounds = _planes(_screen_corners(vertices, camera, 1), faces, corners_uv, _CULL[None])
    owner, _ = _visibility(planes, bounds, _NO_TEXTURE, False, _NO_OCCLUSION, camera.height, camera.width)
    return owner, _barycentrics(planes, owner)


def warm_up() -> None:
    """Compile the kernels (seconds the first time on a machine, then read from numba's cache)."""
    camera = Camera(np.eye(4), np.array([[8, 0, 4], [0, 8, 4], [0, 0, 1]]), 8, 8)
    triangle = np.array([[-1, -1, 2], [1, -1, 2], [0, 1, 2]], dtype=np.float32)
    faces = np.array([[0, 1, 2]], dtype=np.int32)
    render_mesh(triangle, faces, np.zeros((1, 3, 2)), np.ones((2, 2, 3)), camera)
    see_mesh(triangle, faces, np.zeros((1, 3, 2)), np.ones((2, 2, 3)), camera).at_pixels(triangle, faces)
    rasterize_ids(triangle, faces, camera)


def _check_mesh(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    if vertices.ndim != 2 or vertices.shape[1] != 3:
        raise ValueError(f"vertices must be (V,3), not {vertices.shape}")
    if faces.ndim != 2 or faces.shape[1] != 3:
        raise ValueError(f"faces must be (F,3), not {faces.shape}")
    if len(faces) and not (0 <= faces.min() and faces.max() < len(vertices)):
        raise ValueError(f"faces name vertices {faces.min()}..{faces.max()} of {len(vertices)}")
    return np.ascontiguousarray(faces, dtype=np.int32)


def _screen_corners(vertices: np.ndarray, camera: Camera, supersample: int) -> np.ndarray:
    """(V,3) float64: x, y on the supersampled grid and 1/depth (0 marks a vertex that cannot be drawn)."""
    local = np.asarray(vertices, dtype=np.float64) @ camera.viewmat[:3, :3].T.astype(np.float64) + camera.viewmat[:3, 3]
    drawable = np.isfinite(local).all(axis=1) & (local[:, 2] > NEAR_PLANE)
    local[~drawable] = (0.0, 0.0, 1.0)
    corners = local @ camera.K.T.astype(np.float64)
    corners[:, :2] *= supersample / local[:, 2:]
    corners[:, 2] = np.where(drawable, 1.0 / local[:, 2], 0.0)
    return corners


@compiled(inline="always")
def _held(value, most):
    """A number kept between 0 and `most`; 0 for NaN, which max and min would let through to an index."""
    value = value if value > 0.0 else 0.0
    return value if value < most else most


@compiled(inline="always")
def _texel(u, v, texture):
    """The four neighbours and two weights of a bilinear read."""
    height, width = texture.shape[0], texture.shape[1]
    x, y = _held(u * width - 0.5, width - 1.0), _held(v * height - 0.5, height - 1.0)
    left, top = int(x), int(y)
    return left, top, min(left + 1, width - 1), min(top + 1, height - 1), np.float32(x - left), np.float32(y - top)


@compiled()
def _planes(corners, faces, uvs, cull):
    """What is linear over the grid, per face: two barycentrics, 1/depth, u/depth and v/depth.

    Returns planes (F,5,3) float64, each value = p[0] + x * p[1] + y * p[2], and bounds (F,4) float64: left, right,
    top, bottom in samples; a face that must not be drawn has bounds that hold nothing.
    """
    count = faces.shape[0]
    planes = np.zeros((count, 5, 3), dtype=np.float64)
    bounds = np.empty((count, 4), dtype=np.float64)
    for face in range(count):
        a, b, c = faces[face, 0], faces[face, 1], faces[face, 2]
        ax, ay, za = corners[a, 0], corners[a, 1], corners[a, 2]
        bx, by, zb = corners[b, 0], corners[b, 1], corners[b, 2]
        cx, cy, zc = corners[c, 0], corners[c, 1], corners[c, 2]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        dropped = not _MIN_AREA < abs(area) < np.inf or (cull == 1 and area > 0) or (cull == 2 and area < 0)
        if dropped or min(za, zb, zc) <= 0.0:
            bounds[face] = _NOWHERE
            continue
        bounds[face] = (min(ax, bx, cx), max(ax, bx, cx), min(ay, by, cy), max(ay, by, cy))
        first = ((bx * cy - by * cx) / area, (by - cy) / area, (cx - bx) / area)
        second = ((cx * ay - cy * ax) / area, (cy - ay) / area, (ax - cx) / area)
        for value in range(5):
            # Linear in the screen plane after division by depth: perspective-correct interpolation.
            if value < 2:
                pa, pb, pc = 1.0 - value, float(value), 0.0
            elif value == 2:
                pa, pb, pc = za, zb, zc
            else:
                pa, pb, pc = (uvs[face, 0, value - 3] * za, uvs[face, 1, value - 3] * zb, uvs[face, 2, value - 3] * zc)
            for k in range(3):
                planes[face, value, k] = first[k] * (pa - pc) + second[k] * (pb - pc)
            planes[face, value, 0] += pc
        # Not finite, or so large that sums over the picture would not be.
        sound = True
        for value in range(5):
            for k in range(3):
                sound &= abs(planes[face, value, k]) < _LARGEST
        if not sound:
            bounds[face] = _NOWHERE
    return planes, bounds


@compiled(inline="always")
def _at(planes, face, value, x, y):
    return planes[face, value, 0] + x * planes[face, value, 1] + y * planes[face, value, 2]


@compiled(parallel=True)
def _visibility(planes, bounds, texture, alpha_channel, occlusion, height, width):
    """The nearest face per sample (int32, -1 empty) and its 1/depth (float32, 0 empty)."""
    owner = np.empty((height, width), dtype=np.int32)
    nearest = np.empty((height, width), dtype=np.float32)
    bands = (height + _BAND_ROWS - 1) // _BAND_ROWS
    half = (bands + 1) // 2
    opacity = texture.shape[2] - 1
    occluded = occlusion.shape[0] > 0
    for turn in numba.prange(2 * half):
        # Even bands first, then odd ones: each of two threads gets an equal share of a head in the middle.
        band = 2 * (turn % half) + turn // half
        first, last = band * _BAND_ROWS, min((band + 1) * _BAND_ROWS, height)
        for y in range(first, last):
            owner[y] = -1
            if occluded:
                nearest[y] = np.float32(1.0) / occlusion[y]
            else:
                nearest[y] = np.float32(0.0)
        for face in range(bounds.shape[0]):
            if bounds[face, 3] < first or bounds[face, 2] > last:
                continue
            left, right = int(_held(bounds[face, 0], float(width))), min(width, int(_held(bounds[face, 1] + 1.0, float(width))))
            top = max(first, int(_held(bounds[face, 2], float(height))))
            bottom = min(last, int(_held(bounds[face, 3] + 1.0, float(height))))
            adx, bdx, zdx = planes[face, 0, 1], planes[face, 1, 1], planes[face, 2, 1]
            for y in range(top, bottom):
                a0 = _at(planes, face, 0, 0.5, y + 0.5)
                b0 = _at(planes, face, 1, 0.5, y + 0.5)
                z0 = _at(planes, face, 2, 0.5, y + 0.5)
                for x in range(left, right):
                    a, b = a0 + x * adx, b0 + x * bdx
                    if min(a, b, 1.0 - a - b) < -_EDGE_SLACK:
                        continue
                    z = z0 + x * zdx
                    if not np.float32(z) > nearest[y, x]:
                        continue
                    if alpha_channel:
                        u, v = _at(planes, face, 3, x + 0.5, y + 0.5) / z, _at(planes, face, 4, x + 0.5, y + 0.5) / z
                        x0, y0, x1, y1, fx, fy = _texel(u, v, texture)
                        upper = texture[y0, x0, opacity] * (1 - fx) + texture[y0, x1, opacity] * fx
                        lower = texture[y1, x0, opacity] * (1 - fx) + texture[y1, x1, opacity] * fx
                        if upper * (1 - fy) + lower * fy < 0.5:
                            continue
                    nearest[y, x] = z
                    owner[y, x] = face
        if occluded:
            for y in range(first, last):
                for x in range(width):
                    if owner[y, x] < 0:
                        nearest[y, x] = 0.0
    return owner, nearest


@compiled(parallel=True)
def _shade(planes, texture, alpha_channel, owner, inverse_depth, supersample):
    """Read the texture for every visible sample and average to pixels: image, alpha, depth."""
    height, width = owner.shape[0] // supersample, owner.shape[1] // supersample
    opacity = texture.shape[2] - 1
    channels = opacity if alpha_channel else texture.shape[2]
    image = np.zeros((height, width, channels), dtype=np.float32)
    alpha = np.zeros((height, width), dtype=np.float32)
    depth = np.full((height, width), np.inf, dtype=np.float32)
    share = np.float32(1.0 / (supersample * supersample))
    one = np.float32(1.0)
    half = (height + 1) // 2
    for turn in numba.prange(2 * half):
        row = 2 * (turn % half) + turn // half
        if row < height:
            for column in range(width):
                covered = 0
                for y in range(row * supersample, (row + 1) * supersample):
                    for x in range(column * supersample, (column + 1) * supersample):
                        face = owner[y, x]
                        if face < 0:
                            continue
                        z = 1.0 / _at(planes, face, 2, x + 0.5, y + 0.5)
                        u, v = _at(planes, face, 3, x + 0.5, y + 0.5) * z, _at(planes, face, 4, x + 0.5, y + 0.5) * z
                        x0, y0, x1, y1, fx, fy = _texel(u, v, texture)
                        w00, w01 = (one - fx) * (one - fy), fx * (one - fy)
                        w10, w11 = (one - fx) * fy, fx * fy
                        norm = share
                        if alpha_channel:
                            w00 *= texture[y0, x0, opacity]
                            w01 *= texture[y0, x1, opacity]
                            w10 *= texture[y1, x0, opacity]
                            w11 *= texture[y1, x1, opacity]
                            norm = share / (w00 + w01 + w10 + w11)
                        for k in range(channels):
                            image[row, column, k] += norm * (
                                w00 * texture[y0, x0, k] + w01 * texture[y0, x1, k] + w10 * texture[y1, x0, k] + w11 * texture[y1, x1, k]
                            )
                        covered += 1
                        depth[row, column] = min(depth[row, column], one / inverse_depth[y, x])
                alpha[row, column] = share * covered
    return image, alpha, depth


@compiled(parallel=True)
def _interpolated(planes, owner, supersample, values, faces):
    """Values of vertices over the picture; owner (H,W): of the first sample of each pixel."""
    height, width = owner.shape
    result = np.zeros((height, width, values.shape[1]), dtype=np.float32)
    for y in numba.prange(height):
        for x in range(width):
            face = owner[y, x]
            if face >= 0:
                at_x, at_y = x * supersample + 0.5, y * supersample + 0.5
                first, second = _at(planes, face, 0, at_x, at_y), _at(planes, face, 1, at_x, at_y)
                for k in range(values.shape[1]):
                    a, b, c = values[faces[face, 0], k], values[faces[face, 1], k], values[faces[face, 2], k]
                    result[y, x, k] = first * a + second * b + (1.0 - first - second) * c
    return result


@compiled(parallel=True)
def _barycentrics(planes, owner):
    """Read u and v of the faces as barycentrics; the third is the rest."""
    height, width = owner.shape
    result = np.zeros((height, width, 3), dtype=np.float32)
    for y in numba.prange(height):
        for x in range(width):
            face = owner[y, x]
            if face >= 0:
                z = 1.0 / _at(planes, face, 2, x + 0.5, y + 0.5)
                first = _at(planes, face, 3, x + 0.5, y + 0.5) * z
                second = _at(planes, face, 4, x + 0.5, y + 0.5) * z
                result[y, x, 0], result[y, x, 1], result[y, x, 2] = first, second, 1.0 - first - second
    return result
