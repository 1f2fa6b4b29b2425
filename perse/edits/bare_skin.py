"""Hair replaced by the skin that would be under it, in the light that lies on the face."""

from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np

from ..attributes.edit_vocabulary import Bare
from ..face.landmarks import FACE, OVAL
from ..render.geometry import interpolated
from ..rig.anatomy.template import head_template
from ..rig.rig import Rig
from ..smooth_ramps import smooth_step
from ..texture.atlas import ATLAS, Texture, chart_slice, sample
from ..texture.fill_holes import diffuse
from .already_worn import own_beard
from .atlas_regions import Regions, box_of, soft
from .edit import Patch
from .hair_areas import below_hair
from .reshape import Shaper

SHADOW = 12.0  # texels beside hair on which its shadow and single hairs lie
UNSEEN_BESIDE = 90.0  # texels beside hair over which made up skin passes into the skin that comes: no seam (60 to 120)
CAST = 45.0  # texels from hair up to which it may cast a shade on skin (30 to 60); what is as dark farther off is the face's own
BORDER = (0.35, 0.75)  # weight from which, and from which wholly, there is skin instead of hair
RIDGE = (0.06, 0.12, 0.06)  # on how light depends on the normal; most on its height, which a face without a forehead says least of
FITS, IN_SHADE = 4, 0.09  # times that light is fitted, and RGB by which skin is darker than by the last fit that counts no more
DIMMEST, BRIGHTEST = {"face": 0.70, "shell": 0.72}, 1.12  # light on skin that hair hid, of what falls on the face
HOLLOWS = 0.5  # of the light that does not reach where an ear is hollow
STUBBLE = 0.035  # deviation of the share of skin between cropped hairs
HALF_CROPPED = 0.62  # share of skin that shows between hairs half way to a bald head
STRAY = (26.0, 48.0)  # texels beside hair up to which, and beyond which no more, what is darker than skin are its ends
TIPS = 110.0  # texels beside hair within which they are even then, if they hang together with it
DARKER = (0.05, 0.13)  # RGB by which it is, at least, and surely
NEIGHBOURS = 14.0  # texels, standard deviation, around what lies beside hair within which the parts of hair have their shares of it
BELOW_BROWS = -0.16  # of the mean face, eye distances below the eyes: lower than that eyes and shade are dark, too
BETWEEN_BROWS = -0.02  # and between the brows: beside the root of the nose there are no eyes
EYES = (0.80, 0.30)  # of the mean face, eye distances beside and below which there are cheeks and no eyes
THIN_OUT = (-0.40, 0.05)  # eye distances below the line to which hair grows, between which cropped hair thins out
GREY = np.full(3, 1 / 3, np.float32)  # mean of a colour's channels, many times as fast as `mean(-1)`
MOST_PORES = 0.012  # RGB in [0, 1], of skin's fine detail


def skin_light(regions: Regions, texture: Texture, rig) -> tuple[np.ndarray, np.ndarray]:
    """The face's skin colour as a linear function of the surface normal, of one hue: (4, 3) coefficients of (1, normal), fitted to
    the skin that the photo shows, once a person; and the vertex normals (V, 3)."""
    return regions.remembered("skin light", partial(_fitted_light, regions, texture, rig))


def _fitted_light(regions: Regions, texture: Texture, rig) -> tuple[np.ndarray, np.ndarray]:
    normals = rig.vertex_normals
    block = chart_slice("face")
    take = np.zeros((ATLAS, ATLAS), bool)
    take[block] = (regions("bare_skin")[block] > 0.6) & (texture.seen[block] > 0.3)
    # Next to hair skin lies in its shade.
    away = cv2.distanceTransform((regions("hair")[block] < 0.3).astype(np.uint8), cv2.DIST_L2, 5)
    if (take[block] & (away > SHADOW)).sum() > 2000:
        take[block] &= away > SHADOW
    take[::2] = False
    rows = np.flatnonzero(take)
    if len(rows) < 100:
        rows = np.flatnonzero((regions("skin") > 0.3) & (texture.faces >= 0))
    if len(rows) < 100:  # the segmenter found no skin: the face is what is there
        take[block] = texture.faces[block] >= 0
        rows = np.flatnonzero(take)
    ids, bary = texture.faces.ravel()[rows], texture.bary.reshape(-1, 3)[rows]
    normal = interpolated(normals[rig.faces[ids]], bary)
    color = texture.color.reshape(-1, 3)[rows]
    light, lit = color.mean(1), np.ones(len(rows), bool)
    for _ in range(FITS):
        middle, level = normal[lit].mean(0), light[lit].mean()
        around = normal[lit] - middle
        slope = np.linalg.solve(around.T @ around + np.diag(RIDGE) * lit.sum(), around.T @ (light[lit] - level))
        # What is darker than its normal explains lies in somebody's shade.
        lit = light >= level + (normal - middle) @ slope - IN_SHADE
    # One hue for each lightness: a blush would pass for coloured light from somewhere, and redden the head behind it.
    tone = np.polyfit(light, color, 1)  # (2, 3)
    out = tone[:1] * np.array([level - middle @ slope, *slope])[:, None]
    out[0] += tone[1]
    return out, normals


