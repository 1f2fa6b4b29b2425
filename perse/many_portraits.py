"""Many portraits: shared out over the processes of `accelerate launch` (GPUs, nodes), resumable, told in one summary.

Each process of a launch has another one build for it, one portrait after the other: if that dies, of a card's fault or for want of memory, say, its
portrait has failed and the next one has a new process. Were it one of the launch's own, the launcher would end all the others.

A portrait is fitted by one process. Spreading a single fit over several GPUs would not pay: it takes seconds, its steps are a few
milliseconds of small kernels, and every one of them would wait for all cards.
"""

import atexit
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from safetensors import SafetensorError, safe_open

from . import __version__
from .apart import Died
from .errors import BuildCancelled, PerseError
from .files import write_atomically

SUMMARY = "summary.json"
PATIENCE = timedelta(days=7)  # for processes whose portraits are done, with those whose are not


@dataclass(frozen=True)
class Job:
    """A photo, the avatar file it becomes, and what has to agree for an existing file to be taken as it is."""

    photo: str
    target: Path
    settings: dict


def take_card() -> None:
    """Give this process a card of its own, as far as there are enough. Call before anything looks at a card: what is opened on the first one,
    by every process of a launch, takes half a gigabyte of it each."""
    import torch

    if torch.cuda.is_available() and "LOCAL_RANK" in os.environ:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())


class Crew:
    """The processes that share the work: those of `accelerate launch`, or this one alone."""

    def __init__(self, cpu: bool):
        # Only short lists travel between the processes: gloo does it on every machine and leaves the GPUs alone.
        alone = int(os.environ.get("WORLD_SIZE", "1")) == 1
        self.state, self.rank, self.size = None, 0, 1
        if alone:
            return
        from accelerate import PartialState

        self.state = PartialState(cpu=cpu, backend="gloo", timeout=PATIENCE)
        self.rank, self.size = self.state.process_index, self.state.num_processes
        atexit.register(self.state.destroy_process_group)  # its threads, still running, would now and then abort the exit

    @contextmanager
    def first_alone(self) -> Iterator[None]:
        """A block that one process of each machine goes through before the others do."""
        # Accelerate's own barrier names a card by the process's number, which there need not be.
        first = self.state is None or self.state.is_local_main_process
        if not first:
            self.gather([])
        try:
            yield
        finally:
            if first:
                self.gather([])

    def share(self, jobs: list[Job]) -> list[Job]:
        """What this process has to do, once the first one has decided what is to be done at all."""
        if self.state is None:
            return jobs
        from accelerate.utils import broadcast_object_list

        decided = broadcast_object_list([jobs])[0]
        return decided[self.rank :: self.size]  # dealt out in turn, so that neighbours of one kind do not meet in one process

    def gather(self, rows: list[dict]) -> list[dict]:
        """Everybody's rows, for everybody; waits for all."""
        if self.state is None:
            return rows
        from accelerate.utils import gather_object

        return gather_object(rows)


def plan(photos: list[str], folder: Path, settings: dict) -> list[Job]:
    """One job for each photo.

    Raises:
        PerseError: two photos would become the same file.
    """
    jobs, names = [], dict[str, str]()
    for photo in photos:
        name = Path(photo).stem
        if name in names:
            raise PerseError(f"{names[name]!r} and {photo!r} would both become {name}.safetensors: please rename one of them.")
        names[name] = photo
        jobs.append(Job(photo, folder / f"{name}.safetensors", settings | {"photo": _digest(photo)}))
    return jobs


def built_before(job: Job) -> dict | None:
    """The build report of a job whose avatar is there, complete and made with the same settings; else None."""
    try:
        with safe_open(job.target, "np") as file:
            report = json.loads(file.metadata()["avatar"])["report"]["build"]
    except (OSError, ValueError, KeyError, TypeError, SafetensorError):
        return None
    return report if report.get("settings") == job.settings else None


def build_many(
    photos: list[str], folder: Path, settings: dict, build: Callable[[Job], dict], crew: Crew, again: bool = False
) -> dict | None:
    """Build the avatars of many photos into a folder.

    Args:
        settings: what makes two builds alike (budget, seed, synthesizer, …), plain values; kept in every avatar by `build`.
        build: makes one avatar file and returns its row; what it raises is that photo's failure and no one else's.
        crew: who shares the work.
        again: build also what is complete.

    Returns:
        {"avatars", "skipped", "failed", "processes", "seconds"}, which the folder's summary.json holds too; None in all processes
        but the first.
    """
    start = time.monotonic()
    skipped, jobs = [], plan(photos, folder, settings | {"version": __version__})
    if crew.rank == 0:
        done = {job.target: report for job in jobs if not again and (report := built_before(job)) is not None}
        skipped = [{"photo": job.photo, "avatar": str(job.target), **done[job.target]} for job in jobs if job.target in done]
        jobs = [job for job in jobs if job.target not in done]
    rows = crew.gather([_attempt(job, build, crew) for job in crew.share(jobs)])
    if crew.rank != 0:
        return None
    order = {photo: i for i, photo in enumerate(photos)}
    rows.sort(key=lambda row: order[row["photo"]])
    summary = {
        "avatars": [row for row in rows if "error" not in row],
        "skipped": skipped,
        "failed": [row for row in rows if "error" in row],
        "processes": crew.size,
        "seconds": round(time.monotonic() - start, 1),
    }
    write_atomically(folder / SUMMARY, json.dumps(summary, indent=1).encode())
    return summary


def _attempt(job: Job, build: Callable[[Job], dict], crew: Crew) -> dict:
    try:
        return {"photo": job.photo, **build(job), "process": crew.rank}
    except BuildCancelled:
        raise
    except PerseError as error:
        text = str(error)
    except Died as error:
        text = f"The process that built it {error.how}, perhaps for want of memory."
    except Exception as error:  # noqa: BLE001  (one photo must not stop the rest)
        text = f"The build failed unexpectedly ({type(error).__name__}: {error})."
    print(f"perse: {job.photo}: {text}", file=sys.stderr)
    return {"photo": job.photo, "error": text, "process": crew.rank}


def _digest(photo: str) -> str:
    """SHA-256 of the photo's bytes, or "" if it cannot be read: its build will say why."""
    try:
        return hashlib.sha256(Path(photo).read_bytes()).hexdigest()
    except OSError:
        return ""
