"""The rasterizer's own account of its work."""

import numpy as np
import torch

from perse import roofline


def test_a_head_scene_has_the_sizes_it_claims():
    cloud, camera = roofline.head_scene(5000, 256)
    centres, depth = camera.project(cloud.means.numpy())
    assert ((centres > 0) & (centres < 256)).all() and np.ptp(depth) > 1.5
    pixels = cloud.scales.numpy() * camera.K[0, 0] / depth[:, None]
    assert 0.75 < pixels.min() < 1.1 and 2.8 < pixels.max() < 3.8


def test_work_counts_what_is_visited():
    cloud, camera = roofline.head_scene(3000, 128)
    done = roofline.work(cloud, camera)
    # Every Gaussian here is seen; a block is 4 x 4 pixels, and an ellipse touches more of them than it fills.
    assert 3000 <= done["pairs"] <= 2 * 3000 * 4 and done["blocks"] > 3000 * 4
    doubled = roofline.work(type(cloud).concat([cloud, cloud]), camera)
    assert doubled["pairs"] == 2 * done["pairs"] and 1.5 < doubled["blocks"] / done["blocks"] <= 2
    hidden = roofline.work(type(cloud)(cloud.means, cloud.quats, cloud.scales, torch.zeros(3000), cloud.colors), camera)
    assert hidden["pairs"] == hidden["blocks"] == hidden["forward_flops"] == 0


def test_the_table_has_a_row_a_scene_and_stays_below_the_limit():
    told = roofline.table((1000, 4000), (64,))
    assert told["machine"]["copy_gb_s"] > 0.5 and told["machine"]["multiply_add_gflops"] > 1
    assert [(row["gaussians"], row["size"]) for row in told["scenes"]] == [(1000, 64), (4000, 64)]
    for row in told["scenes"]:
        assert 0 < row["forward_of_limit"] < 1 and 0 < row["forward_backward_of_limit"] < 1
        assert row["forward_ms"] < row["forward_backward_ms"]
