"""The catalogue: every category, its axes and its styles. Adding a style is adding an entry here."""

from .edits import Axis, Category, EyeSize, HairVolume, Prop, Recolor, Sculpt, Strands, Style

_UPPER_LIP = ((37, (0, -0.030, -0.020)), (267, (0, -0.030, -0.020)), (0, (0, -0.028, -0.022)), (269, (0, -0.024, -0.014)),
              (270, (0, -0.014, -0.008)), (312, (0, -0.004, -0.012)), (13, (0, -0.004, -0.012)), (11, (0, -0.016, -0.03)), (302, (0, -0.016, -0.028)))
_LOWER_LIP = ((17, (0, 0.042, -0.020)), (314, (0, 0.040, -0.018)), (405, (0, 0.030, -0.012)), (321, (0, 0.016, -0.006)),
              (14, (0, 0.004, -0.012)), (317, (0, 0.004, -0.012)), (16, (0, 0.022, -0.036)), (315, (0, 0.022, -0.034)))
_BROW_LEFT = (336, 296, 334, 293, 300, 285, 295, 282, 283, 276)
_JAW = ((361, (0.02, 0, 0)), (288, (0.085, 0.02, 0)), (397, (0.095, 0.015, 0)), (365, (0.075, 0.01, 0)), (379, (0.05, 0.005, 0)),
        (378, (0.028, 0, 0)), (435, (0.06, 0, 0)), (367, (0.08, 0, 0)), (364, (0.075, 0, 0)))


def _axis(name, label, help, edits, regions, low=0.0, prompt=""):
    return Axis(name, label, help, edits if isinstance(edits, tuple) else (edits,), regions, low, prompt)


def _style(name, label, **at):
    return Style(name, label, tuple(at.items()))


