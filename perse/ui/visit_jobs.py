"""A visit's jobs: one of each kind at a time."""

from collections.abc import Callable

from ..errors import PerseError
from .jobs import Job
from .one_visit import Visit
from .visits import ENDED
from .waiting_line import Line


def cancel(visit: Visit, *kinds: str) -> None:
    """Stop the visit's jobs of these kinds."""
    for kind in kinds:
        if (job := visit.busy(kind)) is not None:
            job.cancel()


def start(
    visit: Visit,
    kind: str,
    work: Callable,
    line: Line,
    deadline: float,
    done: Callable,
    failed: Callable[[str], None],
    undone: Callable[[], None] = lambda: None,
    planned: float | None = None,
) -> None:
    """Start a job that takes the place of the visit's other one of this kind.

    Args:
        work, line, deadline, planned: as of `Job`.
        done: what to do with its result.
        failed: what to do with the sentence that tells why there is none.
        undone: what to do if it did not run at all, or was stopped.

    Raises:
        PerseError: the line is full, or the visit is over.
    """

    def then(job: Job) -> None:
        try:
            if job.result is not None:
                done(job.result)
        except PerseError as error:
            job.error = str(error)
        finally:
            job.result = None  # the visit has it now, or nobody
            if job.cancelled:
                undone()
        if job.error and visit.jobs.get(kind) is job:
            failed(job.error)

    cancel(visit, kind)
    job = Job(work, line, visit.who, deadline, then, planned=planned)
    try:
        if visit.over:
            raise PerseError(ENDED)
        visit.jobs[kind] = job
        job.start()
        if visit.over:  # meanwhile
            job.cancel()
    except PerseError:
        visit.jobs.pop(kind, None)
        undone()
        raise
