"""Generate, look, try again with another seed, give up: the loop that every generated picture goes through."""

import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from .editor import Editor, EditorGone, Request, Tick
from .filters import Verdict

TRIES = 3


@dataclass(frozen=True)
class Task:
    """key: what it is, for people; request: its seed is replaced try by try; judge: the generated picture -> verdict."""

    key: str
    request: Request
    judge: Callable[[np.ndarray], Verdict]


@dataclass
class Outcome:
    """accepted: key -> (request as generated, verdict); dropped: key -> reasons of every try; made: pictures that were judged."""

    accepted: dict[str, tuple[Request, Verdict]]
    dropped: dict[str, list[str]]
    made: int = 0


def seed_of(seed: int, key: str, attempt: int) -> int:
    """A seed of its own for every try of every picture, whatever else a build makes."""
    return zlib.crc32(f"{seed}|{key}|{attempt}".encode())


def attempt(editor: Editor, tasks: Sequence[Task], seed: int, tick: Tick, tries: int = TRIES, deadline: float | None = None) -> Outcome:
    """Run all tasks in batches, in their order; those refused run again, all together, with new seeds.

    deadline: monotonic time after which nothing more is begun; what is still to do is dropped. An editor that is gone ends it, too: what it
    made until then is judged and kept.
    """
    outcome = Outcome({}, {})
    pending = list(tasks)
    reasons: dict[str, list[str]] = {t.key: [] for t in tasks}
    gone = ""
    for number in range(tries):
        refused, size = [], editor.batch
        for start in range(0, len(pending), size):
            batch = pending[start : start + size]
            if gone or (deadline is not None and time.monotonic() > deadline):
                for task in batch:
                    reasons[task.key].append(gone or "there was no time left")
                refused += batch
                continue
            requests = [replace(t.request, seed=seed_of(seed, t.key, number)) for t in batch]
            done = len(batch)
            try:
                pictures = editor.edit(requests, tick)
            except EditorGone as error:
                gone, pictures, done = str(error), error.made, len(error.made)
                for task in batch[done:]:
                    reasons[task.key].append(gone)
                    refused.append(task)
            for task, request, picture in zip(batch[:done], requests[:done], pictures, strict=True):
                tick()
                outcome.made += 1
                verdict = task.judge(picture)
                if verdict.ok:
                    outcome.accepted[task.key] = (request, verdict)
                else:
                    reasons[task.key].append(verdict.reason)
                    refused.append(task)
        pending = refused
        if gone or (deadline is not None and time.monotonic() > deadline):
            break
    outcome.dropped = {t.key: reasons[t.key] for t in pending}
    return outcome
