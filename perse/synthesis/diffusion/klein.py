"""FLUX.2 [klein] 4B as the editor: four steps, Apache-2.0, through diffusers' `Flux2KleinInpaintPipeline`.

With a white mask and strength 1 the inpainting pipeline computes what `Flux2KleinPipeline` does with the picture as its
reference (a test compares the two), so one pipeline, and one copy of the weights, serves masked and free edits. diffusers is
imported only here, when an editor is loaded.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ...errors import PerseError
from ...gpu import ON_ZERO
from .editor import Between, EditorGone, Request, Tick

STEPS = 4
SIDES = (512, 1024)  # pixels at which the model works well
MULTIPLE = 16  # the VAE's factor times the transformer's patch
HEADROOM = 6e9  # bytes beside the weights, for activations at 1024 px and a batch of four
log = logging.getLogger(__name__)


class KleinEditor:
    """See `Editor`. Thread-safe: one call at a time.

    Args:
        pipeline: a `Flux2KleinInpaintPipeline`, placed on its device.
        sides: smallest and largest side of the pictures given to the model; others are resampled and back.
        batch: requests per call; one, once the card's memory did not suffice for more.
        layers: of the text encoder whose states are the prompt's embedding; the model's own if None.
    """

    name = "FLUX.2 klein 4B"

    def __init__(self, pipeline, sides: tuple[int, int] = SIDES, batch: int = 4, layers: tuple[int, ...] | None = None, words: int = 512):
        self.pipeline, self.sides, self.batch = pipeline, sides, batch
        self._options = {"max_sequence_length": words} | ({"text_encoder_out_layers": layers} if layers else {})
        self._lock = threading.Lock()
        pipeline.set_progress_bar_config(disable=True)

    @staticmethod
    def from_pretrained(folder: str | Path, device: torch.device, **options) -> "KleinEditor":
        """Load from a local folder in diffusers' layout; bfloat16 on CUDA, parts waiting in main memory if the card is small.

        Raises:
            PerseError: diffusers or transformers is missing, or the folder does not hold the model.
        """
        try:
            from diffusers import Flux2KleinInpaintPipeline
        except (ImportError, RuntimeError):
            raise PerseError(
                "The diffusion synthesizer needs the packages diffusers and transformers: "
                "please install them or use --synthesizer procedural."
            ) from None
        on_gpu = device.type == "cuda"
        try:
            pipeline = Flux2KleinInpaintPipeline.from_pretrained(
                folder, dtype=torch.bfloat16 if on_gpu else torch.float32, local_files_only=True
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
            log.warning("loading the editor failed", exc_info=True)
            raise PerseError(
                f"The image editor's weights cannot be loaded ({type(error).__name__}): "
                "please fetch them again or use --synthesizer procedural."
            ) from None
        parts = [c for c in pipeline.components.values() if isinstance(c, torch.nn.Module)]
        size = sum(p.numel() * p.element_size() for part in parts for p in part.parameters())
        if on_gpu:
            pipeline.vae.enable_slicing()  # pictures of a batch one by one: its decoder takes more memory for each than all else together
        try:
            if on_gpu and not ON_ZERO:  # a lent card is not there to be asked
                device = own_card()
                if torch.cuda.mem_get_info(device)[0] < size + HEADROOM:
                    pipeline.enable_model_cpu_offload(device=device)
                    return KleinEditor(pipeline, **options)
            pipeline.to(device)
        except RuntimeError as error:
            log.warning("placing the editor failed", exc_info=True)
            raise PerseError(
                f"The image editor cannot be placed on the GPU ({_first_line(error)}): please use --synthesizer procedural."
            ) from None
        return KleinEditor(pipeline, **options)

    def edit(self, requests: Sequence[Request], tick: Tick) -> list[np.ndarray]:
        """See `Editor.edit`. EditorGone when the card's memory does not suffice even for one picture, or the card breaks down."""
        return self._within_memory(self._edit, requests, tick)

    def interpolate(self, steps: Sequence[Between], tick: Tick) -> list[np.ndarray]:
        """See `Editor.interpolate`, and `edit` for errors: the noise runs along the great circle between the two edits' noises, the
        prompt's embedding along the line between theirs, so that both ends are exactly the two edits."""
        return self._within_memory(self._interpolate, steps, tick)

    def _within_memory(self, make: Callable[[Sequence, Tick], list[np.ndarray]], work: Sequence, tick: Tick) -> list[np.ndarray]:
        """`make` of all work in batches, the smaller ones that memory asks for."""
        made: list[np.ndarray] = []
        while len(made) < len(work):
            some = work[len(made) : len(made) + self.batch]
            try:
                made += make(some, tick)
            except RuntimeError as error:
                log.warning("the editor failed", exc_info=True)
                with suppress(RuntimeError):
                    torch.cuda.empty_cache()
                if not isinstance(error, torch.OutOfMemoryError):
                    raise EditorGone(f"The image editor broke down ({_first_line(error)}).", made) from None
                if self.batch == 1:
                    raise EditorGone(
                        "The GPU's memory does not suffice for the image editor: no more pictures were generated.", made
                    ) from None
                self.batch = 1
        return made

    def _edit(self, requests: Sequence[Request], tick: Tick) -> list[np.ndarray]:
        side = self._side(requests[0].image)
        images = [_to_pil(r.image, side) for r in requests]
        masks = [_mask(r.mask, side) for r in requests]
        noise = torch.cat([self._noise(r.seed, side) for r in requests])
        return self._run({"prompt": [r.prompt for r in requests]}, images, masks, noise, tick, requests[0].image.shape[0])

    def _interpolate(self, steps: Sequence[Between], tick: Tick) -> list[np.ndarray]:
        image = steps[0].first.image
        side = self._side(image)
        with self._lock, torch.no_grad():
            words, _ = self.pipeline.encode_prompt([r.prompt for s in steps for r in (s.first, s.second)], **self._options)
        mixed = torch.cat([torch.lerp(words[2 * i : 2 * i + 1], words[2 * i + 1 : 2 * i + 2], s.share) for i, s in enumerate(steps)])
        noise = torch.cat([slerp(self._noise(s.first.seed, side), self._noise(s.second.seed, side), s.share) for s in steps])
        masks = [_mask(_union(s.first.mask, s.second.mask), side) for s in steps]
        return self._run({"prompt_embeds": mixed}, [_to_pil(s.first.image, side) for s in steps], masks, noise, tick, image.shape[0])

    def _side(self, image: np.ndarray) -> int:
        return int(np.clip(image.shape[0], *self.sides)) // MULTIPLE * MULTIPLE

    def _noise(self, seed: int, side: int) -> torch.Tensor:
        """Starting noise (1, C, h, w), the same on every device."""
        pipe = self.pipeline
        cells = side // (pipe.vae_scale_factor * 2)
        shape = (1, pipe.transformer.config.in_channels, cells, cells)
        return torch.randn(shape, generator=torch.Generator("cpu").manual_seed(seed))

    def _run(self, prompt: dict, images: list, masks: list, noise: torch.Tensor, tick: Tick, size: int) -> list[np.ndarray]:
        def on_step(pipe, index, time, values):
            tick()
            return values

        pipe = self.pipeline
        dtype = next(pipe.transformer.parameters()).dtype
        with self._lock:
            tick()
            try:
                made = pipe(
                    **prompt,
                    image=images,
                    mask_image=masks,
                    strength=1.0,
                    num_inference_steps=STEPS,
                    guidance_scale=1.0,
                    latents=noise.to(pipe._execution_device, dtype),
                    output_type="np",
                    callback_on_step_end=on_step,
                    **self._options,
                ).images
            finally:
                pipe.maybe_free_model_hooks()  # a cancelled call leaves its parts on the card
        return [_to_array(picture, size) for picture in made]


