"""Gradio without the type stubs that it writes into its own folder at every import, which take half of the import's time.

Call `leave_out` before the first import of gradio: the stubs are made while its classes are.
"""

import importlib.machinery
import sys

METACLASS = "gradio.component_meta"


class _Finder:
    """Finds one module as everybody else would, and takes the stubs' maker out of it when it has been loaded."""

    def find_spec(self, name, path=None, target=None):
        if name != METACLASS:
            return None
        sys.meta_path.remove(self)
        if (spec := importlib.machinery.PathFinder.find_spec(name, path)) is None or spec.loader is None:
            return spec
        load = spec.loader.exec_module

        def exec_module(module):
            load(module)
            module.create_or_modify_pyi = lambda *a: None

        spec.loader.exec_module = exec_module  # type: ignore[method-assign]  # for this one module, on its own loader
        return spec


def leave_out() -> None:
    """From here on; nothing if gradio is there already."""
    if METACLASS not in sys.modules:
        sys.meta_path.insert(0, _Finder())
