"""The catalogue's surfaces: hair, beard, skin, makeup."""

from .edit_vocabulary import PINNED, Bare, Category, Detail, Dye, HairVolume, Locks, Paint, Recolor, Strands, Tuck, axis, style

# Middle tones of hair in CIE Lab. Measured are black hair at L* 18 to 20, a* 0, b* -1, and dark brown hair at L* 23, a* 4, b* 5 ("Measurement
# of hair luster", J. Cosmet. Sci. 51, 2000, p. 293); from there natural hair that is not red runs along L* and b* (Lozano et al. 2017, "The
# diversity of the human hair colour", Int. J. Cosmet. Sci. 39, p. 101). Photos show lit hair lighter than tresses measure, hence more L* here.
_NATURAL = {
    "blond": Dye((66, 6, 30), deep=25, light=17, roots=0.30),
    "dark": Dye((15, 1, 1), deep=9, light=20),
    "brown": Dye((31, 10, 15), deep=16, light=20, roots=0.1),
    "red": Dye((41, 26, 32), deep=20, light=20, roots=0.15),
    "grey": Dye((66, -1, 1), deep=25, light=20, roots=0.15),
}
# Fantasy tones lie outside of that: the hair's shading is all that makes them hair.
_FANTASY = {
    "blue": Dye((42, 4, -40), deep=22, light=24, roots=0.15),
    "pink": Dye((60, 46, -6), deep=24, light=20, roots=0.15),
    "green": Dye((50, -34, 20), deep=22, light=22, roots=0.15),
}


def _color(name: str, label: str, help: str, prompt: str):
    return axis(f"hair_{name}", label, help, (_NATURAL | _FANTASY)[name], ("dyed_hair",), prompt=prompt)


# Colour and cut are two choices: any colour goes with any cut, and also dyes what a cut adds.
HAIR_COLOUR = Category("hair_colour", "Hair colour", (
    _color("blond", "Blond", "Lighter, golden hair", "blond hair"),
    _color("dark", "Dark", "Darker hair, to black", "black hair"),
    _color("brown", "Brown", "Chestnut-brown hair", "chestnut brown hair"),
    _color("red", "Red", "Copper-red hair", "copper red hair"),
    _color("grey", "Grey", "Silver-grey hair", "silver grey hair"),
    _color("blue", "Blue", "Vivid blue hair", "vivid blue hair"),
    _color("pink", "Pink", "Vivid pink hair", "vivid pink hair"),
    _color("green", "Green", "Vivid green hair", "vivid green hair"),
    axis("hair_lightness", "Lightness", "Darker or lighter, in its own colour", Dye(shift=(13, 1, 4)), ("dyed_hair",), -1.0, "lighter hair"),
), (
    style("blond", "Blond", hair_blond=1), style("black", "Black", hair_dark=1), style("brown", "Brown", hair_brown=1),
    style("red", "Red", hair_red=1),
    style("grey", "Grey", hair_grey=1), style("blue", "Blue", hair_blue=1), style("pink", "Pink", hair_pink=1),
    style("green", "Green", hair_green=1),
    style("purple", "Purple", hair_blue=0.5, hair_pink=0.5),
))