CATEGORIES: tuple[Category, ...] = (
    Category("hair", "Hair", (
        _axis("hair_blond", "Blond", "Lighter, golden hair", Recolor("hair", to=(74, 6, 34), lightness=24), ("hair",), prompt="blond hair"),
        _axis("hair_dark", "Dark", "Darker hair, to black", Recolor("hair", to=(12, 1, 2), lightness=24), ("hair",), prompt="black hair"),
        _axis("hair_red", "Red", "Copper-red hair", Recolor("hair", to=(42, 34, 36), lightness=14), ("hair",), prompt="copper red hair"),
        _axis("hair_grey", "Grey", "Silver-grey hair", Recolor("hair", to=(68, 0, 1), lightness=20), ("hair",), prompt="silver grey hair"),
        _axis("hair_volume", "Volume", "Flatter or fuller hair", HairVolume(0.16), ("hair",), -1.0, "more voluminous hair"),
    ), (
        _style("blond", "Blond", hair_blond=1), _style("black", "Black", hair_dark=1), _style("red", "Red", hair_red=1),
        _style("grey", "Grey", hair_grey=1), _style("voluminous", "Voluminous", hair_volume=1), _style("flat", "Flat", hair_volume=-1),
    )),
    Category("beard", "Beard", (
        _axis("beard_stubble", "Stubble", "A few days' growth", Strands("beard", 0.020, 6000, 0.0042, 0.30, 0.6, 0.42), ("beard",), prompt="stubble"),
        _axis("beard_full", "Full beard", "A full beard with moustache", Strands("beard", 0.16, 4200, 0.0075, 0.62, 0.22), ("beard",), prompt="a full beard"),
        _axis("beard_moustache", "Moustache", "Hair on the upper lip", Strands("moustache", 0.12, 6500, 0.0075, 0.55, 0.22), ("moustache",), prompt="a moustache"),
        _axis("beard_goatee", "Goatee", "Hair on the chin", Strands("goatee", 0.15, 5200, 0.0075, 0.60, 0.25), ("goatee",), prompt="a goatee"),
    ), (
        _style("stubble", "Stubble", beard_stubble=1), _style("full", "Full", beard_full=1),
        _style("moustache", "Moustache", beard_moustache=1), _style("goatee", "Goatee", beard_goatee=1, beard_moustache=0.9),
    )),
    Category("eyebrows", "Eyebrows", (
        _axis("brow_thickness", "Thickness", "Thinner or thicker brows",
              (Sculpt(scale=((_BROW_LEFT, (0.04, 0.55, 0)),), radius=0.22, pinned=(386, 385, 387, 384, 388, 257, 258, 259)),
               Recolor("brows", shift=(-7, 0, 0))), ("brow_area",), -1.0, "thick eyebrows"),
        _axis("brow_height", "Height", "Lower or higher brows",
              Sculpt(moves=tuple((i, (0, -0.055, 0)) for i in _BROW_LEFT), radius=0.35, pinned=(386, 385, 387, 384, 388)), ("brow_area",), -1.0, "raised eyebrows"),
        _axis("brow_dark", "Dark", "Darker brows", Recolor("brows", to=(14, 2, 4), lightness=22), ("brow_area",), prompt="dark eyebrows"),
    ), (_style("thick", "Thick", brow_thickness=1), _style("thin", "Thin", brow_thickness=-1), _style("dark", "Dark", brow_dark=1))),
    Category("eyes", "Eyes", (
        _axis("eye_size", "Size", "Smaller or larger eyes", EyeSize(0.20), ("eye_area",), -1.0, "larger eyes"),
        _axis("eye_tilt", "Tilt", "Outer corners down or up",
              Sculpt(moves=((263, (0, -0.035, 0)), (466, (0, -0.030, 0)), (388, (0, -0.02, 0)), (249, (0, -0.030, 0)), (390, (0, -0.02, 0)),
                            (362, (0, 0.012, 0))), radius=0.24, pinned=(168, 334, 283)), ("eye_area",), -1.0, "cat-like upturned eyes"),
        _axis("eye_blue", "Blue", "Blue irises", Recolor("iris", to=(48, -4, -28), lightness=16), ("iris",), prompt="blue eyes"),
        _axis("eye_green", "Green", "Green irises", Recolor("iris", to=(46, -20, 20), lightness=14), ("iris",), prompt="green eyes"),
        _axis("eye_brown", "Brown", "Brown irises", Recolor("iris", to=(26, 14, 20), lightness=14), ("iris",), prompt="brown eyes"),
    ), (_style("large", "Large", eye_size=1), _style("blue", "Blue", eye_blue=1), _style("green", "Green", eye_green=1), _style("brown", "Brown", eye_brown=1))),
    Category("nose", "Nose", (
        _axis("nose_width", "Width", "Narrower or wider nose",
              Sculpt(moves=((278, (0.050, 0, 0)), (279, (0.048, 0, 0)), (358, (0.056, 0, 0)), (327, (0.034, 0, 0)), (294, (0.052, 0, 0)),
                            (344, (0.036, 0, 0)), (440, (0.030, 0, 0)), (4, (0, 0, 0)), (1, (0, 0, 0)), (2, (0, 0, 0)), (420, (0.028, 0, 0)), (456, (0.018, 0, 0))),
                     radius=0.26, pinned=(0, 267, 362, 374, 425)), ("nose_area",), -1.0, "a wider nose"),
        _axis("nose_length", "Length", "Shorter or longer nose",
              Sculpt(moves=((1, (0, 0.065, -0.03)), (4, (0, 0.055, -0.035)), (2, (0, 0.062, -0.01)), (5, (0, 0.040, -0.02)), (278, (0, 0.045, 0)),
                            (358, (0, 0.042, 0)), (327, (0, 0.050, 0)), (294, (0, 0.050, 0)), (195, (0, 0.02, -0.012))),
                     radius=0.28, pinned=(0, 267, 362, 374, 425, 168)), ("nose_area",), -1.0, "a longer nose"),
        _axis("nose_bridge", "Bridge", "Flatter or more prominent bridge",
              Sculpt(moves=((6, (0, 0, -0.055)), (197, (0, 0, -0.080)), (195, (0, 0, -0.065)), (168, (0, 0, -0.025)), (4, (0, 0, 0)), (1, (0, 0, 0))),
                     radius=0.24, pinned=(362, 133, 425)), ("nose_area",), -1.0, "a prominent nose bridge"),
    ), (_style("wide", "Wide", nose_width=1), _style("narrow", "Narrow", nose_width=-1), _style("long", "Long", nose_length=1), _style("short", "Short", nose_length=-1))),
    Category("mouth", "Mouth", (
        _axis("lip_fullness", "Fullness", "Thinner or fuller lips",
              Sculpt(moves=_UPPER_LIP + _LOWER_LIP, radius=0.22, pinned=(2, 94, 199, 200, 327)), ("mouth_area",), -1.0, "full lips"),
        _axis("mouth_width", "Width", "Narrower or wider mouth",
              Sculpt(moves=((291, (0.055, 0, 0.012)), (308, (0.05, 0, 0.01)), (409, (0.042, 0, 0.01)), (375, (0.042, 0, 0.01)), (270, (0.026, 0, 0)),
                            (321, (0.028, 0, 0)), (0, (0, 0, 0)), (17, (0, 0, 0))), radius=0.30, pinned=(2, 327, 152)), ("mouth_area",), -1.0, "a wider mouth"),
        _axis("lip_red", "Red lips", "Red lip colour", Recolor("lips", to=(40, 58, 30), lightness=12), ("lips",), prompt="red lipstick"),
        _axis("lip_nude", "Pale lips", "Pale, natural lip colour", Recolor("lips", to=(74, 12, 14), lightness=22), ("lips",), prompt="pale nude lips"),
    ), (_style("full_lips", "Full lips", lip_fullness=1), _style("thin_lips", "Thin lips", lip_fullness=-1), _style("red_lips", "Red lips", lip_red=1))),
    Category("face_shape", "Face shape", (
        _axis("jaw_width", "Jaw width", "Narrower or wider jaw", Sculpt(moves=_JAW, radius=0.45, pinned=(291, 152, 454, 263, 358)), ("jaw_area",), -1.0, "a wide jaw"),
        _axis("chin_length", "Chin", "Shorter or longer chin",
              Sculpt(moves=((152, (0, 0.09, -0.01)), (377, (0, 0.085, -0.01)), (400, (0, 0.065, 0)), (378, (0, 0.04, 0)), (175, (0, 0.075, -0.015)),
                            (199, (0, 0.055, -0.015)), (396, (0, 0.07, -0.01))), radius=0.42, pinned=(17, 291, 0, 288)), ("jaw_area",), -1.0, "a longer chin"),
        _axis("cheek_fullness", "Cheeks", "Hollow or full cheeks",
              Sculpt(moves=((425, (0.018, 0, -0.035)), (280, (0.02, 0, -0.02)), (411, (0.045, 0, -0.035)), (427, (0.045, 0, -0.035)), (416, (0.05, 0, -0.01)),
                            (376, (0.045, 0, -0.02)), (352, (0.03, 0, -0.01))), radius=0.36, pinned=(291, 263, 374, 358, 454, 397)), ("jaw_area",), -1.0, "full cheeks"),
    ), (_style("wide_jaw", "Wide jaw", jaw_width=1), _style("narrow", "Narrow", jaw_width=-1, cheek_fullness=-0.5), _style("long_chin", "Long chin", chin_length=1))),
    Category("skin", "Skin", (
        _axis("skin_tan", "Tan", "Paler or more tanned skin", Recolor("skin", shift=(-13, 5, 9)), ("skin", "neck"), -1.0, "tanned skin"),
        _axis("skin_warmth", "Warmth", "Cooler or warmer skin", Recolor("skin", shift=(0, 6, 8)), ("skin", "neck"), -1.0, "a warm skin tone"),
        _axis("blush", "Blush", "Rosy cheeks", Recolor("cheeks", shift=(-5, 15, 5)), ("cheeks",), prompt="rosy blush on the cheeks"),
    ), (_style("tan", "Tan", skin_tan=1), _style("pale", "Pale", skin_tan=-0.5), _style("rosy", "Rosy", blush=1))),
    Category("glasses", "Glasses", (
        _axis("glasses_round", "Round", "Round metal glasses", Prop("round", (0.16, 0.13, 0.10)), ("glasses_area",), prompt="round metal glasses"),
        _axis("glasses_square", "Square", "Square black glasses", Prop("square", (0.05, 0.05, 0.06)), ("glasses_area",), prompt="square black glasses"),
    ), (_style("round", "Round", glasses_round=1), _style("square", "Square", glasses_square=1))),
)

BY_NAME = {c.name: c for c in CATEGORIES}
AXES = {a.name: (c, a) for c in CATEGORIES for a in c.axes}
