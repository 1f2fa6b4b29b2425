"""What a player must know beside arrays: names, ranges, joints, the camera; plain JSON values."""

from ..attributes.former_names import SHORTER, SPLIT
from ..avatar.avatar import Avatar
from ..avatar.headroom import CLOSE, LOOKS_UP, MARGIN, REST, tops
from ..avatar.latent_space import FAINTER, MOST_OPAQUE
from ..controls import RANGES
from ..face.landmarks import LOWER_LIP
from ..rig.expressions import COMPOSITES, LETS_GO, LID_RANGE, NAMES, WIDE
from ..rig.neck import NECK_LEAN, NECK_LENGTH
from ..rig.rig import BARED
from ..rig.skeleton import EYE_LOOK, GAZE_LIMIT, HEAD_CENTRE, JAW_ANGLE, JAW_HINGE, JAW_SLIDE, NECK_ENDS, NECK_PIVOT, PARTS

POSE = ("head_", "body_", "gaze_")  # beginnings of the controls that pose; the rest but `neutralise` are the camera's


def rig(avatar: Avatar) -> dict:
    """Camera, joints and names of the shapes."""
    camera, poser, highest = avatar.rig.camera, avatar.poser, tops(avatar)
    return {
        "camera": {
            "viewmat": camera.viewmat.astype(float).tolist(),
            "lens": [float(camera.K[at]) for at in ((0, 0), (1, 1), (0, 2), (1, 2))],
            "size": camera.width,
        },
        "pivot": list(HEAD_CENTRE),
        "headroom": {"rest": highest.pop(REST), "tops": highest, "margin": MARGIN, "looks_up": LOOKS_UP, "close": list(CLOSE)},
        "parts": PARTS,
        "eye_centres": avatar.rig.eye_centres.astype(float).tolist(),
        "iris": avatar.rig.iris.astype(float).tolist(),
        "joints": {
            "jaw": {"hinge": list(JAW_HINGE), "angle": float(JAW_ANGLE), "slide": JAW_SLIDE},
            "neck": {
                "pivot": list(NECK_PIVOT),
                "lower": list(NECK_ENDS[0]),
                "upper": list(NECK_ENDS[1]),
                "length": list(NECK_LENGTH),
                "lean": NECK_LEAN,
            },
            "eyes": {"look": float(EYE_LOOK), "limit": [float(x) for x in GAZE_LIMIT], "lid_range": LID_RANGE},
            "lower_teeth": {
                "vertices": poser.lower.tolist(),
                "follow": poser.follows.tolist(),
                "lip": LOWER_LIP,
                "edge": poser.edge,
                "slack": poser.below + BARED,
            },
            "tongue": {"vertices": poser.tongue.tolist(), "comes": poser.comes.tolist(), "over": poser.over.tolist()},
        },
        "shapes": NAMES,
        "lets_go": LETS_GO,
        "composites": COMPOSITES,
        "composites_wide": WIDE,
        "ranges": {name: list(limits) for name, limits in RANGES.items()},
    }


def catalogue(avatar: Avatar, limits: dict[str, str]) -> dict:
    """Categories with their axes and styles, as `Controls` name them, now and formerly; limits: axis -> why this portrait does not allow it.
    What is not allowed is not offered, but whoever asks for it by name sees what the server draws."""
    space = avatar.space
    return {
        "former": {"split": {name: list(homes) for name, homes in SPLIT.items()}, "shorter": SHORTER},
        "fainter": FAINTER,
        "most_opaque": MOST_OPAQUE,
        "categories": [
            {
                "name": c.name,
                "label": c.label,
                "axes": [
                    {"name": a.name, "label": a.label, "help": a.help, "low": a.low, "brings": space.brings(a), "grows": grows}
                    | ({"unavailable": limits[a.name]} if a.name in limits else {})
                    for a in c.axes
                    for grows in [space.brings(a) and space.grows(a)]
                ],
                "styles": [
                    {"name": s.name, "label": s.label, "at": dict(s.at)}
                    | next(({"unavailable": limits[name]} for name, _ in s.at if name in limits), {})
                    for s in c.styles
                ],
            }
            for c in space.categories.values()
        ],
    }
