"""The CPU kernels of a fresh machine: compiled by children, in the order in which a visitor needs them.

Compiling takes tens of seconds and leaves some four hundred megabytes with the process that does it. So children do it, as many at once
as there are processors, and leave the result in numba's cache, from where this process reads it in milliseconds. Where nothing can be
kept, and for whatever the children left out, a process compiles for itself: pictures are right at any time, the first ones only late.

    python -m perse.compile_ahead compositing | pictures | meshes | learning | driving       what a child runs; it ends when its standard input does
"""

import hashlib
import os
import subprocess
import sys
import threading
from contextlib import suppress
from functools import cache
from pathlib import Path

from .apart import without_loans

PACKAGE = Path(__file__).parent


def compositing() -> None:
    """The larger half of what `pictures` runs, by itself: two children are faster than one."""
    import numpy as np

    from .render.cpu.bits import TILE
    from .render.cpu.blend import blend
    from .render.cpu.layout import ROWS
    from .render.cpu.projection import RECORD

    blend(np.zeros((ROWS, RECORD), np.float32), np.zeros(2, np.int32), np.zeros(0, np.int32), np.zeros(3, np.float32), TILE, TILE)


def pictures() -> None:
    """What the first picture of an avatar runs."""
    import torch

    from .render.rasterize import rasterize

    with torch.no_grad():
        cloud, camera = _scene()
        rasterize(cloud, camera, backgrounds=torch.ones(3))


def meshes() -> None:
    """What the first teaching clip runs."""
    from .render import mesh

    mesh.warm_up()


def learning() -> None:
    """What the first step of a fit runs; of a process that may never compute a gradient (`gpu.py`) that half which computes none."""
    import torch

    from .fitting.losses import Target, picture_loss
    from .gpu import ON_ZERO
    from .render.rasterize import rasterize

    cloud, camera = _scene(learns=True)
    white = torch.ones(3)
    rgb, alpha = rasterize(cloud, camera, backgrounds=white)
    side = camera.width
    for weight in (None, torch.ones(side, side)):
        loss = picture_loss(rgb[0], alpha[0, ..., 0], Target(torch.zeros(side, side, 3), torch.zeros(side, side), weight), white)
        if not ON_ZERO:
            loss.backward(retain_graph=True)


def driving() -> None:
    """What the first clip that is followed runs, beside pictures and meshes."""
    import numpy as np

    from .tracking.solve import bounded, grams

    grams(np.ones((1, 1, 1)))
    bounded(np.ones((1, 1, 1)), np.zeros((1, 1)), np.zeros((1, 1)), np.ones((1, 1)))


GROUPS = {"compositing": compositing, "pictures": pictures, "meshes": meshes, "learning": learning, "driving": driving}


def _scene(learns: bool = False):
    """One Gaussian that follows one triangle, as an avatar's do, and a camera."""
    import torch

    from .avatar.binding import Binding
    from .avatar.skinning import Follower
    from .render.camera import Camera
    from .render.cloud import GaussianCloud

    corners = torch.tensor([[-1.0, -1.0, 2.0], [1.0, -1.0, 2.0], [0.0, 1.0, 2.0]])
    follow = Follower(corners, torch.tensor([[0, 1, 2]]), Binding(torch.tensor([0]), torch.full((1, 3), 1 / 3)))
    offset, turn, size = torch.zeros(1, 3), torch.tensor([[1.0, 0.0, 0.0, 0.0]]), torch.full((1, 3), -2.0)
    for learnt in (corners, offset, turn, size):
        learnt.requires_grad_(learns)
    means, quats, scales = follow(corners, offset, turn, size)
    cloud = GaussianCloud(means, quats, scales, torch.full((1,), 0.5), torch.ones(1, 3))
    side = 64
    return cloud, Camera(torch.eye(4).numpy(), torch.tensor([[side, 0, side / 2], [0, side, side / 2], [0, 0, 1]]).numpy(), side, side)


