"""Which synthesizer serves, and the reason that is told."""

import pytest
import torch

from perse.errors import PerseError
from perse.pipeline import PersePipeline, choose_device
from perse.render import cuda as kernels
from perse.synthesis import diffusion
from perse.synthesis.choose import EDITOR, choose_synthesizer


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A folder for weights, empty; and a loader that notes the devices it is asked for."""
    monkeypatch.setenv("PERSE_WEIGHTS", str(tmp_path))
    asked = []

    class Stub:
        name = "diffusion"

    monkeypatch.setattr(diffusion, "load_diffusion", lambda device: asked.append(device.type) or Stub())
    return tmp_path, asked


def test_auto_takes_what_is_there_and_never_downloads(weights):
    folder, asked = weights
    for gpu, told in ((False, "Without a GPU"), (True, f"weights fetch {EDITOR}")):
        made, reason = choose_synthesizer("auto", gpu)
        assert made.name == "procedural" and told in reason
    (folder / EDITOR).mkdir()
    assert choose_synthesizer("auto", False)[0].name == "procedural" and asked == []
    made, reason = choose_synthesizer("auto", True)
    assert made.name == "diffusion" and "generated pictures teach" in reason and asked == ["cuda"]


def test_auto_falls_back_with_the_reason_and_diffusion_does_not(weights, monkeypatch):
    folder, asked = weights
    assert choose_synthesizer("diffusion", True)[0].name == "diffusion" and choose_synthesizer("procedural", True)[0].name == "procedural"
    assert choose_synthesizer("diffusion", False)[0].name == "diffusion" and asked == ["cuda", "cpu"]
    (folder / EDITOR).mkdir()

    def broken(device):
        raise PerseError("The weights cannot be loaded.")

    monkeypatch.setattr(diffusion, "load_diffusion", broken)
    made, reason = choose_synthesizer("auto", True)
    assert made.name == "procedural" and reason.endswith("The weights cannot be loaded.")
    with pytest.raises(PerseError, match="cannot be loaded"):
        choose_synthesizer("diffusion", True)
    with pytest.raises(PerseError, match="magic"):
        choose_synthesizer("magic", True)


def test_a_gpu_without_kernels_leaves_the_fit_to_the_cpu_and_says_so(weights, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(kernels, "why_not", lambda: "gsplat's kernels are not built for this machine.")
    assert choose_device("auto").type == choose_device("cpu").type == "cpu"
    with pytest.raises(PerseError, match="kernels.*--device cpu"):
        choose_device("cuda")
    from perse.pipeline import _cached_pipeline

    notes = _cached_pipeline.__wrapped__("auto", "cpu", True).notes
    assert "weights" in notes[0] and "fitted on the CPU" in notes[1]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(kernels, "why_not", lambda: "The NVIDIA driver here is too old.")
    assert "too old. Avatars are fitted on the CPU." in _cached_pipeline.__wrapped__("auto", "cpu", False).notes[1]
    monkeypatch.setattr(kernels, "why_not", lambda: kernels.NO_CARD)
    assert len(_cached_pipeline.__wrapped__("auto", "cpu", False).notes) == 1
    assert PersePipeline.from_pretrained(device="cpu") is PersePipeline.from_pretrained(device="cpu")
