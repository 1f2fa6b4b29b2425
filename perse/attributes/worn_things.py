"""The catalogue's things to wear: glasses, hats, earrings, headphones, clothes."""

from .edit_vocabulary import UNDER_HAT, Category, Prop, Recolor, Tint, axis, style

GLASSES = Category("glasses", "Glasses", (
    axis("glasses_round", "Round", "Round metal glasses", Prop("round", (0.16, 0.13, 0.10)), ("glasses_area",),
         prompt="round metal glasses"),
    axis("glasses_square", "Square", "Square black glasses", Prop("square", (0.05, 0.05, 0.06)), ("glasses_area",),
         prompt="square black glasses"),
    axis("glasses_aviator", "Aviator", "Aviator sunglasses with dark lenses", Prop("aviator", (0.55, 0.45, 0.24)), ("glasses_area",),
         prompt="aviator sunglasses with dark lenses"),
    axis("frame_red", "Red frame", "The frame in red", Tint("glasses", to=(38, 56, 34), lightness=40), ("glasses_area",),
         prompt="red frames",
         needs="glasses_square"),
    axis("frame_gold", "Gold frame", "The frame in gold", Tint("glasses", to=(68, 8, 44), lightness=60), ("glasses_area",),
         prompt="gold frames",
         needs="glasses_round"),
), (
    style("round", "Round", glasses_round=1), style("gold", "Gold", glasses_round=1, frame_gold=1),
    style("square", "Square", glasses_square=1),
    style("red", "Red", glasses_square=1, frame_red=1), style("aviator", "Aviator", glasses_aviator=1),
))

HAT = Category("hat", "Hat", (
    axis("hat_beanie", "Beanie", "A knitted beanie", (UNDER_HAT, Prop("beanie", (0.23, 0.25, 0.29))), ("under_hat",),
         prompt="a knitted beanie"),
    axis("hat_cap", "Cap", "A baseball cap", (UNDER_HAT, Prop("cap", (0.13, 0.20, 0.36))), ("under_hat",), prompt="a baseball cap"),
    axis("hat_cowboy", "Cowboy hat", "A cowboy hat", (UNDER_HAT, Prop("cowboy", (0.45, 0.31, 0.19))), ("under_hat",),
         prompt="a cowboy hat"),
    axis("hat_hairband", "Hairband", "A hairband over the head", Prop("hairband", (0.62, 0.12, 0.20)), ("glasses_area",),
         prompt="a hairband"),
    axis("hat_red", "Red", "The hat in red", Tint("hat", to=(40, 56, 36), lightness=16), ("glasses_area",), prompt="a red hat",
         needs="hat_beanie"),
    axis("hat_blue", "Blue", "The hat in blue", Tint("hat", to=(40, 4, -42), lightness=16), ("glasses_area",), prompt="a blue hat",
         needs="hat_beanie"),
    axis("hat_light", "Light", "The hat in cream", Tint("hat", to=(84, 2, 10), lightness=60), ("glasses_area",), prompt="a cream hat",
         needs="hat_beanie"),
), (
    style("beanie", "Beanie", hat_beanie=1), style("red_beanie", "Red beanie", hat_beanie=1, hat_red=1), style("cap", "Cap", hat_cap=1),
    style("white_cap", "White cap", hat_cap=1, hat_light=1), style("cowboy", "Cowboy", hat_cowboy=1),
    style("hairband", "Hairband", hat_hairband=1),
))

EARRINGS = Category("earrings", "Earrings", (
    axis("earring_studs", "Studs", "Small studs", Prop("studs", (0.85, 0.70, 0.34)), ("glasses_area",), prompt="stud earrings"),
    axis("earring_hoops", "Hoops", "Hoop earrings", Prop("hoops", (0.85, 0.68, 0.32)), ("glasses_area",), prompt="hoop earrings"),
    axis("earring_drops", "Drops", "Drop earrings", Prop("drops", (0.85, 0.68, 0.32)), ("glasses_area",), prompt="drop earrings"),
    axis("earring_silver", "Silver", "Silver instead of gold", Tint("earrings", to=(78, 0, -2), lightness=12), ("glasses_area",),
         prompt="silver earrings",
         needs="earring_hoops"),
), (
    style("studs", "Studs", earring_studs=1), style("hoops", "Hoops", earring_hoops=1),
    style("silver_hoops", "Silver hoops", earring_hoops=1, earring_silver=1),
    style("drops", "Drops", earring_drops=1),
))

HEADPHONES = Category("headphones", "Headphones", (
    axis("headphones_on", "Over-ear", "Over-ear headphones", Prop("headphones", (0.10, 0.10, 0.11)), ("glasses_area",),
         prompt="over-ear headphones"),
    axis("headphones_white", "White", "In white", Tint("headphones", to=(88, 0, 1), lightness=75), ("glasses_area",),
         prompt="white headphones",
         needs="headphones_on"),
), (style("black", "Black", headphones_on=1), style("white", "White", headphones_on=1, headphones_white=1)))


def _cloth(name: str, label: str, to: tuple[float, float, float], lightness: float):
    return axis(f"clothes_{name}", label, f"Clothes in {label.lower()}, pattern kept", Recolor("clothes", to=to, lightness=lightness),
                ("clothes",),
                prompt=f"{label.lower()} clothes")


CLOTHES = Category("clothes", "Clothes", (
    _cloth("red", "Red", (40, 56, 36), 24), _cloth("blue", "Blue", (36, 8, -46), 24), _cloth("green", "Green", (42, -36, 26), 24),
    _cloth("yellow", "Yellow", (74, 6, 62), 34), _cloth("dark", "Black", (10, 0, -1), 40), _cloth("light", "White", (88, 0, 2), 60),
), (
    style("red", "Red", clothes_red=1), style("blue", "Blue", clothes_blue=1), style("green", "Green", clothes_green=1),
    style("yellow", "Yellow", clothes_yellow=1), style("black", "Black", clothes_dark=1), style("white", "White", clothes_light=1),
))
