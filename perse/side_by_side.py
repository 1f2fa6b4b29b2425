"""Small pieces of work on all cores: a thread each, in which kernels use one core, instead of all cores at one piece.

A lesson is a picture of 128 pixels: half of its time goes to what no kernel shares out, and waking its threads costs as much as they save.
An edit is a second of NumPy and OpenCV, which hold the interpreter's lock for little of it.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from . import cores

Item = TypeVar("Item")
Result = TypeVar("Result")


class SideBySide:
    """Use as a context. `each` gives results in the order of the items, so nothing depends on the threads.

    Args:
        device: where the work is done, the CPU if None; a GPU has its own ways: there, one piece after the other.
    """

    def __init__(self, device: torch.device | None = None):
        threads = cores.count() if device is None or device.type == "cpu" else 1
        self._pool = ThreadPoolExecutor(threads, "perse-side-by-side", cores.keep_to_one) if threads > 1 else None

    def __enter__(self) -> "SideBySide":
        return self

    def __exit__(self, *_) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def each(self, work: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """`work` of every item; without gradients, unless it asks for them."""

        def plainly(item: Item) -> Result:
            with torch.no_grad():
                return work(item)

        return map(plainly, items) if self._pool is None else self._pool.map(plainly, items)
