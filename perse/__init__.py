"""PERSE: an editable 3D Gaussian head avatar from one portrait."""

import os

from .memory import keep_heaps

# Spinning threads cost more than they give on a shared two-core host; this must be set before torch, numba or numpy load their
# runtime. OpenBLAS spins for 2**26 cycles after each product, and took a third of the time from whoever followed a face; 2**4 is its least.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")
os.environ.setdefault("NUMBA_THREADING_LAYER", "omp")
keep_heaps()

__version__ = "0.1.0"
