"""One fit from start to end, on a GPU of our own, on a lent one, or on the CPU."""

import logging
import pickle
import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from ..errors import BuildCancelled, PerseError
from ..gpu import ON_ZERO, gpu, left
from ..portrait import Portrait
from ..synthesis.base import Clip
from .effort import cost
from .initial_avatar import Beginning
from .schedule import Schedule
from .teaching import Progress
from .trainer import Trainer

START, STEP = 8.0, 0.03  # seconds of a loan: to wake the GPU, and for an optimiser step (generous; nothing was measured there)
LEAST = 12.0  # a shorter loan is not worth asking for
EARLIER = 3.0  # seconds before a loan ends, after which no step is begun
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fitted:
    """steps: optimiser steps by stage; likeness: PSNR (dB) inside the mask; device: "cuda" or "cpu"; note: why not the GPU, if it
    was asked for and did not come; lessons: what stage two taught (`study.table`), if it was asked for."""

    steps: tuple[int, int]
    likeness: float
    device: str
    note: str = ""
    lessons: dict | None = None


def fit(
    beginning: Beginning,
    portrait: Portrait,
    clips: list[Clip],
    schedule: Schedule,
    mask: np.ndarray,
    device: torch.device,
    progress: Progress,
    cancelled: Callable[[], bool],
    unseen: list[Clip] | None = None,
) -> Fitted:
    """Both stages of a fit; the avatar that begins is trained in place and is on the CPU afterwards.

    mask: (S, S) where likeness is measured. unseen: clips that teach nothing; where there are some, what stage two learns is measured on them
    and on the others, on this machine, which takes minutes. Raises BuildCancelled when `cancelled` says so. A GPU that is not lent, because a quota
    is used up, say, is no error: the CPU does the work, within the schedule's deadline.
    """
    note = ""
    if ON_ZERO and device.type == "cuda" and unseen is None:
        try:
            if left() < LEAST:
                raise RuntimeError("the GPU time of this build is used up")
            return _lent(beginning, portrait, clips, schedule, mask, progress, cancelled)
        except (BuildCancelled, PerseError):
            raise
        except Exception as error:  # Gradio's errors, which fitting knows nothing of, and the worker's death
            log.warning("no GPU was lent", exc_info=True)
            note, device = f"No GPU was lent ({error}): this avatar was fitted on the CPU.", torch.device("cpu")
    told: dict = {}
    steps, likeness = _fit(beginning, device, portrait, clips, schedule, mask, progress, cancelled, unseen, told)
    return Fitted(steps, likeness, device.type, note, told or None)


def _lent(beginning: Beginning, portrait, clips, schedule, mask, progress: Progress, cancelled) -> Fitted:
    state = None
    news = _on_loan(
        pickle.dumps((beginning, portrait, clips, schedule, mask)),
        seconds(schedule.source_steps + round(schedule.lessons * cost(schedule.rounds))),
    )
    try:
        for told in news:
            if cancelled():
                raise BuildCancelled()
            if told[0] == "progress":
                progress(*told[1:])
            else:
                _, steps, likeness, state = told
    finally:
        news.close()  # gives the GPU back
    avatar = beginning.avatar
    with torch.no_grad():
        for name, tensor in avatar.state_dict().items():
            tensor.copy_(torch.from_numpy(state[name]))
    avatar.place("cpu")
    return Fitted(steps, likeness, "cuda")


def _fit(
    beginning: Beginning, device, portrait, clips, schedule, mask, progress: Progress, cancelled, unseen=None, told: dict | None = None
) -> tuple[tuple[int, int], float]:
    beginning.avatar.on(device)
    trainer = Trainer(beginning, portrait, clips, schedule, progress, cancelled)
    trainer.fit_person()
    trainer.begin_space()
    before = None if unseen is None else trainer.losses(unseen)
    trainer.fit_space()
    likeness = trainer.teaching.likeness(mask)
    if before is not None:
        told |= trainer.studied(unseen, before)
    trainer.even_sliders()
    beginning.avatar.place("cpu")
    return tuple(trainer.steps), likeness


def seconds(steps: int) -> float:
    """GPU seconds to ask for, of those that are left."""
    return min(left(), START + STEP * steps)


@gpu(duration=lambda work, granted: granted)
def _on_loan(work: bytes, granted: float) -> Iterator[tuple]:
    """The fit in the process that has the GPU: yields ("progress", share, text, preview) and last ("done", steps, likeness, arrays)."""
    cv2.setNumThreads(0)  # its threads did not survive the fork: it would wait for them for ever
    beginning, portrait, clips, schedule, mask = pickle.loads(work)  # from this very program, through a pipe of its own
    schedule.deadline = schedule.limit = time.monotonic() + granted - EARLIER
    news: queue.Queue = queue.Queue()
    left = threading.Event()

    def run():
        try:
            device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
            done = _fit(beginning, device, portrait, clips, schedule, mask, lambda *told: news.put(("progress", *told)), left.is_set)
            news.put(("done", *done, {name: tensor.numpy() for name, tensor in beginning.avatar.state_dict().items()}))
        except BaseException as error:  # noqa: BLE001  (handed over to whoever asked)
            news.put(("failed", error))

    threading.Thread(target=run, name="perse-fit", daemon=True).start()
    try:
        while True:
            told = news.get()
            if told[0] == "failed":
                raise told[1]
            yield told
            if told[0] == "done":
                return
    finally:
        left.set()
