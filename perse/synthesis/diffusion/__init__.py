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
    from ...pretrained import find
    from .identity import load_embedding
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
            faces = local("auraface")
            # A few hundred megabytes that only give a second opinion are not fetched unasked.
            embed = None if faces is None else load_embedding(faces / "glintr100.onnx")
            if embed is None:
                logging.getLogger(__name__).info("no face embedding here: identity is judged by landmark shape alone")
            editor = KleinEditor.from_pretrained(folder, device)
            # A loan is short and moves all weights: one try for each picture.
            made = DiffusionSynthesizer(LentEditor(editor), embed, tries=1) if ON_ZERO else DiffusionSynthesizer(editor, embed)
            _loaded[f"{device} {folder}"] = _loaded[key] = made
        return _loaded[key]


__all__ = ["DiffusionSynthesizer", "load_diffusion"]
