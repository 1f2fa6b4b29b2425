"""How every kernel is compiled: without the interpreter's lock, C's division, and kept on disk where that is possible.

Where it is not, on a read-only or a full disk, a process compiles for itself; numba alone would raise.
"""

import contextlib

import numba
from numba.core.caching import FunctionCache


class _Cache(FunctionCache):
    @contextlib.contextmanager
    def _guard_against_spurious_io_errors(self):
        with contextlib.suppress(OSError):
            yield


def compiled(**options):
    """Decorator: `numba.njit` with the settings of this project and these."""

    def wrap(function):
        kernel = numba.njit(nogil=True, error_model="numpy", **options)(function)
        with contextlib.suppress(RuntimeError):  # no folder can be written: nothing is kept
            kernel._cache = _Cache(function)
        return kernel

    return wrap