HAIR = Category("hair", "Haircut", (
    axis("hair_volume", "Volume", "Flatter or fuller hair", HairVolume(0.16), ("hair",), -1.0, "more voluminous hair"),
    axis("hair_short", "Cropped", "Hair cut short", Tuck(0.12, "pinned"), ("pinned",), prompt="closely cropped hair"),
    axis("hair_long", "Long", "Hair that grows down to the shoulders", Locks("long", 820, 0.032), ("hair",),
         prompt="long hair down to the shoulders"),
    axis("hair_fringe", "Fringe", "Hair that falls over the forehead", Locks("fringe", 620, 0.019), ("hair",), prompt="a fringe"),
    axis("hair_receding", "Receding", "A hairline further back", (Bare("temples"), Tuck(0.0, "temples"), Locks("hairline", 400, 0.0065)), ("temples",),
         prompt="a receding hairline"),
    axis("hair_bald", "Bald", "No hair on the head", (Tuck(0.0, "bald_area", early=1.7), Bare("bald_area", cropped=True)),
         ("bald_area",),
         prompt="a bald head"),
    axis("hair_ends", "Cut at the neck", "Hair that hangs over neck and shoulders cut off", (Tuck(0.0, "hanging", early=1.7), Bare("hanging", cropped=True)),
         ("hanging",), prompt="hair that ends at the neck"),
    axis("hair_ears", "Ears free", "Hair off the ears", (Tuck(0.0, "covered_ears", early=1.7), Bare("covered_ears", cropped=True)), ("covered_ears",),
         prompt="hair that leaves the ears free"),
    axis("hair_up", "Combed back", "Hair combed flat to the back of the head", (PINNED, Locks("combed", 240, 0.026)), ("pinned",),
         prompt="hair combed back flat"),
    axis("hair_tail", "Ponytail", "A ponytail, seen when hair is combed back", Locks("ponytail", 190, 0.026), ("glasses_area",),
         prompt="a high ponytail", needs="hair_up"),
    axis("hair_bun", "Bun", "A bun, seen when hair is combed back", Locks("bun", 140, 0.032), ("glasses_area",),
         prompt="a hair bun", needs="hair_up"),
    axis("hair_curls", "Curls", "Locks that curl", Locks("curls", 350, 0.03), ("glasses_area",), prompt="curly hair"),
    axis("hair_afro", "Afro", "Coils that stand out all around", (HairVolume(0.55, 0.55, "puffed"), Locks("afro", 1600, 0.024)), ("upper_hair",),
         prompt="an afro"),
    axis("hair_undercut", "Undercut", "Sides and back shaved, the top left long", (Tuck(0.45, "over_undercut", most=0.16), Tuck(0.0, "undercut"),
          Bare("undercut", 0.7)), ("undercut", "over_undercut"), prompt="an undercut with shaved sides"),
    axis("hair_forehead", "Forehead free", "A fringe combed back from the forehead", (Bare("own_fringe"), Locks("swept", 240, 0.013)),
         ("own_fringe",),
         prompt="hair combed back from the forehead"),
), (
    style("voluminous", "Voluminous", hair_volume=1), style("flat", "Flat", hair_volume=-1),
    style("cropped", "Cropped", hair_short=1, hair_ends=1, hair_ears=1), style("bob", "Bob", hair_long=0.45), style("long", "Long", hair_long=1),
    style("fringe", "Fringe", hair_fringe=1),
    style("ponytail", "Ponytail", hair_up=1, hair_ends=1, hair_ears=1, hair_forehead=1, hair_tail=1),
    style("bun", "Bun", hair_up=1, hair_ends=1, hair_ears=1, hair_forehead=1, hair_bun=1),
    style("curly", "Curly", hair_curls=1, hair_volume=0.5), style("afro", "Afro", hair_afro=1, hair_ends=1, hair_forehead=1),
    style("undercut", "Undercut", hair_undercut=1, hair_ends=1, hair_ears=1),
    style("receding", "Receding", hair_receding=1), style("bald", "Bald", hair_bald=1),
))

BEARD = Category("beard", "Beard", (
    axis("beard_stubble", "Stubble", "A few days' growth", Strands("beard", 0.011, 8000, 0.0034, 0.34, 0.5, 0.55), ("beard",),
         prompt="stubble"),
    axis("beard_full", "Full beard", "A full beard with moustache", Strands("beard", 0.19, 6600, 0.0062, 0.86, 0.20), ("beard",),
         prompt="a full beard"),
    axis("beard_moustache", "Moustache", "Hair on the upper lip", Strands("moustache", 0.13, 14000, 0.0060, 0.86, 0.18), ("moustache",),
         prompt="a moustache"),
    axis("beard_goatee", "Goatee", "Hair on the chin", Strands("goatee", 0.16, 6000, 0.0062, 0.88, 0.22), ("goatee",), prompt="a goatee"),
    axis("beard_long", "Long", "A beard that grows down to the chest", Strands("chin_beard", 0.62, 2300, 0.0085, 0.22, 0.16, 0.9, 5),
         ("chin_beard",),
         prompt="a long beard"),
    axis("beard_shaven", "Clean-shaven", "The beard or moustache of the photo taken off", Bare("own_beard"), ("own_beard",),
         prompt="a clean-shaven face"),
), (
    style("stubble", "Stubble", beard_stubble=1), style("full", "Full", beard_full=1), style("moustache", "Moustache", beard_moustache=1),
    style("goatee", "Goatee", beard_goatee=1, beard_moustache=0.9), style("long", "Long", beard_full=1, beard_long=1),
    style("shaven", "Clean-shaven", beard_shaven=1),
))

