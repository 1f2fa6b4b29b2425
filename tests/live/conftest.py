"""One avatar that was built once and lies in the repository, and its live files."""

import lzma
from pathlib import Path

import pytest

from perse.avatar.avatar import Avatar
from perse.avatar.io import load_avatar
from perse.live.bake import bake

EXAMPLE = Path(__file__).parents[2] / "assets" / "examples" / "astronaut.safetensors.xz"
FEW = 30_000  # Gaussians of a picture


@pytest.fixture(scope="session")
def example(tmp_path_factory) -> Avatar:
    """The astronaut of the page's examples, with every category. Nobody changes it."""
    path = tmp_path_factory.mktemp("example") / "astronaut.safetensors"
    path.write_bytes(lzma.decompress(EXAMPLE.read_bytes()))
    return load_avatar(path)


@pytest.fixture(scope="session")
def live(example) -> bytes:
    """Its live file of FEW Gaussians."""
    return bake(example, FEW)


@pytest.fixture(scope="session")
def usual(example) -> bytes:
    """Its live file as the page has it."""
    return bake(example)
