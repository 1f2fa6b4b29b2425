"""Faces at one click, before all the sliders: each a look's expression."""

QUICK_FACES: dict[str, dict[str, float]] = {
    "Smile": {"smile": 0.8},
    "Laugh": {"grin": 0.9, "jaw_open": 0.3},
    "Sad": {"sad": 1.0},
    "Angry": {"angry": 1.0},
    "Surprised": {"surprise": 1.0},
    "Wink": {"wink": 1.0},
}
