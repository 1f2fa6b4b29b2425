"""The CPU rasterizer: numba kernels with gsplat's semantics; `rasterize` says how a picture is made."""
