"""The portrait unrolled: one texture atlas for the whole rig, seen parts from the photo, hidden parts completed."""

from dataclasses import dataclass, field

import cv2
import numpy as np

from ..portrait import Portrait
from ..render.camera import Camera
from ..render.mesh import rasterize_ids
from ..rig.build import CHARTS
from ..rig.eyes import CLOSED_EYE, lid_opening
from ..rig.mouth import OPEN_MOUTH, mouth_opening
from ..rig.rig import Rig
from ..rig.shell import OUTLINE_RING, RINGS
from .fill import diffuse, mirror_fill, nearest_covered, soften
from .inside import paint_cavity, paint_eye, paint_teeth, paint_tongue, white_light

ATLAS = 1024
STRAND = 0.10  # contrast of single strands where hair is made up, at most
REGIONS = ("hair", "skin", "brows", "lips", "neck", "clothes", "glasses")


@dataclass
class Texture:
    """Atlas arrays, (ATLAS, ATLAS, ...) float32.

    color RGB; alpha opacity (soft at the hair's edge); seen: how well the portrait shows the texel, 0..1;
    regions: what it is, by name of REGIONS; faces (int32, -1 empty) and bary: the rig triangle under each texel.
    """

    color: np.ndarray
    alpha: np.ndarray
    seen: np.ndarray
    regions: dict[str, np.ndarray]
    faces: np.ndarray
    bary: np.ndarray
    extra: dict = field(default_factory=dict)

    def rgba(self) -> np.ndarray:
        """(ATLAS, ATLAS, 4), as `render_mesh(alpha_channel=True)` takes it."""
        return np.concatenate([self.color, self.alpha[..., None]], -1)


def chart_slice(part: str) -> tuple[slice, slice]:
    """Rows and columns of a part's chart in the atlas."""
    u0, v0, u1, v1 = (int(round(c * ATLAS)) for c in CHARTS[part])
    return slice(v0, v1), slice(u0, u1)


