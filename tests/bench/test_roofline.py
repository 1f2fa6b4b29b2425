"""The rasterizer's own account of its work."""

from functools import partial
from itertools import count
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from perse.bench import roofline
from perse.render.cpu.lanes import WIDTH

pytestmark = pytest.mark.slow


def test_a_head_scene_has_the_sizes_it_claims():
    cloud, camera = roofline.head_scene(5000, 256)
    centres, depth = camera.project(cloud.means.numpy())
    assert ((centres > 0) & (centres < 256)).all() and np.ptp(depth) > 1.5
    pixels = cloud.scales.numpy() * camera.K[0, 0] / depth[:, None]
    assert 0.75 < pixels.min() < 1.1 and 2.8 < pixels.max() < 3.8


def test_work_counts_what_is_visited():
    cloud, camera = roofline.head_scene(3000, 128)
    done = roofline.work(cloud, camera)
    # Every Gaussian here is seen; a block is 4 x 4 pixels, and an ellipse touches more of them than it fills, as long as light is left.
    assert 3000 <= done["pairs"] <= 2 * 3000 * 4 and done["blocks"] > 3000 * 4
    doubled = roofline.work(type(cloud).concat([cloud, cloud]), camera)
    assert doubled["pairs"] == 2 * done["pairs"] and 1.5 < doubled["blocks"] / done["blocks"] <= 2
    hidden = roofline.work(type(cloud)(cloud.means, cloud.quats, cloud.scales, torch.zeros(3000), cloud.colors), camera)
    assert hidden["pairs"] == hidden["blocks"] == hidden["forward_flops"] == 0


def test_the_table_has_a_row_a_scene_and_compares_it_with_the_limit(monkeypatch):
    """On a clock by which everything takes a millisecond, whatever it takes here."""
    monkeypatch.setattr(roofline, "time", SimpleNamespace(perf_counter=partial(next, count(0.0, 0.001))))
    told = roofline.table((1000, 40_000), (64,))
    bytes_a_second, operations_a_second = 1000 * 2 * (4 * 32 << 20), 1000 * 2 * 8 * WIDTH * 40_000 * 64
    assert told["machine"] == {"copy_gb_s": round(bytes_a_second / 1e9, 1), "multiply_add_gflops": round(operations_a_second / 1e9)}
    assert [(row["gaussians"], row["size"]) for row in told["scenes"]] == [(1000, 64), (40_000, 64)]
    for row in told["scenes"]:
        forward, backward = (
            1000 * max(row[f"{way}_bytes"] / bytes_a_second, row[f"{way}_flops"] / operations_a_second) for way in ("forward", "backward")
        )
        assert row["forward_ms"] == row["forward_backward_ms"] == 1
        assert row["forward_limit_ms"] == row["forward_of_limit"] == pytest.approx(forward, abs=0.01)
        assert row["forward_backward_limit_ms"] == row["forward_backward_of_limit"] == pytest.approx(forward + backward, abs=0.01)
    assert 0 < told["scenes"][1]["forward_of_limit"] < told["scenes"][1]["forward_backward_of_limit"]
