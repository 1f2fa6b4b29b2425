"""One fit from start to end: on a GPU of our own, on a lent one, or on the CPU, here or apart from a process that must not learn."""

import logging
import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch

from ..apart import apart, pack, unpack
from ..errors import BuildCancelled, PerseError
from ..gpu import ON_ZERO, borrow, left, moving
from ..portrait import Portrait
from ..synthesis.base import Clip
from .effort import cost
from .initial_avatar import Beginning
from .schedule import Schedule
from .teaching import Progress
from .trainer import Trainer

START, STEP = 8.0, 0.03  # seconds of a loan: to wake the GPU, and for an optimiser step (generous; nothing was measured there)
LEAST = 12.0  # a shorter loan, beside what moving models takes, is not worth asking for
EARLIER = 3.0  # seconds before a loan ends, after which no step is begun
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Fitted:
    """steps: optimiser steps by stage; likeness: PSNR (dB) inside the mask; device: "cuda" or "cpu"; note: why not the GPU, if it
    was asked for and did not come or did not last; lessons: what stage two taught (`study.table`), if it was asked for."""

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
    and on the others, never on a lent GPU, which takes minutes. Raises BuildCancelled when `cancelled` says so. A GPU that is not lent, because
    a quota is used up, say, that has too little memory or breaks down is no error: the CPU does the work from the beginning, within the
    schedule's deadline.
    """
    work = portrait, clips, schedule, mask, unseen
    if device.type == "cpu" and not ON_ZERO:
        return _here(beginning, device, *work, progress, cancelled)
    begun, note = pack(beginning), ""
    if device.type == "cuda" and not (ON_ZERO and unseen is not None):
        try:
            if not ON_ZERO:
                return _here(beginning, device, *work, progress, cancelled)
            if left() < LEAST + moving():
                raise RuntimeError("the GPU time of this build is used up")
            steps = schedule.source_steps + round(schedule.lessons * cost(schedule.rounds))
            return _elsewhere(beginning, borrow(_on_loan, seconds(steps), pack((beginning, *work))), "cuda", progress, cancelled)
        except (BuildCancelled, PerseError):
            raise
        except Exception as error:  # Gradio's errors, which fitting knows nothing of, the worker's death, torch's errors of a card
            if not ON_ZERO and not isinstance(error, RuntimeError):
                raise  # no card says that
            log.warning("no fit on the GPU", exc_info=True)
            why = next(iter(str(error).splitlines()), type(error).__name__).rstrip(".")
            note = f"{'No GPU was lent' if ON_ZERO else 'The GPU gave up'} ({why}): this avatar was fitted on the CPU."
        # What was on the card may be half-trained, or lost with it.
        vars(beginning).update(vars(unpack(begun)))
        with suppress(RuntimeError):
            torch.cuda.empty_cache()
    # In a process of its own: this one either never may learn (`gpu.py`), or holds what is left of a card, which an optimiser asks.
    return replace(_elsewhere(beginning, apart(_apart, beginning, *work), "cpu", progress, cancelled), note=note)


def _elsewhere(beginning: Beginning, news: Iterator[tuple], device: str, progress: Progress, cancelled: Callable[[], bool]) -> Fitted:
    """A fit that is told of by another process, which has a copy of everything."""
    done, state = None, {}
    try:
        for told in news:
            if cancelled():
                raise BuildCancelled()
            if told[0] == "progress":
                progress(*told[1:])
            else:
                _, done, state = told
    finally:
        news.close()  # gives the GPU back, or ends the process
    if done is None:
        raise RuntimeError("it ended before the fit did")
    avatar = beginning.avatar
    with torch.no_grad():
        for name, tensor in avatar.state_dict().items():
            tensor.copy_(torch.from_numpy(state[name]))
    avatar.place("cpu")
    return replace(done, device=device)


def _here(beginning: Beginning, device, portrait, clips, schedule, mask, unseen, progress: Progress, cancelled) -> Fitted:
    beginning.avatar.on(device)
    trainer = Trainer(beginning, portrait, clips, schedule, progress, cancelled)
    trainer.fit_person()
    trainer.begin_space()
    before = None if unseen is None else trainer.losses(unseen)
    trainer.fit_space()
    likeness = trainer.teaching.likeness(mask)
    lessons = None if before is None else trainer.studied(unseen, before)
    trainer.even_sliders()
    beginning.avatar.place("cpu")
    return Fitted(tuple(trainer.steps), likeness, device.type, lessons=lessons)


def seconds(steps: int) -> float:
    """GPU seconds that a fit asks for, beside those that moving models takes."""
    return START + STEP * steps


def _on_loan(until: float, work: bytes) -> Iterator[tuple]:
    """The fit in the process that has the GPU, until the loan ends; see `_told`."""
    cv2.setNumThreads(0)  # its threads did not survive the fork: it would wait for them for ever
    beginning, portrait, clips, schedule, mask, unseen = unpack(work)
    schedule.deadline = schedule.limit = until - EARLIER
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    yield from _told(beginning, device, portrait, clips, schedule, mask, unseen)


def _apart(beginning: Beginning, *work) -> Iterator[tuple]:
    """The fit on the CPU of a fresh interpreter; see `_told`."""
    yield from _told(beginning, torch.device("cpu"), *work)


def _told(beginning: Beginning, device: torch.device, *work) -> Iterator[tuple]:
    """A fit for another process: yields ("progress", share, text, preview) and last ("done", fitted, arrays by name)."""
    news: queue.Queue = queue.Queue()
    left = threading.Event()

    def run():
        try:
            done = _here(beginning, device, *work, lambda *told: news.put(("progress", *told)), left.is_set)
            news.put(("done", done, {name: tensor.numpy() for name, tensor in beginning.avatar.state_dict().items()}))
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