SKIN = Category("skin", "Skin", (
    axis("skin_tan", "Tan", "Paler or more tanned skin", (Recolor("skin", shift=(-13, 5, 9)), Recolor("neck", shift=(-13, 5, 9))),
         ("skin", "neck"), -1.0, "tanned skin"),
    axis("skin_warmth", "Warmth", "Cooler or warmer skin", (Recolor("skin", shift=(0, 6, 8)), Recolor("neck", shift=(0, 6, 8))),
         ("skin", "neck"), -1.0, "a warm skin tone"),
    axis("blush", "Blush", "Rosy cheeks", Recolor("cheeks", shift=(-5, 15, 5)), ("cheeks",), prompt="rosy blush on the cheeks"),
    axis("skin_freckles", "Freckles", "Freckles on nose and cheeks", Paint("freckles", (-20, 7, 13)), ("freckle_area",), prompt="freckles"),
    axis("skin_wrinkles", "Wrinkles", "Lines of age", (Detail("wrinkle_area", 0.7), Paint("wrinkles", (-22, 4, 3))), ("wrinkle_area",),
         prompt="an old, wrinkled face"),
    axis("skin_smooth", "Smoothness", "Rougher or smoother skin", Detail("bare_skin", -0.8), ("bare_skin",), -1.0, "smooth skin"),
), (
    style("tan", "Tan", skin_tan=1), style("pale", "Pale", skin_tan=-0.5), style("rosy", "Rosy", blush=1),
    style("freckled", "Freckled", skin_freckles=1),
    style("older", "Older", skin_wrinkles=1), style("younger", "Younger", skin_smooth=1, blush=0.3),
))

MAKEUP = Category("makeup", "Makeup", (
    axis("lip_red", "Red lips", "Red lip colour", Recolor("lips", to=(40, 58, 30), lightness=12), ("lips",), prompt="red lipstick"),
    axis("lip_pink", "Pink lips", "Pink lip colour", Recolor("lips", to=(58, 46, 2), lightness=12), ("lips",), prompt="pink lipstick"),
    axis("lip_plum", "Plum lips", "Dark plum lip colour", Recolor("lips", to=(26, 34, -6), lightness=18), ("lips",),
         prompt="plum lipstick"),
    axis("lip_nude", "Pale lips", "Pale, natural lip colour", Recolor("lips", to=(74, 12, 14), lightness=22), ("lips",),
         prompt="pale nude lips"),
    axis("eyeliner", "Eyeliner", "A dark line along the lids", Paint("eyeliner", (-34, -4, -8)), ("liner_area",),
         prompt="black winged eyeliner"),
    axis("shadow_brown", "Brown shadow", "Warm brown eye shadow", Recolor("lid_area", to=(34, 14, 18), lightness=16, strength=0.8),
         ("lid_area",), prompt="brown eye shadow"),
    axis("shadow_blue", "Blue shadow", "Blue eye shadow", Recolor("lid_area", to=(44, -2, -26), lightness=14, strength=0.7), ("lid_area",),
         prompt="blue eye shadow"),
    axis("shadow_purple", "Purple shadow", "Purple eye shadow", Recolor("lid_area", to=(38, 24, -22), lightness=16, strength=0.75),
         ("lid_area",), prompt="purple eye shadow"),
    axis("makeup_blush", "Blusher", "Colour high on the cheekbones", Recolor("cheekbones", shift=(-3, 19, 3)), ("cheekbones",),
         prompt="blusher on the cheekbones"),
), (
    style("red_lips", "Red lips", lip_red=1), style("pink_lips", "Pink lips", lip_pink=1), style("plum_lips", "Plum lips", lip_plum=1),
    style("eyeliner", "Eyeliner", eyeliner=1), style("smoky", "Smoky", shadow_brown=1, eyeliner=1),
    style("blue", "Blue", shadow_blue=1, eyeliner=0.5),
    style("purple", "Purple", shadow_purple=1, lip_plum=0.7), style("blusher", "Blusher", makeup_blush=1),
    style("natural", "Natural", lip_nude=0.5, makeup_blush=0.5, shadow_brown=0.3),
))
