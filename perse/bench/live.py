"""How near a live avatar comes to the avatar itself, how large it is, and how long it takes to make."""

import struct
import time

import numpy as np
import torch

from ..avatar.avatar import Avatar
from ..avatar.random_look import random_look
from ..controls import Controls
from ..live.bake import bake, live_file
from ..live.container import decode
from ..live.reader import assemble
from ..renderer import Renderer
from ..rig.expressions import COMPOSITES

BUDGETS = (60_000, 30_000)
SIZE = 384  # pixels
TURNS = {"head_yaw": 25, "head_pitch": 15, "head_roll": 10, "gaze_yaw": 25, "gaze_pitch": 15, "yaw": 25, "pitch": 10}  # degrees either way


def live_quality(avatar: Avatar, moments: int = 100) -> dict:
    """Live files of all Gaussians and of BUDGETS beside the avatar.

    Returns:
        By budget ("all", "60000" …): gaussians in the file, drawn (the mean and the most of them that a picture of the random controls has),
        seconds of the bake, bytes, base_bytes (until a picture is possible), and psnr and psnr_worst (dB) of the reader's frames against the
        avatar's over those controls.
    """
    avatar.on("cpu")
    controls = [random_controls(avatar, seed) for seed in range(moments)]
    wanted = [Renderer(avatar, SIZE).frame(c) for c in controls]
    out = {}
    for budget in (None, *BUDGETS):
        start = time.perf_counter()
        data = live_file(avatar).encode() if budget is None else bake(avatar, budget)
        seconds = time.perf_counter() - start
        read = assemble(decode(data))
        renderer = Renderer(read, SIZE)
        each = np.array([psnr(goal, renderer.frame(c)) for goal, c in zip(wanted, controls)])
        drawn = [_drawn(read, c) for c in controls]
        out["all" if budget is None else str(budget)] = {
            "gaussians": len(read),
            "drawn": [round(float(np.mean(drawn))), max(drawn)],
            "seconds": round(seconds, 2),
            "bytes": len(data),
            "base_bytes": base_bytes(data),
            "psnr": round(float(each.mean()), 2),
            "psnr_worst": round(float(each.min()), 2),
        }
    return out


@torch.no_grad()
def _drawn(avatar: Avatar, controls: Controls) -> int:
    """How many Gaussians are seen with some controls from any side."""
    return int((avatar.cloud(avatar.state(controls)).opacities >= 1 / 255).sum())


def random_controls(avatar: Avatar, seed: int) -> Controls:
    """A random look in a random pose with random expressions, seen from a random side."""
    random = np.random.default_rng(seed)
    look = random_look(list(avatar.space.categories.values()), seed, avatar.report.build.get("limits", {}))
    moods = {str(name): float(random.uniform(0, 1)) for name in random.choice(list(COMPOSITES), 2, replace=False)}
    turns = {name: float(random.uniform(-most, most)) for name, most in TURNS.items()}
    return look.with_(expression=moods | {"jaw_open": float(random.uniform(0, 0.6))}, **turns)


def base_bytes(data: bytes) -> int:
    """Bytes of a live file up to the end of its first section after the description."""
    sections = struct.unpack_from("<I", data, 12)[0]
    sizes = [struct.unpack_from("<II", data, 16 + 8 * k)[1] for k in range(sections)]
    return 16 + 8 * sections + sizes[0] + sizes[1]


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    """dB between pictures of 8 bits; 99 if they are the same."""
    error = float(((one.astype(np.float64) - other) ** 2).mean())
    return min(99.0, 10 * np.log10(255**2 / error)) if error else 99.0