@dataclass
class Bared:
    """What takes the place of hair: patch, the change of colour; cover (ATLAS, ATLAS): how much of what was there it hides; fresh (ATLAS,
    ATLAS): where on the head behind the face there is skin instead of hair; halfway: what is added half way, or None."""

    patch: Patch
    cover: np.ndarray
    fresh: np.ndarray
    halfway: Patch | None


def bare(regions: Regions, texture: Texture, rig: Rig, shaper: Shaper, step: Bare) -> Bared | None:
    """Hair of a region replaced by skin under the light of the face, on the bust by what lies beside the hair. None if there is no hair."""
    part = soft(regions(step.region), 2)
    if box_of(part) is None:
        return None
    # Hair goes as far as its soft edge, and what lies beside it with it; where one part of it borders on another each edit takes its share, or
    # both would take the same twice.
    whole = np.maximum(soft(regions("bald_area"), 2), part)
    hair = np.clip(1.5 * whole, 0, 1)
    mine = part / np.maximum(whole, 1e-3)
    fresh = np.zeros_like(part)
    fresh[chart_slice("shell")] = smooth_step((hair * mine)[chart_slice("shell")], *BORDER)
    clean = bare_head(regions, texture, rig, shaper)
    beside = np.maximum(_shaded(regions, hair), _stray(regions, texture, clean[chart_slice("face")], hair))
    around = soft(whole, NEIGHBOURS)
    far = soft(part, 0.4 * TIPS) / np.maximum(soft(whole, 0.4 * TIPS), 1e-5)
    nearby = np.clip(np.where(around > 1e-3, soft(part, NEIGHBOURS) / np.maximum(around, 1e-5), far), 0, 1)
    weight = hair * mine + np.maximum(beside - hair, 0) * nearby
    box = box_of(weight)
    assert box is not None
    inside = tuple(at[box] for at in regions.nearest)
    taken, was = weight[inside][..., None], texture.color[inside]
    left = clean[inside] if step.share == 1 else stubble(regions, texture, clean, step.share)[inside]
    halfway = None
    if step.cropped:
        head = np.ones(weight.shape, np.float32)
        head[chart_slice("body")] = 0
        halfway = box, (stubble(regions, texture, clean, HALF_CROPPED)[inside] - 0.5 * (left + was)) * taken * head[inside][..., None]
    return Bared((box, (left - was) * taken), weight[regions.nearest], fresh, halfway)


def stubble(regions: Regions, texture: Texture, clean: np.ndarray, share: float) -> np.ndarray:
    """The texture (ATLAS, ATLAS, 3) of a clipped head: between hairs a share of its skin (ATLAS, ATLAS, 3) shows. Made once for each share."""
    return regions.remembered(f"stubble {share}", partial(_cropped, regions, texture, clean, share))


def _cropped(regions: Regions, texture: Texture, clean: np.ndarray, share: float) -> np.ndarray:
    """All hairs have one colour: what locks had of light and shade goes with them; and where they fall over forehead, ears and neck none grow."""
    hair = np.clip(regions("hair"), 0, 1)
    seen = (hair > 0.8) & (texture.seen > 0.3)
    tone = texture.color[seen if seen.any() else hair > 0].mean(0) if hair.any() else np.zeros(3, np.float32)
    # They are lit as the skin between them is.
    lit = (clean @ GREY)[..., None] / max(float(clean[chart_slice("shell")].mean()), 1e-3)
    # Down to where hair grows they stand closer and closer, and end nowhere in a line.
    thin = smooth_step(below_hair(regions.points).astype(np.float32), *THIN_OUT)
    elsewhere = np.maximum.reduce([regions("own_fringe"), regions("covered_ears"), thin]).astype(np.float32)
    grain = share + STUBBLE * regions.remembered("grain of stubble", _stubble)
    skin = np.clip(grain + (1 - grain) * elsewhere, 0, 1)[..., None]
    return skin * clean + (1 - skin) * np.clip(tone * lit, 0, 1)


