"""PERSE: an editable 3D Gaussian head avatar from one portrait."""

import os

# Spinning OpenMP threads cost more than they give on a shared two-core host; this must be set before
# torch or numba load their runtime.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("NUMBA_THREADING_LAYER", "omp")

__version__ = "0.1.0"
