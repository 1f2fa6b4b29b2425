"""Instructions for an editor that obeys sentences: one attribute, one view or one expression at a time."""

import re
from dataclasses import dataclass

from ...attributes.edit_vocabulary import Axis, Category

KEEP = (
    "Keep the same person with the same identity, the same facial expression, head pose, gaze, framing, camera, lighting and "
    "background. Change nothing else. Photorealistic."
)
KEEP_PERSON = "Keep the same person with the same identity, hair, clothes, lighting, framing and background. Photorealistic."
# The words at the other end of a two-sided axis. Whole words, longest first.
OPPOSITES = {
    "more voluminous": "flat, thin",
    "voluminous": "flat",
    "upturned": "downturned",
    "up-turned": "down-turned",
    "raised": "low-set",
    "thick": "thin",
    "thicker": "thinner",
    "full": "thin",
    "fuller": "thinner",
    "larger": "smaller",
    "large": "small",
    "big": "small",
    "bigger": "smaller",
    "wider": "narrower",
    "wide": "narrow",
    "longer": "shorter",
    "long": "short",
    "higher": "lower",
    "high": "low",
    "prominent": "flat",
    "full cheeks": "hollow cheeks",
    "tanned": "pale",
    "warm": "cool",
    "older": "younger",
    "old": "young",
    "pointed": "rounded",
    "protruding": "flat-lying",
    "open": "narrowed",
    "close-set": "wide-set",
    "lighter": "darker",
    "light": "dark",
    "smooth": "rough",
    "heavy": "light",
    "arched": "straight",
    "deep": "shallow",
    "up": "down",
    "upward": "downward",
}


def opposite(prompt: str) -> str | None:
    """The same words for the other end of the axis, None where no word has a known opposite."""
    for word in sorted(OPPOSITES, key=len, reverse=True):
        if re.search(rf"(?<![\w-]){re.escape(word)}(?![\w-])", prompt):
            turned = re.sub(rf"(?<![\w-]){re.escape(word)}(?![\w-])", OPPOSITES[word], prompt, count=1)
            return " ".join(turned.replace("cat-like", "").split())
    return None


def instruction(category: Category, axis: Axis, sign: int) -> str | None:
    """The sentence for one end (+1 or -1) of an axis; None if the axis has no words for it."""
    words = axis.prompt if sign > 0 else axis.prompt and opposite(axis.prompt)
    if not words:
        return None
    return f"Edit only the {category.label.lower()} of the person in the photo: give the person {words}. {KEEP}"


@dataclass(frozen=True)
class Look:
    """The same person otherwise.

    name; words: the instruction's middle; yaw, pitch: degrees against the portrait (yaw > 0: face towards the picture's
    left edge, pitch > 0: down), None if it is free; expression: what `rig.expressions.expand` takes, at least partly reached.
    """

    name: str
    words: str
    yaw: float = 0.0
    pitch: float = 0.0
    expression: tuple[tuple[str, float], ...] = ()

    @property
    def prompt(self) -> str:
        """The whole instruction."""
        return f"{self.words} {KEEP_PERSON}"


LOOKS: tuple[Look, ...] = (
    Look("head left", "Turn the head of the person 30 degrees towards the left edge of the picture.", yaw=30),
    Look("head right", "Turn the head of the person 30 degrees towards the right edge of the picture.", yaw=-30),
    Look("profile left", "Turn the head of the person so that the face looks to the left edge of the picture, almost in profile.", yaw=55),
    Look(
        "profile right", "Turn the head of the person so that the face looks to the right edge of the picture, almost in profile.", yaw=-55
    ),
    Look("head up", "Tilt the head of the person upwards, chin raised.", pitch=-18),
    Look("head down", "Tilt the head of the person downwards, chin lowered.", pitch=18),
    Look("smile", "The person smiles broadly and shows the teeth. The head does not move.", expression=(("grin", 1.0),)),
    Look("mouth open", "The person opens the mouth wide. The head does not move.", expression=(("jaw_open", 1.0),)),
    Look("eyes closed", "The person has both eyes closed. The head does not move.", expression=(("blink", 1.0),)),
    Look("brows up", "The person raises both eyebrows high. The head does not move.", expression=(("brows_up", 1.0),)),
)