def own_card() -> torch.device:
    """The card of this process by its number: to diffusers a card without one is the first, whoever's that is."""
    return torch.device("cuda", torch.cuda.current_device())


def _first_line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")


def slerp(first: torch.Tensor, second: torch.Tensor, share: float) -> torch.Tensor:
    """Along the great circle between two noises, which keeps their length (Shoemake 1985): a straight mean would be too quiet."""
    a, b = first.flatten().double(), second.flatten().double()  # in single precision equal noises lie an angle apart
    angle = torch.arccos((torch.dot(a, b) / (a.norm() * b.norm())).clamp(-1, 1))
    if float(angle) < 1e-4:
        return torch.lerp(first, second, share)
    near, far = ((torch.sin(part * angle) / torch.sin(angle)).to(first) for part in (1 - share, share))
    return near * first + far * second


def _union(first: np.ndarray | None, second: np.ndarray | None) -> np.ndarray | None:
    return None if first is None or second is None else np.maximum(first, second)


def _to_pil(image: np.ndarray, side: int) -> Image.Image:
    picture = Image.fromarray((np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8))
    return picture if picture.size == (side, side) else picture.resize((side, side), Image.Resampling.LANCZOS)


def _mask(mask: np.ndarray | None, side: int) -> Image.Image:
    """The mask as the pipeline takes it, which cuts it at one half: everything that may change at all is white."""
    if mask is None:
        return Image.new("L", (side, side), 255)
    picture = Image.fromarray(((mask > 0.02) * 255).astype(np.uint8))
    return picture.resize((side, side), Image.Resampling.BILINEAR).point(lambda v: 255 if v > 0 else 0)


def _to_array(picture: np.ndarray, size: int) -> np.ndarray:
    picture = np.nan_to_num(np.asarray(picture, np.float32))
    if picture.shape[0] == size:
        return picture
    resized = Image.fromarray((np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8)).resize((size, size), Image.Resampling.LANCZOS)
    return np.asarray(resized, np.float32) / 255