def sample(image: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Bilinear read at pixel positions xy (..., 2) (centre of the top-left pixel: 0.5, 0.5), border repeated."""
    shape, rows = xy.shape[:-1], 4096
    flat = np.asarray(xy, np.float32).reshape(-1, 2) - np.float32(0.5)
    # OpenCV's remap takes at most 32767 pixels a side: fold the points into a sheet.
    sheet = np.zeros((-(-len(flat) // rows) * rows, 2), np.float32)
    sheet[:len(flat)] = flat
    sheet = sheet.reshape(-1, rows, 2)
    out = cv2.remap(np.ascontiguousarray(image, np.float32), sheet[..., 0], sheet[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return out.reshape(-1, *image.shape[2:])[:len(flat)].reshape(*shape, *image.shape[2:])


def bake(portrait: Portrait, rig: Rig) -> Texture:
    """Unroll the portrait over the rig and complete what it hides."""
    flat = np.concatenate([rig.uvs.reshape(-1, 2) * ATLAS, np.ones((len(rig.faces) * 3, 1))], 1).astype(np.float32)
    plane = Camera(np.eye(4), np.eye(3), ATLAS, ATLAS)
    ids, bary = rasterize_ids(flat, np.arange(len(rig.faces) * 3, dtype=np.int32).reshape(-1, 3), plane)
    covered = ids >= 0
    corners = rig.vertices[rig.faces]
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True) + 1e-9

    where = np.maximum(ids, 0)
    points = np.einsum("hwk,hwkc->hwc", bary, corners[where])
    camera = rig.camera
    xy, depth = camera.project(points.reshape(-1, 3))
    xy, depth = xy.reshape(ATLAS, ATLAS, 2), depth.reshape(ATLAS, ATLAS)
    origin = -camera.viewmat[:3, :3].T @ camera.viewmat[:3, 3]
    toward = origin - points
    toward /= np.linalg.norm(toward, axis=-1, keepdims=True)
    facing = (normal[where] * toward).sum(-1)

    front_id, front_bary = rasterize_ids(rig.vertices, rig.faces.astype(np.int32), camera)
    front_points = np.einsum("hwk,hwkc->hwc", front_bary, corners[np.maximum(front_id, 0)])
    zbuffer = camera.to_camera(front_points.reshape(-1, 3))[:, 2].reshape(front_id.shape)
    zbuffer[front_id < 0] = np.inf
    # The farthest of the neighbouring depths: a texel must be clearly behind to count as hidden.
    zbuffer = cv2.dilate(np.where(np.isfinite(zbuffer), zbuffer, 0).astype(np.float32), np.ones((3, 3)))
    nearest = sample(zbuffer, xy)
    size = portrait.image.shape[0]
    inside = ((xy > 0) & (xy < size)).all(-1)
    visible = covered & inside & (depth < nearest + 0.035) & (facing > 0.05)

    color = sample(portrait.foreground, xy)
    alpha = sample(portrait.alpha, xy)
    regions = {name: sample(portrait.masks[name], xy) * visible for name in REGIONS}
    seen = np.clip((facing - 0.08) / 0.35, 0, 1) * visible * np.clip((alpha - 0.5) / 0.4, 0, 1)
    # What turns away is solid: the matte's softness there belongs to the outline, and would be a hole from the side.
    soft = np.where(visible, np.maximum(alpha, np.clip((0.40 - facing) / 0.15, 0, 1)), 1.0).astype(np.float32)

    texture = Texture(color, soft, seen.astype(np.float32), regions, ids, bary)
    texture.extra["points"] = points
    _face(texture)
    _shell(texture)
    _body(texture)
    light = white_light(portrait.foreground, portrait.masks["skin"], portrait.masks["eyes"] * (1 - portrait.masks["iris"]))
    masks = sample(portrait.masks["eyes"], xy)
    for side in ("right", "left"):
        _eye(texture, f"eye_{side}", masks, visible, rig, light, lid_opening(rig.vertices, side) < CLOSED_EYE)
    shown = mouth_opening(rig.vertices) > OPEN_MOUTH
    _mouth(texture, np.clip(sample(portrait.masks["mouth"], xy) * 2 - 1, 0, 1) * visible * shown, light)
    nearest = nearest_covered(covered)
    texture.color = np.clip(texture.color, 0, 1)[nearest]
    texture.alpha = texture.alpha[nearest]
    for name in REGIONS:
        texture.regions[name] = texture.regions[name][nearest]
    return texture


def _face(texture: Texture) -> None:
    area = chart_slice("face")
    seen = texture.seen[area]
    # Fringe over the forehead is seen, but must not be mirrored onto a bare temple.
    covered = texture.faces[area] >= 0
    texture.color[area] = mirror_fill(texture.color[area], seen, covered)
    texture.alpha[area] = 1.0
    for name, mask in texture.regions.items():
        mask[area] = mirror_fill(mask[area][..., None].repeat(3, -1), seen, covered)[..., 0]


def _shell(texture: Texture) -> None:
    """Behind the outline hair continues: each profile's own hair, reflected back and forth; skin under the jaw."""
    area = chart_slice("shell")
    color, seen = texture.color[area].copy(), texture.seen[area]
    hair, skin = texture.regions["hair"][area], texture.regions["skin"][area]
    height, width = seen.shape
    outline = int(OUTLINE_RING / (RINGS + 1) * height)
    known_hair = cv2.erode(((hair > 0.6) & (seen > 0.15)).astype(np.uint8), np.ones((7, 7))) > 0
    # Per column: the run of hair that ends nearest to the outline.
    low, high = np.zeros(width, int), np.zeros(width, int)
    for u in range(width):
        rows = np.flatnonzero(known_hair[:outline + 8, u])
        if len(rows):
            run = np.split(rows, np.flatnonzero(np.diff(rows) > 6) + 1)[-1]
            low[u], high[u] = run[0], run[-1]
    v = np.arange(height)
    under_jaw = 0.5 - np.abs(np.arange(width) / width - 0.5)  # 0 at the crown (u = 0), 0.5 under the chin
    enough = (high - low > 0.05 * height) & (under_jaw < 0.33)
    has_hair = enough.sum() > 0.06 * width
    if has_hair:
        good = np.flatnonzero(enough)
        gap = np.abs(np.arange(width)[:, None] - good[None])
        gap = np.minimum(gap, width - gap)
        donor = np.where(enough, np.arange(width), good[gap.argmin(1)])
        # Neighbouring columns that borrow take neighbouring donors, or one strand would be smeared into a sheet.
        away = gap.min(1)
        donor = np.where(enough, donor, good[np.clip(np.searchsorted(good, donor) + _zigzag(away, len(good) // 3), 0, len(good) - 1)])
        start = np.where(enough, high, outline - 2)
        band = np.maximum(high[donor] - low[donor] - 4, 4)
        phase = np.maximum(v[:, None] - start[None], 0) % (2 * band[None])
        source = high[donor][None] - np.where(phase > band[None], 2 * band[None] - phase, phase) - 2
        strands = color[np.clip(source, 0, height - 1), np.broadcast_to(donor[None], source.shape)]
        strands = cv2.GaussianBlur(_comb_back(texture.extra["points"][area], color, strands, good, low, high, outline), (0, 0), 1.2)
    mean_skin = _mean(color, (skin > 0.5) * seen, texture.color[chart_slice("face")].mean((0, 1)))
    skin_color = diffuse(color, np.clip(seen * (skin > 0.5), 0, 1))
    shade = 1 - 0.30 * np.clip(v / height / 0.3, 0, 1)
    jaw_color = (0.5 * skin_color + 0.5 * mean_skin) * shade[:, None, None]
    if has_hair:
        points = texture.extra["points"][area]
        if ((hair > 0.6) & (seen > 0.15) & (points[..., 1] > 0.6)).mean() > 0.002:
            # Long hair: under the jaw skin runs back to the nape, where hair begins again.
            below = np.clip((under_jaw - 0.29) / 0.06, 0, 1)
            nape = np.clip((v / height - 0.66) / 0.08, 0, 1)
            share = below[None] * (1 - nape[:, None])
        else:
            # Short hair ends along a line from the ear lobe down to the nape.
            hairline = 0.42 + 0.37 * (points[..., 2] - 0.6)
            share = np.clip((points[..., 1] - hairline) / 0.08 + 0.5, 0, 1)
        share = cv2.GaussianBlur(share.astype(np.float32), (0, 0), 3)
        fill = strands * (1 - share[..., None]) + jaw_color * share[..., None]
        hair_fill = 1 - share
    else:
        fill = skin_color * (1 - 0.25 * np.clip((under_jaw - 0.3) / 0.1, 0, 1))[None, :, None]
        hair_fill = np.zeros((height, width), np.float32)
    keep = soften(np.clip(seen * 3, 0, 1) * (seen > 0.12), texture.faces[area] >= 0, 1.5) * (seen > 0.08)
    texture.color[area] = color * keep[..., None] + fill * (1 - keep[..., None])
    texture.regions["hair"][area] = hair * keep + hair_fill * (1 - keep)
    texture.regions["skin"][area] = skin * keep + (1 - hair_fill) * (1 - keep)
    for name in ("neck", "clothes", "brows", "lips", "glasses"):
        texture.regions[name][area] *= keep
    # Behind the outline the shell is solid; near the outline in front the matte's softness is kept.
    solid = np.clip((v - outline - 3) / 6, 0, 1)[:, None]
    texture.alpha[area] = np.maximum(texture.alpha[area], solid)


def _comb_back(points: np.ndarray, color: np.ndarray, strands: np.ndarray, good: np.ndarray, low: np.ndarray,
               high: np.ndarray, outline: int) -> np.ndarray:
    """Hair (H, W, 3) whose strands fall from the crown down the back of the head, instead of meeting in a star at the
    pole: there every texel reads the hair of the profile over it, the farther down the farther along the strand.

    Args:
        points: (H, W, 3) head frame; color: what the photo shows; strands: each profile's own hair continued; good:
            columns that show hair, low to high (W,) their rows; outline: row of the portrait's outline.
    """
    height, width = strands.shape[:2]
    upper = good[np.abs((good / width + 0.5) % 1 - 0.5) < 0.25]
    if len(upper) < 0.05 * width:
        return strands
    order = upper[np.argsort(points[outline, upper, 0])]
    across = np.maximum.accumulate(points[outline, order, 0])
    top = np.interp(points[..., 0], across, points[outline, order, 1])
    donor = order[np.clip(np.round(np.interp(points[..., 0], across, np.arange(len(order)))), 0, len(order) - 1).astype(int)]
    # Texels to an eye distance along the donor's strand, which the rows of its chart measure.
    step = np.linalg.norm(np.diff(points[:outline, upper], axis=0), axis=-1).mean()
    # Not down to the hairline, where skin shines through.
    band = np.maximum(0.7 * (high[donor] - low[donor]) - 4, 4)
    phase = np.maximum(np.hypot(points[..., 1] - top, np.maximum(points[..., 2] - points[outline, donor, 2], 0)), 0) / max(step, 1e-6) % (2 * band)
    rows = high[donor] - np.where(phase > band, 2 * band - phase, phase) - 2
    combed = sample(color, np.stack([donor + 0.5, rows + 0.5], -1))
    # Of the hair only its strands are repeated: bright bands, badges and partings would come again and again.
    wide = cv2.GaussianBlur(np.concatenate([combed] * 3, 1), (0, 0), 0.05 * height)[:, width:2 * width]
    row = np.arange(height)[:, None]
    hair = color[(row >= low) & (row <= high) & np.isin(np.arange(width), good)]
    tone = np.median(hair, axis=0)
    strand = np.clip(np.median(np.abs(hair - tone)), 0.02, STRAND)
    combed = np.clip(tone + 0.2 * (wide - tone) + np.clip(combed - wide, -strand, strand), 0, 1)
    share = np.clip((np.arange(height) - outline) / (0.10 * height), 0, 1)[:, None, None]
    share = share * share * (3 - 2 * share)
    return strands * (1 - share) + combed * share


def _zigzag(distance: np.ndarray, limit: int) -> np.ndarray:
    """Triangle wave of the distance, so that borrowed columns run to and fro over their donors."""
    limit = max(limit, 1)
    phase = distance % (2 * limit)
    return np.where(phase > limit, 2 * limit - phase, phase)


def _mean(color: np.ndarray, weight: np.ndarray, fallback: np.ndarray) -> np.ndarray:
    total = weight.sum()
    return (color * weight[..., None]).sum((0, 1)) / total if total > 50 else fallback


def _body(texture: Texture) -> None:
    area = chart_slice("body")
    color, seen = texture.color[area], texture.seen[area]
    neck, clothes = texture.regions["neck"][area], texture.regions["clothes"][area]
    hair = texture.regions["hair"][area]
    keep = np.clip(seen * 2, 0, 1)
    # Hair that falls over the shoulders is seen, but what it hides is neck and cloth.
    behind = _diffuse_around(color, keep * (1 - hair))
    filled = color * keep[..., None] + behind * (1 - keep[..., None])
    kind = _diffuse_around(np.stack([neck, clothes, texture.regions["hair"][area]], -1), np.clip(seen * 2, 0, 1))
    texture.color[area] = filled
    for i, name in enumerate(("neck", "clothes", "hair")):
        texture.regions[name][area] = kind[..., i] * (keep if name == "hair" else 1)
    for name in ("skin", "brows", "lips", "glasses"):
        texture.regions[name][area] *= seen > 0


def _diffuse_around(image: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """`diffuse` on a chart whose left and right borders meet."""
    width = image.shape[1]
    wide = diffuse(np.concatenate([image] * 2, 1), np.concatenate([weight] * 2, 1))
    return np.concatenate([wide[:, width:width + width // 2], wide[:, width // 2:width]], 1)


def _eye(texture: Texture, part: str, mask: np.ndarray, visible: np.ndarray, rig: Rig, light: np.ndarray, closed: bool) -> None:
    """Iris and sclera beyond the lids: rings of the iris that are seen complete those that are not. An eye that is closed
    gets a painted one in this light (3,)."""
    area = chart_slice(part)
    color = texture.color[area]
    inner = cv2.erode((mask[area] * visible[area]).astype(np.float32), np.ones((3, 3)))
    known = np.clip(inner * 2 - 1, 0, 1)
    size = color.shape[0]
    grid = (np.arange(size) + 0.5) / size * 2 - 1
    radius = np.hypot(grid[None], grid[:, None])
    iris = eye_iris_radius(rig, part)
    if closed:
        color[:] = paint_eye(radius / iris, light)
        known = np.ones_like(known)
    in_iris = radius < iris * 1.05
    best, weight = color.copy(), known.copy()
    for twin, twin_weight in ((color[:, ::-1], known[:, ::-1]), (color[::-1], known[::-1]), (color[::-1, ::-1], known[::-1, ::-1])):
        take = in_iris & (weight < 0.5) & (twin_weight > 0.5)
        best[take], weight[take] = twin[take], 0.9
    rings = np.clip((radius / iris * 14).astype(int), 0, 14)
    for ring in range(15):
        of_ring = rings == ring
        have = of_ring & (weight > 0.5)
        if ring < 14 and have.sum() >= 3:
            lack = of_ring & (weight <= 0.5)
            best[lack], weight[lack] = color[have & (known > 0.5)].mean(0) if (have & (known > 0.5)).any() else best[have].mean(0), 0.9
    white = (~in_iris) & (known > 0.5)
    if white.sum() > 20:
        bright = np.percentile(color[white].mean(-1), 70)
        base = color[white & (color.mean(-1) >= 0.8 * bright)].mean(0) if (white & (color.mean(-1) >= 0.8 * bright)).any() else color[white].mean(0)
    else:
        base = np.array([0.72, 0.70, 0.68])
    sclera_weight = np.where(in_iris, weight, known)
    prior = np.broadcast_to(base * 0.93, color.shape)
    far = (radius > iris * 1.05) & (known < 0.5)
    near = cv2.distanceTransform((known < 0.5).astype(np.uint8), cv2.DIST_L2, 3)
    filled = diffuse(np.where(in_iris[..., None], best, color), np.clip(sclera_weight, 0, 1))
    blend = np.clip(near / (0.15 * size), 0, 1) * far
    texture.color[area] = filled * (1 - blend[..., None]) + prior * blend[..., None]
    texture.alpha[area] = 1.0
    texture.extra[part] = dict(iris=iris)
    for name in REGIONS:
        texture.regions[name][area] = 0.0


def eye_iris_radius(rig: Rig, part: str) -> float:
    """Iris radius in chart units (1 = the cap's edge)."""
    return float(rig.iris[0 if part == "eye_right" else 1])


def _mouth(texture: Texture, seen: np.ndarray, light: np.ndarray) -> None:
    """Teeth, tongue and cavity; seen (ATLAS, ATLAS): what of them the photo shows."""
    for row in ("upper", "lower"):
        area = chart_slice(f"{row}_teeth")
        texture.color[area], texture.alpha[area] = paint_teeth(row, texture.color[area], seen[area], light)
    area = chart_slice("cavity")
    texture.color[area] = paint_cavity(texture.color[area], seen[area], light)
    area = chart_slice("tongue")
    texture.color[area] = paint_tongue(texture.alpha[area].shape, light)
    for part in ("cavity", "tongue"):
        texture.alpha[chart_slice(part)] = 1.0
    for part in ("upper_teeth", "lower_teeth", "cavity", "tongue"):
        for name in REGIONS:
            texture.regions[name][chart_slice(part)] = 0.0