class Compiling:
    """Children that compile whatever of `groups` this machine, with this source, has not compiled yet.

    at_once: how many of them run together.
    """

    def __init__(self, groups=tuple(GROUPS), at_once: int = 0):
        self._done = {group: threading.Event() for group in groups}
        self._at_once = at_once or min(len(groups), os.cpu_count() or 1)
        self._children: list[subprocess.Popen] = []
        self._stopped = False
        self._lock = threading.Lock()
        self._mark = _mark(groups)
        self.needed = self._mark is not None and not self._mark.exists()
        if self.needed:
            threading.Thread(target=self._compile_all, name="perse-compile", daemon=True).start()
        else:
            for done in self._done.values():
                done.set()

    def fetch(self, group: str) -> None:
        """Return when the group's kernels are in this process: compiled by its child, or else here and now."""
        self._done[group].wait()
        GROUPS[group]()

    def stop(self) -> None:
        """End the children."""
        with self._lock:
            self._stopped = True
            for child in self._children:
                child.kill()

    def _compile_all(self) -> None:
        slots, threads = threading.Semaphore(self._at_once), []
        compiled: list[str] = []  # groups whose child ended well
        for group in self._done:
            slots.acquire()
            threads.append(threading.Thread(target=self._compile, args=(group, slots, compiled), daemon=True))
            threads[-1].start()
        for thread in threads:
            thread.join()
        if self._mark is not None and len(compiled) == len(self._done):
            with suppress(OSError):
                self._mark.touch()

    def _compile(self, group: str, slots: threading.Semaphore, compiled: list[str]) -> None:
        try:
            with self._lock:
                if self._stopped:
                    return
                child = subprocess.Popen(
                    [sys.executable, "-m", "perse.compile_ahead", group],
                    cwd=PACKAGE.parent,
                    env=without_loans(),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
                self._children.append(child)
            if child.wait() == 0:
                compiled.append(group)
        except OSError:  # no room for a process: `fetch` compiles
            pass
        finally:
            self._done[group].set()
            slots.release()


@cache
def libraries() -> None:
    """Import what nothing but a fit does, at its first step otherwise: over a second, and 70 MB."""
    import torch
    from accelerate import Accelerator  # noqa: F401

    torch.optim.Adam([torch.zeros(1, requires_grad=True)])


@cache
def ready() -> None:
    """Return when all that a build runs is in this process; tens of seconds on a fresh machine, and nothing the second time. What is timed
    must be neither compiling nor importing."""
    compiling = Compiling()
    for group in ("compositing", "pictures", "meshes", "learning"):
        compiling.fetch(group)
    libraries()


def _mark(groups: tuple[str, ...]) -> Path | None:
    """A file that stands in numba's cache once these groups are there, for this processor and this source; None if nothing can be kept."""
    import numba
    from numba.core.registry import cpu_target

    from .render.cpu.projection import project

    folder = getattr(project._cache, "cache_path", None)
    if folder is None:
        return None
    said = [*groups, numba.__version__, sys.version, *cpu_target.target_context.codegen().magic_tuple()]
    for file in sorted(PACKAGE.rglob("*.py")):
        if b"\n@compiled(" in file.read_bytes():  # it holds kernels
            status = file.stat()
            said.append(f"{file.name} {status.st_size} {status.st_mtime_ns}")
    return Path(folder) / f"perse-{hashlib.sha256(repr(said).encode()).hexdigest()[:24]}.compiled"


def _child(group: str) -> None:
    def end_with_parent():
        sys.stdin.buffer.read()
        os._exit(1)

    threading.Thread(target=end_with_parent, daemon=True).start()
    if group not in ("compositing", "pictures"):
        with suppress(OSError):
            os.nice(5)  # what a visitor waits for first comes first
    GROUPS[group]()
    sys.stdout.flush()
    os._exit(0)  # torch and numba take a second to take themselves down


if __name__ == "__main__":
    _child(sys.argv[1])
