"""How every kernel of this folder is compiled: cached on disk, without the interpreter's lock, C's division."""

import functools

import numba

compiled = functools.partial(numba.njit, cache=True, nogil=True, error_model="numpy")