def bare_head(regions: Regions, texture: Texture, rig: Rig, shaper: Shaper) -> np.ndarray:
    """The texture (ATLAS, ATLAS, 3) without any hair; made once a person."""
    return regions.remembered("bare head", partial(_bare_head, regions, texture, rig, shaper))


def _bare_head(regions: Regions, texture: Texture, rig: Rig, shaper: Shaper) -> np.ndarray:
    out = texture.color.copy()
    hair = np.clip(soft(np.maximum(regions("hair"), own_beard(regions)), 2) * 1.5, 0, 1)
    hair = np.maximum(hair, _shaded(regions, hair))
    for part in ("face", "shell"):
        block = chart_slice(part)
        painted = _painted(regions, texture, rig, shaper, part)
        if part == "face":
            # What the light does not explain of the skin next to the hair goes on under it.
            other = np.maximum(hair, _stray(regions, texture, painted, hair))[block]
            known = np.clip(regions("bare_skin")[block] * 1.2 - 0.1, 0, 1) * (texture.seen[block] > 0.2) * (other < 0.05)
            rest = cv2.GaussianBlur(texture.color[block] - painted, (0, 0), 3).astype(np.float32)
            known *= _not_cast(rest.mean(-1), known, hair[block])
            rest = diffuse(rest, known.astype(np.float32))
            painted = painted + rest
            # And on behind the outline of the face.
            ring = at_oval(rest, rig)
        else:
            height, width = painted.shape[:2]
            columns = head_template().around(np.arange(width) / width)
            edge = np.stack([np.interp(columns, np.arange(len(ring) + 1), np.append(ring[:, k], ring[0, k])) for k in range(3)], -1)
            fade = np.clip(1 - np.arange(height) / height / 0.5, 0, 1)[:, None, None]
            painted = painted + edge[None] * fade + ring.mean(0) * (1 - fade)
        out[block] = np.clip(painted + _pores(regions, texture, part)[..., None], 0, 1)
    out[chart_slice("body")] = _beside_hair(regions, texture)
    return out


def _not_cast(rest: np.ndarray, known: np.ndarray, hair: np.ndarray) -> np.ndarray:
    """How far (h, w) skin whose light differs so much (h, w) from what its normal explains is no shade that hair (h, w) casts, which goes with
    it: what is as dark where no hair is near, the side away from a window, say, stays. known (h, w): where there is skin to tell by."""
    far = known * (cv2.distanceTransform((hair < 0.3).astype(np.uint8), cv2.DIST_L2, 5) > CAST)
    own = np.minimum(diffuse(rest[..., None], far.astype(np.float32))[..., 0], 0) if far.sum() > 100 else 0.0
    return smooth_step(rest - own, -2 * IN_SHADE, -IN_SHADE)


def _shaded(regions: Regions, weight: np.ndarray) -> np.ndarray:
    """Weight (ATLAS, ATLAS) of the skin beside hair (ATLAS, ATLAS) that is taken off: single hairs and shadow lie on it, and what the photo does
    not show of it was made up beside hair."""
    out = np.zeros_like(weight)
    for part in ("face", "shell"):
        block = chart_slice(part)
        away = cv2.distanceTransform((weight[block] < 0.3).astype(np.uint8), cv2.DIST_L2, 5)
        unseen = smooth_step(away, UNSEEN_BESIDE, SHADOW) * cv2.GaussianBlur(
            np.clip(1 - 3 * regions.texture.seen[block], 0, 1), (0, 0), 5.0
        )
        out[block] = np.maximum(smooth_step(away, SHADOW, 0.4 * SHADOW), unseen) * np.clip(2 * regions("skin")[block], 0, 1)
    block = chart_slice("face")
    out[block] *= 1 - _beside_features(regions)
    return out


def _beside_features(regions: Regions) -> np.ndarray:
    """Weight (h, w) of brows, lips and glasses on the face's chart, and next to them."""
    features = np.maximum.reduce([regions(name)[chart_slice("face")] for name in ("brows", "lips", "glasses")])
    return np.clip(cv2.dilate(features, np.ones((9, 9))), 0, 1)


