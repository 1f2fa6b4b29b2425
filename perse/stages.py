"""The steps of a build as a visitor reads them, and what they are called by whoever measures them."""

from .attributes.edit_vocabulary import Category

STARTING = "Warming up"
MEASURING = "Measuring the face"
STUDYING = "Studying the photo"
IMAGINING = "Imagining other looks"
PREPARING = "Preparing the head"
FACE = "Learning the face"
SLIDERS = "Learning the sliders"
FINISHING = "Smoothing the sliders"
DONE = "Done"
KEYS = {
    STARTING: "warming",
    MEASURING: "rig",
    STUDYING: "unrolling",
    IMAGINING: "clips",
    PREPARING: "placing",
    FACE: "person",
    SLIDERS: "sliders",
    FINISHING: "finish",
    DONE: "done",
}


def imagining(category: Category) -> str:
    """The text while the looks of one category are made."""
    return f"{IMAGINING}: {category.label.lower()}"


def key(text: str) -> str:
    """What a step is called in measurements, by its text; KeyError for a text that is none's."""
    return KEYS[text.split(":")[0]]
