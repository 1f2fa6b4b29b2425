"""A tiny random FLUX.2 klein of the real classes, and an editor whose edits are known."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from perse.rig.expressions import expand
from perse.synthesis.base import Plan
from perse.synthesis.diffusion.prompts import LOOKS
from perse.synthesis.procedural import Studio
from perse.texture.bake import bake

RED = np.array([0.75, 0.10, 0.06], np.float32)


@pytest.fixture(scope="session")
def tiny_klein(tmp_path_factory):
    """A folder in the layout of FLUX.2-klein-4B with a few thousand random weights."""
    pytest.importorskip("transformers")
    import torch
    from diffusers import AutoencoderKLFlux2, FlowMatchEulerDiscreteScheduler, Flux2KleinPipeline, Flux2Transformer2DModel
    from tokenizers import pre_tokenizers
    from transformers import Qwen2Tokenizer, Qwen3Config, Qwen3ForCausalLM

    alphabet = [*sorted(pre_tokenizers.ByteLevel.alphabet()), "<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer = Qwen2Tokenizer(
        vocab={letter: i for i, letter in enumerate(alphabet)},
        merges=[],
        pad_token="<|endoftext|>",
        eos_token="<|im_end|>",
        unk_token="<|endoftext|>",
    )
    tokenizer.chat_template = "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    torch.manual_seed(0)
    transformer = Flux2Transformer2DModel(
        patch_size=1,
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=48,
        timestep_guidance_channels=16,
        axes_dims_rope=(4, 4, 4, 4),
        guidance_embeds=False,
    )
    # 28 layers, for the prompt's embedding is read from the 9th, 18th and 27th.
    text_encoder = Qwen3ForCausalLM(
        Qwen3Config(
            intermediate_size=16,
            hidden_size=16,
            num_hidden_layers=28,
            num_attention_heads=2,
            num_key_value_heads=2,
            head_dim=8,
            vocab_size=len(tokenizer),
            max_position_embeddings=512,
        )
    )
    vae = AutoencoderKLFlux2(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(4, 4, 8, 8),
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=2,
        use_quant_conv=False,
        use_post_quant_conv=False,
        sample_size=64,
    )
    pipeline = Flux2KleinPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=vae,
        text_encoder=text_encoder,
        tokenizer=tokenizer,
        transformer=transformer,
        is_distilled=True,
    )
    folder = tmp_path_factory.mktemp("weights") / "flux2-klein-4b"
    pipeline.save_pretrained(folder)
    return folder


class StubEditor:
    """Answers a prompt by the first rule whose words it contains; else returns the picture as it is.

    rules: words -> function (image, mask, seed) -> picture. asked: every request; between: every interpolation.
    """

    name, batch = "stub", 4

    def __init__(self, rules: dict[str, Callable]):
        self.rules, self.asked, self.between = rules, [], []

    def edit(self, requests, tick):
        tick()
        self.asked += requests
        assert len(requests) <= self.batch
        return [self._one(r) for r in requests]

    def _one(self, request):
        rule = next((rule for words, rule in self.rules.items() if words in request.prompt), None)
        return request.image.copy() if rule is None else rule(request.image, request.mask, request.seed)

    def interpolate(self, steps, tick):
        tick()
        self.between += steps
        return [(1 - s.share) * self._one(s.first) + s.share * self._one(s.second) for s in steps]


@pytest.fixture(scope="session")
def stub():
    return StubEditor


@pytest.fixture(scope="session")
def paint(astronaut_portrait):
    """paint(region, rgb): a rule that gives a region of the portrait another colour and keeps its light and dark."""

    def rule(region: str, rgb=RED, strength: float = 0.9):
        def act(image, mask, seed):
            weight = strength * cv2.GaussianBlur(astronaut_portrait.masks[region], (0, 0), 1)[..., None]
            weight = weight if mask is None else weight * mask[..., None]
            light = image.mean(-1, keepdims=True)
            tinted = np.clip(np.asarray(rgb, np.float32) * (0.35 + 1.6 * light), 0, 1)
            return image + weight * (tinted - image)

        return act

    return rule


@pytest.fixture(scope="session")
def studio(astronaut_portrait, rig):
    """A studio over a texture of its own."""
    return Studio(rig, bake(astronaut_portrait, rig), Plan(size=96, source_frames=3, seed=0))


@pytest.fixture(scope="session")
def retake(astronaut_portrait, rig, studio):
    """retake(look, shade=1): the portrait's person as a look asks, over the portrait's background: what a perfect editor gives."""
    from perse.rig.skeleton import HEAD_CENTRE
    from perse.synthesis.rerender import render_frame

    def render(look, shade: float = 1.0):
        camera = rig.camera.orbit(look.yaw, look.pitch, 0.0, np.array(HEAD_CENTRE, np.float32))
        pose = {"weights": expand(dict(look.expression)), "head": np.zeros(3, np.float32), "gaze": np.zeros(2, np.float32)}
        image, alpha = render_frame(rig, studio._vertices(pose, None), studio.rgba, camera)
        return (image * shade + (1 - alpha[..., None]) * astronaut_portrait.background).astype(np.float32)

    return render


@pytest.fixture(scope="session")
def looks(retake):
    """Rules that answer every look as asked."""
    return {look.words: (lambda image, mask, seed, look=look: retake(look)) for look in LOOKS}
