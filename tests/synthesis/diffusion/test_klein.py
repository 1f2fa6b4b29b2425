"""The editor over FLUX.2 klein, with a few thousand random weights of the same classes."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

from perse.errors import BuildCancelled, PerseError
from perse.synthesis.diffusion import load_diffusion
from perse.synthesis.diffusion.editor import Between, EditorGone, Request

pytestmark = pytest.mark.slow

SIDE = 64
IMAGE = np.random.default_rng(0).random((SIDE, SIDE, 3)).astype(np.float32)
TOP = np.zeros((SIDE, SIDE), np.float32)
TOP[: SIDE // 4] = 1


def nothing():
    pass


@pytest.fixture(scope="module")
def editor(tiny_klein):
    from perse.synthesis.diffusion.klein import KleinEditor

    return KleinEditor.from_pretrained(tiny_klein, torch.device("cpu"), sides=(SIDE, 2 * SIDE), words=64)


def one(editor, prompt, mask, seed, image=IMAGE):
    return editor.edit([Request(image, prompt, mask, seed)], nothing)[0]


def test_a_seed_repeats_whatever_else_is_in_the_batch(editor):
    first = one(editor, "red hair", TOP, 1)
    assert first.shape == IMAGE.shape and first.dtype == np.float32 and 0 <= first.min() and first.max() <= 1
    together = editor.edit([Request(IMAGE, "a beard", None, 5), Request(IMAGE, "red hair", TOP, 1)], nothing)
    np.testing.assert_allclose(together[1], first, atol=2e-3)
    assert np.abs(one(editor, "red hair", TOP, 2) - first).mean() > 1e-3
    assert np.abs(one(editor, "a long grey beard", TOP, 1) - first).max() > 1e-5


def test_the_mask_says_where_it_may_paint(editor):
    pictures = [one(editor, "red hair", TOP, seed) for seed in (1, 2)]
    change = np.abs(pictures[0] - pictures[1]).mean((1, 2))
    # The decoder looks beyond the mask's edge, at random here, but little of it arrives at the other end.
    assert change[: SIDE // 4].mean() > 5 * change[-SIDE // 4 :].mean() > 0


def test_without_a_mask_it_is_the_plain_pipeline_with_a_reference(editor):
    from diffusers import Flux2KleinPipeline

    plain = Flux2KleinPipeline(**editor.pipeline.components, is_distilled=True)
    plain.set_progress_bar_config(disable=True)
    picture = plain(
        prompt="a beard",
        image=Image.fromarray((IMAGE * 255 + 0.5).astype(np.uint8)),
        num_inference_steps=4,
        guidance_scale=1.0,
        latents=editor._noise(2, SIDE),
        output_type="np",
        max_sequence_length=64,
    ).images[0]
    np.testing.assert_allclose(one(editor, "a beard", None, 2), picture, atol=1e-4)


def test_the_ends_of_an_interpolation_are_the_edits(editor):
    first, second = Request(IMAGE, "red hair", TOP, 1), Request(IMAGE, "blue hair", TOP, 2)
    made = editor.interpolate([Between(first, second, share) for share in (0.0, 0.25, 0.5, 0.75, 1.0)], nothing)
    ends = editor.edit([first, second], nothing)
    np.testing.assert_allclose(made[0], ends[0], atol=2e-3)
    np.testing.assert_allclose(made[-1], ends[1], atol=2e-3)
    distance = [float(np.abs(m - made[0]).mean()) for m in made]
    assert distance == sorted(distance) and distance[1] > 1e-4


def test_noise_between_two_noises_is_noise():
    from perse.synthesis.diffusion.klein import slerp

    a, b = torch.randn(2, 20000, generator=torch.Generator().manual_seed(0)).unbind(0)
    for share in (0.0, 0.3, 0.5, 1.0):
        assert float(slerp(a, b, share).std()) == pytest.approx(1, abs=0.03)
    assert torch.equal(slerp(a, a, 0.5), a) and torch.allclose(slerp(a, b, 1.0), b, atol=1e-5)


def test_every_step_may_be_the_last(editor):
    ticks = []

    def tick():
        ticks.append(1)
        if len(ticks) == 3:
            raise BuildCancelled()

    with pytest.raises(BuildCancelled):
        editor.edit([Request(IMAGE, "red hair", TOP, 1)], tick)
    assert len(ticks) == 3
    ticks.clear()
    one(editor, "red hair", TOP, 1)  # and the editor still works
    editor.edit([Request(IMAGE, "red hair", TOP, 1)], lambda: ticks.append(1))
    assert len(ticks) == 1 + 4


def test_where_memory_is_short_pictures_are_made_one_by_one_and_then_no_more(editor, monkeypatch):
    requests = [Request(IMAGE, "red hair", TOP, seed) for seed in range(3)]
    asked, room = [], [1]

    def run(prompt, images, masks, noise, tick, size):
        asked.append(len(images))
        if len(images) > room[0]:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return [IMAGE] * len(images)

    monkeypatch.setattr(editor, "_run", run)
    monkeypatch.setattr(editor, "batch", 4)
    assert len(editor.edit(requests, nothing)) == 3 and asked == [3, 1, 1, 1] and editor.batch == 1
    room[0] = 0
    with pytest.raises(EditorGone, match="memory"):
        editor.edit(requests, nothing)

    def break_down(*args):
        asked.append(1)
        if len(asked) == 2:
            raise RuntimeError("CUDA error: the launch failed\nmore of it")
        return [IMAGE]

    asked.clear()
    monkeypatch.setattr(editor, "_run", break_down)
    with pytest.raises(EditorGone, match="broke down .CUDA error: the launch failed.[.]") as gone:
        editor.interpolate([Between(requests[0], requests[1], share) for share in (0.2, 0.8)], nothing)
    assert len(gone.value.made) == 1  # what was made before is not lost


def test_pictures_of_any_size_come_back_in_it(editor):
    for side in (48, 200):
        image = np.random.default_rng(1).random((side, side, 3)).astype(np.float32)
        assert one(editor, "red hair", np.ones((side, side), np.float32), 1, image).shape == image.shape


def test_a_folder_without_the_model_is_told(tmp_path):
    from perse.synthesis.diffusion.klein import KleinEditor

    (tmp_path / "model_index.json").write_text("{}")
    with pytest.raises(PerseError, match="cannot be loaded"):
        KleinEditor.from_pretrained(tmp_path, torch.device("cpu"))


def test_the_hub_s_local_folder_serves_and_is_loaded_once(tiny_klein, monkeypatch):
    monkeypatch.setenv("PERSE_WEIGHTS", str(tiny_klein.parent))
    synthesizer = load_diffusion(torch.device("cpu"))
    assert synthesizer.name == "diffusion" and synthesizer.takes_words and load_diffusion(torch.device("cpu")) is synthesizer
    # With the default settings: 512 pixels, 512 words, the model's own layers.
    picture = synthesizer.editor.edit([Request(IMAGE, "red hair", TOP, 3)], nothing)[0]
    assert picture.shape == IMAGE.shape and np.isfinite(picture).all()


def test_real_weights_are_not_fetched_for_a_machine_without_a_gpu(monkeypatch):
    from perse import hub

    monkeypatch.setattr(hub, "local", lambda *a: None)
    monkeypatch.setattr(hub, "fetch", lambda *a: pytest.fail("fetched"))
    with pytest.raises(PerseError, match="CUDA GPU"):
        load_diffusion(torch.device("cpu"))


def test_nothing_heavy_is_imported_before_it_is_used():
    code = "import sys, perse.pipeline, perse.synthesis.diffusion; sys.exit(any(m in sys.modules for m in ('diffusers', 'transformers')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_loan_that_does_not_come_ends_the_editor_not_the_build(editor, monkeypatch):
    from perse.synthesis.diffusion import on_zero_gpu as lent

    class Broken:
        name, batch = "broken", 2

        def edit(self, requests, tick):
            raise RuntimeError("quota")

    borrowed = lent.LentEditor(Broken())
    with pytest.raises(EditorGone, match="quota"):
        borrowed.edit([Request(IMAGE, "red hair", TOP, 1)], nothing)
    assert np.array_equal(lent.LentEditor(editor).edit([Request(IMAGE, "red hair", TOP, 1)], nothing)[0], one(editor, "red hair", TOP, 1))


def test_parts_wait_in_memory_for_the_card_of_this_process(tiny_klein, monkeypatch):
    """To diffusers a card without a number is the first: all processes of a launch would share that one."""
    from diffusers import Flux2KleinInpaintPipeline

    from perse.synthesis.diffusion.klein import KleinEditor

    asked = []
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 3)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: asked.append(device) or (0, 0))
    monkeypatch.setattr(Flux2KleinInpaintPipeline, "enable_model_cpu_offload", lambda self, device: asked.append(device))
    made = KleinEditor.from_pretrained(tiny_klein, torch.device("cuda"))
    assert asked == [torch.device("cuda:3")] * 2 and made.pipeline.vae.use_slicing


def test_a_card_that_refuses_the_editor_is_told(tiny_klein, monkeypatch):
    from perse.synthesis.diffusion.klein import KleinEditor

    def refuse(*args):
        raise torch.AcceleratorError("CUDA error: out of memory\nmore")

    monkeypatch.setattr(torch.cuda, "current_device", refuse)
    with pytest.raises(PerseError, match="placed on the GPU .CUDA error: out of memory.: please"):
        KleinEditor.from_pretrained(tiny_klein, torch.device("cuda"))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA GPU here")
@pytest.mark.parametrize("offload", [False, True])
def test_on_a_gpu_in_bfloat16_with_or_without_offload(tiny_klein, monkeypatch, offload):
    from perse.synthesis.diffusion.klein import KleinEditor

    if offload:
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda *a: (0, 0))
    gpu = KleinEditor.from_pretrained(tiny_klein, torch.device("cuda"), sides=(SIDE, SIDE), words=64)
    assert gpu.pipeline.transformer.dtype == torch.bfloat16
    first = one(gpu, "red hair", TOP, 1)
    assert np.array_equal(first, one(gpu, "red hair", TOP, 1)) and np.isfinite(first).all()
