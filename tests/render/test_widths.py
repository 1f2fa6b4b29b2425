"""The kernels as a lesser machine has them: what is compiled for eight lanes draws what is compiled for sixteen."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from llvmlite import binding

from perse.bench import roofline
from perse.render.cpu.lanes import WIDTH

pytestmark = pytest.mark.slow

NARROW = """
import sys
import numpy as np, torch
from perse.bench import roofline
from perse.render.rasterize import rasterize
from perse.render.cpu.lanes import WIDTH
assert WIDTH == 8, WIDTH
cloud, camera = roofline.head_scene(2000, 150)
inputs = [getattr(cloud, name).requires_grad_() for name in ("means", "quats", "scales", "opacities", "colors")]
rgb, alpha = rasterize(cloud, camera, backgrounds=torch.tensor([0.2, 0.5, 0.9]))
((rgb * rgb).sum() + alpha.sum()).backward()
np.savez(sys.argv[1], rgb=rgb.detach(), alpha=alpha.detach(), **{str(k): t.grad for k, t in enumerate(inputs)})
"""


@pytest.mark.skipif(WIDTH == 8, reason="these are the kernels of this machine: every other test tries them")
def test_eight_lanes_draw_what_sixteen_do(tmp_path):
    features = ",".join(("-" if "512" in name or not there else "+") + name for name, there in binding.get_host_cpu_features().items())
    done = subprocess.run(
        [sys.executable, "-c", NARROW, str(tmp_path / "narrow.npz")],
        capture_output=True,
        text=True,
        env=os.environ | {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": features},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    narrow = np.load(tmp_path / "narrow.npz")
    cloud, camera = roofline.head_scene(2000, 150)
    inputs = [getattr(cloud, name).requires_grad_() for name in ("means", "quats", "scales", "opacities", "colors")]
    rgb, alpha = roofline.rasterize(cloud, camera, backgrounds=torch.tensor([0.2, 0.5, 0.9]))
    ((rgb * rgb).sum() + alpha.sum()).backward()
    assert np.abs(narrow["rgb"] - rgb.detach().numpy()).max() < 1e-5 and np.abs(narrow["alpha"] - alpha.detach().numpy()).max() < 1e-5
    for k, leaf in enumerate(inputs):
        assert np.abs(narrow[str(k)] - leaf.grad.numpy()).max() <= 1e-4 * leaf.grad.abs().max()
