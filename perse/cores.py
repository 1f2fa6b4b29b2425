"""On how many cores kernels run, and whether their loops can be shared out to them.

That takes the OpenMP library of the system (libgomp), since numba's own way has no room for two callers. A machine that lacks it runs each
kernel on one core, and says so.
"""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numba

MISSING = "perse: libgomp, the OpenMP library, is missing: pictures are drawn on one core (Debian, Ubuntu: apt-get install libgomp1)."


def _has_openmp() -> bool:
    try:
        importlib.import_module("numba.np.ufunc.omppool")
    except ImportError:
        print(MISSING, file=sys.stderr, flush=True)
        return False
    return True


PARALLEL = _has_openmp()


def count() -> int:
    """Cores that this thread's work may use."""
    return numba.get_num_threads() if PARALLEL else numba.config.NUMBA_NUM_THREADS


def keep_to_one() -> None:
    """This thread's kernels use one core from here on."""
    if PARALLEL:
        numba.set_num_threads(1)


@contextmanager
def one() -> Iterator[None]:
    """Within, this thread's kernels use one core: what takes a millisecond waits longer for others to join in than they save."""
    before = count()
    keep_to_one()
    try:
        yield
    finally:
        if PARALLEL:
            numba.set_num_threads(before)