def _stray(regions: Regions, texture: Texture, clean: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Weight (ATLAS, ATLAS) of the ends of hair on forehead and cheeks, beside what the mask knows of it (ATLAS, ATLAS): darker than the skin that
    would be there, on the face's chart (h, w, 3)."""
    out = np.zeros_like(weight)
    block, features = chart_slice("face"), _beside_features(regions)
    away = cv2.distanceTransform((weight[block] < 0.3).astype(np.uint8), cv2.DIST_L2, 5)
    darker = cv2.GaussianBlur((clean - texture.color[block]).astype(np.float32) @ GREY, (0, 0), 1.5)
    x, y = np.moveaxis(regions.face_xy, -1, 0)
    low = BELOW_BROWS + (BETWEEN_BROWS - BELOW_BROWS) * smooth_step(np.abs(x), 0.22, 0.16)
    high = smooth_step(y - low, 0.0, -0.08)
    cheeks = smooth_step(np.maximum(np.abs(x) - EYES[0], y - EYES[1]), 0.0, 0.08) * (1 - np.clip(2 * own_beard(regions)[block], 0, 1))
    likely = smooth_step(darker, *DARKER) * np.maximum(high, cheeks) * (1 - features)
    # A fringe's tip that hangs down between the brows hangs together with it.
    _, labels = cv2.connectedComponents(((likely > 0.3) & (away < TIPS)).astype(np.uint8))
    tips = np.isin(labels, np.setdiff1d(labels[away < STRAY[0]], 0)).astype(np.float32)
    found = likely * np.maximum(smooth_step(away, STRAY[1], STRAY[0]), cv2.GaussianBlur(tips, (0, 0), 2.0))
    out[block] = cv2.GaussianBlur(cv2.dilate(found, np.ones((5, 5))), (0, 0), 1.5) * (1 - features)
    return out


def _beside_hair(regions: Regions, texture: Texture) -> np.ndarray:
    """The bust's chart (h, w, 3) with what lies beside the hair carried on under it."""
    block = chart_slice("body")
    hair = cv2.dilate(regions("hair")[block], np.ones((7, 7)))
    known = (np.clip(1 - 3 * hair, 0, 1) * (texture.faces[block] >= 0)).astype(np.float32)
    return diffuse(np.ascontiguousarray(texture.color[block], np.float32), known, around=True)


def _pores(regions: Regions, texture: Texture, part: str) -> np.ndarray:
    """Fine detail of skin (h, w) as strong as the face's own has it."""
    block = chart_slice("face")
    light = texture.color[block] @ GREY
    fine = light - cv2.GaussianBlur(light, (0, 0), 2.0)
    own = (regions("bare_skin")[block] > 0.9) & (texture.seen[block] > 0.5)
    strength = min(1.25 * float(np.median(np.abs(fine[own]))), MOST_PORES) if own.sum() > 100 else 0.0
    here = chart_slice(part)
    noise = np.random.default_rng(3).standard_normal((here[0].stop - here[0].start, here[1].stop - here[1].start)).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), 1.0)
    return strength * noise / max(float(noise.std()), 1e-6)


def _stubble() -> np.ndarray:
    """Noise (ATLAS, ATLAS) of deviation 1, as fine as cropped hairs stand."""
    noise = cv2.GaussianBlur(np.random.default_rng(4).standard_normal((ATLAS, ATLAS)).astype(np.float32), (0, 0), 0.8)
    return noise / float(noise.std())


def _painted(regions: Regions, texture: Texture, rig: Rig, shaper: Shaper, part: str) -> np.ndarray:
    """Bare skin on all of a part's chart (h, w, 3), in the light of the face."""
    light, normals = skin_light(regions, texture, rig)
    front = normals[:FACE].mean(0)
    middle = np.clip(light[0] + front / np.linalg.norm(front) @ light[1:], 0.05, 1)
    block = chart_slice(part)
    shade = np.ones(len(rig.vertices))
    if part == "shell":  # skin lies where the head is without its hair
        normals = normals.copy()
        normals[: len(shaper.surface.vertices)], hollow = shaper.bald_form()
        shade[: len(hollow)] = 1 - HOLLOWS * hollow
    # Beside a chart's triangles it is as just inside: what is read at its border mixes both.
    ids, bary = rig.faces[texture.faces[regions.nearest][block]], texture.bary[regions.nearest][block]
    normal = interpolated(normals[ids], bary)
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True) + 1e-6
    # The face says little of the light on the head behind it: no darker there than its own shaded side.
    lit = np.clip(light[0] + normal @ light[1:], DIMMEST[part] * middle, BRIGHTEST * middle)
    return lit * interpolated(shade[ids][..., None], bary)


def at_oval(chart: np.ndarray, rig) -> np.ndarray:
    """Values (36, C) of a picture of the face's chart at the face's outline, smoothed along it."""
    at = np.zeros((FACE, 2), np.float32)
    faces = rig.part_faces("face")
    at[rig.faces[faces].ravel()] = rig.uvs[faces].reshape(-1, 2) * ATLAS
    block = chart_slice("face")
    ring = sample(chart, (at[OVAL] - [block[1].start, block[0].start])[None])[0]
    return (np.roll(ring, 1, 0) + 2 * ring + np.roll(ring, -1, 0)) / 4
