"""How every kernel is compiled: without the interpreter's lock, C's division, and kept on disk where that is possible.

Numba looks for room beside the source and in the person's home. A read-only installation of somebody without a home has neither: then
kernels are kept among the system's temporary files, in a folder of this user's own, since whatever lies there is run. Where nothing can be
kept at all a process compiles for itself; numba alone would raise.
"""

import contextlib
import os

import numba
from numba.core.caching import FunctionCache, IndexDataCacheFile

from ..cores import PARALLEL
from ..files import own_folder


class _Cache(FunctionCache):
    def __init__(self, function):
        super().__init__(function)
        if not PARALLEL:  # numba does not tell the two apart, and the library may come later
            locator, base = self._impl.locator, f"{self._impl.filename_base}.one-core"
            self._cache_file = IndexDataCacheFile(self._cache_path, base, locator.get_source_stamp())

    @contextlib.contextmanager
    def _guard_against_spurious_io_errors(self):
        with contextlib.suppress(OSError):
            yield


def compiled(**options):
    """Decorator: `numba.njit` with the settings of this project and these."""
    if not PARALLEL:
        options.pop("parallel", None)

    def wrap(function):
        kernel = numba.njit(nogil=True, error_model="numpy", **options)(function)
        with contextlib.suppress(RuntimeError):  # no folder can be written: nothing is kept
            kernel._cache = _cache(function)
        return kernel

    return wrap


def _cache(function) -> _Cache:
    try:
        return _Cache(function)
    except RuntimeError:
        if (folder := own_folder("perse-kernels")) is None:
            raise
        os.environ["NUMBA_CACHE_DIR"] = numba.config.CACHE_DIR = str(folder)  # of children, too
        return _Cache(function)
