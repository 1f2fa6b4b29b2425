"""Which synthesizer makes the clips here, and why."""

import torch

from ..errors import PerseError
from ..hub import local
from .base import Synthesizer
from .procedural import ProceduralSynthesizer

EDITOR = "flux2-klein-4b"  # of perse.hub's table
NAMES = ("auto", "procedural", "diffusion")


def choose_synthesizer(name: str, gpu: bool) -> tuple[Synthesizer, str]:
    """The synthesizer for a choice, loaded, and one sentence that says why it is this one.

    "auto" never downloads: it takes diffusion where a GPU may be used and the weights lie ready, else the embedded one.

    Args:
        name: auto, procedural or diffusion.
        gpu: whether a CUDA GPU may be used.

    Raises:
        PerseError: for another name, or when diffusion is asked for and cannot be had.
    """
    if name not in NAMES:
        raise PerseError(f"Unknown synthesizer {name!r}: use auto, procedural or diffusion.")
    if name == "procedural":
        return ProceduralSynthesizer(), "The embedded synthesizer was asked for."
    device = torch.device("cuda" if gpu else "cpu")
    if name == "diffusion":
        return _diffusion(device), "The diffusion synthesizer was asked for."
    if not gpu:
        return ProceduralSynthesizer(), (
            "Without a GPU the avatar learns from re-renderings of the photo itself, not from generated pictures."
        )
    if local(EDITOR) is None:
        return ProceduralSynthesizer(), (
            "The avatar learns from re-renderings of the photo itself: the weights for generated pictures "
            f"are not here (`python -m perse weights fetch {EDITOR}`)."
        )
    try:
        return _diffusion(device), "A GPU and its weights are here: generated pictures teach the avatar."
    except PerseError as error:
        return ProceduralSynthesizer(), f"The avatar learns from re-renderings of the photo itself. {error}"


def _diffusion(device: torch.device) -> Synthesizer:
    from .diffusion import load_diffusion  # diffusers and transformers load only where they are used

    return load_diffusion(device)
