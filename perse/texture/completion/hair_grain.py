"""The grain of hair: noise drawn out along the way hair falls, from the whorl down over the head."""

import cv2
import numpy as np

from ...render.geometry import unit
from ..atlas import sample

HAIR_CENTRE = np.array([0.0, 0.15, 0.85])  # point in the head about which strands run, head frame
WHORL = np.array([0.14, -0.84, 0.52])  # direction of the whorl, from that point
WHORL_TURN = 0.7  # radians by which strands wind around the whorl
WHORL_REACH = 0.45  # radians from the whorl in which they do
WAVES = ((7, 6, 0.10), (16, 14, 0.045), (36, 36, 0.015))  # columns and rows of a noise, and by how many radians it turns strands
OCTAVES = 4  # sizes of strands: near the whorl the meridians crowd, and fewer, wider ones are drawn


def strand_coordinates(points: np.ndarray) -> np.ndarray:
    """Where points (..., 3) of the head frame lie in the hair, (..., 2) float32: the angle from the whorl, 0 to pi, along which a
    strand runs, and the one around it, any number of turns, by which strands differ."""
    axis = WHORL / np.linalg.norm(WHORL)
    first = np.cross(axis, [0.0, 0.0, 1.0])
    first /= np.linalg.norm(first)
    away = (points - HAIR_CENTRE).astype(np.float32)
    height, x, y = np.moveaxis(away @ np.stack([axis, first, np.cross(first, axis)], 1).astype(np.float32), -1, 0)
    along = np.arctan2(np.hypot(x, y), height)
    around = np.arctan2(x, y) + WHORL_TURN * np.exp(-along / WHORL_REACH)
    # Strands waver, all of a place together, or they would stand like the spokes of a wheel.
    rng = np.random.default_rng(0)
    waver = sum(amplitude * _read(_noise(rng, columns, rows, 1.0, 1.0), along, around) for columns, rows, amplitude in WAVES)
    return np.stack([along, around + waver], -1)


def strand_direction(points: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """Unit tangents (N, 3), away from the whorl, of strands through points (N, 3) of a surface with these unit normals (N, 3): along
    `strand_coordinates`' first, its second held, but for how strands wind and waver."""
    axis = WHORL / np.linalg.norm(WHORL)
    away = points - HAIR_CENTRE
    along = (away @ axis)[:, None] * away - (away * away).sum(1, keepdims=True) * axis
    return unit(along - (along * normals).sum(1, keepdims=True) * normals)


def grain(points: np.ndarray, width: float, length: float, seed: int) -> np.ndarray:
    """Strands as noise (H, W) of mean 0 and deviation 1 at points (H, W, 3).

    Args:
        width, length: of a strand, in eye distances, about one being a head's radius.
    """
    return grain_at(strand_coordinates(points), width, length, seed)


def grain_at(coordinates: np.ndarray, width: float, length: float, seed: int) -> np.ndarray:
    """`grain` at known `strand_coordinates` (H, W, 2)."""
    rng = np.random.default_rng(seed)
    along, around = coordinates[..., 0], coordinates[..., 1]
    level = np.clip(-np.log2(np.maximum(np.sin(along), 1e-3)), 0, OCTAVES - 1)
    out, power = np.zeros_like(along), np.zeros_like(along)
    for octave in range(OCTAVES):
        share = np.clip(1 - np.abs(level - octave), 0, 1)
        columns = max(int(2 * np.pi / width / 2**octave), 8)
        noise = _noise(rng, 2 * columns, max(int(np.pi / length * 4), 8), 0.8, 1.6)
        where = share > 0
        out[where] += share[where] * _read(noise, along[where], around[where])
        power += share**2
    return out / np.sqrt(np.maximum(power, 1e-6))


def _noise(rng: np.random.Generator, columns: int, rows: int, across: float, down: float) -> np.ndarray:
    """Smooth noise (rows, columns + 2) of unit deviation whose first and last columns repeat each other's neighbours."""
    noise = rng.standard_normal((rows, columns)).astype(np.float32)
    wide = cv2.GaussianBlur(np.pad(noise, ((0, 0), (8, 8)), mode="wrap"), (0, 0), sigmaX=across, sigmaY=down)
    return wide[:, 7 : columns + 9] / wide[:, 8:-8].std()


def _read(noise: np.ndarray, along: np.ndarray, around: np.ndarray) -> np.ndarray:
    rows, columns = noise.shape[0], noise.shape[1] - 2
    x = (around / (2 * np.pi) + 0.5) % 1 * columns + 1
    return sample(noise, np.stack([x, along / np.pi * rows], -1))
