"""Photoreal synthesis by an instruction-driven image editor. Importing this loads no model and no diffusers."""

import logging
import threading

import torch

from ...errors import PerseError
from .synthesizer import DiffusionSynthesizer

LIGHT = 2e9  # bytes of weights that a CPU can run in reasonable time
_lock = threading.Lock()
_loaded: dict[str, DiffusionSynthesizer] = {}


def load_diffusion(device: torch.device) -> DiffusionSynthesizer:
    """The synthesizer with FLUX.2 [klein] 4B, its weights fetched if need be; loaded once per process and device.

    Raises:
        PerseError: no GPU for the real weights, or the weights cannot be had.
    """
    from ...gpu import ON_ZERO
    from ...hub import fetch, local
    from ...portrait.networks import embedding
    from ...pretrained import find
    from .klein import KleinEditor
    from .on_zero_gpu import LentEditor

    with _lock:
        row = find("flux2-klein-4b")
        here = local(row)
        size = row.size if here is None else sum(p.stat().st_size for p in here.rglob("*.safetensors"))
        if device.type == "cpu" and size > LIGHT:
            raise PerseError("The diffusion synthesizer needs a CUDA GPU: please use --synthesizer procedural here.")
        key = f"{device} {here}"
        if key not in _loaded or here is None:
            folder = fetch(row)
            embed = embedding()  # what only gives a second opinion is not fetched unasked
            if embed is None:
                logging.getLogger(__name__).info("no face embedding here: identity is judged by landmark shape alone")
            editor = KleinEditor.from_pretrained(folder, device)
            # A loan is short and moves all weights: one try for each picture.
            made = DiffusionSynthesizer(LentEditor(editor), embed, tries=1) if ON_ZERO else DiffusionSynthesizer(editor, embed)
            _loaded[f"{device} {folder}"] = _loaded[key] = made
        return _loaded[key]


__all__ = ["DiffusionSynthesizer", "load_diffusion"]
