"""How much memory a thing holds in arrays."""

import sys
from typing import Any

import numpy as np


def weigh(thing: Any) -> int:
    """Bytes of all NumPy arrays, tensors and byte strings that can be reached from a thing, each memory counted once."""
    seen: set[int] = set()
    found: dict[int, int] = {}
    todo = [thing]
    tensor = torch.Tensor if (torch := sys.modules.get("torch")) else ()  # not loaded: then there are none
    while todo:
        x = todo.pop()
        if id(x) in seen or isinstance(x, (str, int, float, bool, type(None), type)):
            continue
        seen.add(id(x))
        if isinstance(x, tensor):
            store = x.untyped_storage()
            found[store.data_ptr()] = store.nbytes()
        elif isinstance(x, np.ndarray):
            whole = x
            while isinstance(whole.base, np.ndarray):
                whole = whole.base
            found[whole.ctypes.data] = max(whole.nbytes, found.get(whole.ctypes.data, 0))
        elif isinstance(x, (bytes, bytearray)):
            found[id(x)] = len(x)
        elif isinstance(x, dict):
            todo += [*x.keys(), *x.values()]
        elif isinstance(x, (list, tuple, set, frozenset)):
            todo += x
        elif hasattr(x, "__dict__"):
            todo += vars(x).values()
    return sum(found.values())
