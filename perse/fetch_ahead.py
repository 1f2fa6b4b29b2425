"""Pretrained weights that the page's pipeline can use come to this machine while it serves without them.

PERSE_FETCH, an owner's switch, says whether: `auto` fetches them in the background where there is a card that can use them, and room; `never`
leaves that to `python -m perse weights fetch`; `wait` lets builds wait for them; `small` fetches the few that need no card. What is ready serves the
next build.
"""

import logging
import os
import threading
import time
from typing import TYPE_CHECKING

import torch

from . import hub, pretrained
from .errors import PerseError
from .gpu import ON_ZERO
from .portrait import networks
from .synthesis.choose import EDITOR, choose_synthesizer

if TYPE_CHECKING:
    from .pipeline import PersePipeline

OPINION = "auraface"  # fetched before the editor, which does without it
SPARE = 4e9  # bytes that a download leaves free on its disk
LEAST_CARD = 14e9  # bytes of a card's memory that the editor's largest part takes, with what it computes
log = logging.getLogger(__name__)


class FetchAhead:
    """Fetches for a pipeline, and gives it what has come.

    Args:
        way: what PERSE_FETCH says.

    Attributes:
        news: how far it is, or why it gave up: a sentence for people, "" where there is nothing to say.
    """

    def __init__(self, pipeline: "PersePipeline", way: str):
        self.pipeline, self.way, self.news = pipeline, way, ""
        self._over = threading.Event()
        self._began, self._share = time.monotonic(), 0.0

    def start(self) -> "FetchAhead":
        """Begin in the background, if there is anything to fetch that could be used here."""
        if self.way == "small":
            threading.Thread(target=self._fetch_small, name="perse-fetch", daemon=True).start()
        elif self._wanted():
            threading.Thread(target=self._run, name="perse-fetch", daemon=True).start()
        else:
            self._over.set()
        return self

    def wait(self) -> None:
        """Return when all has come, or will not."""
        self._over.wait()

    def seconds(self) -> float:
        """About how long it takes in all, by the pace so far."""
        if self._over.is_set():
            return 0.0
        return (time.monotonic() - self._began) / max(self._share, 0.005)

    def _wanted(self) -> bool:
        # On ZeroGPU models are placed before the page starts (`gpu.py`): `preload_from_hub` brings them.
        if self.way == "never" or ON_ZERO or not torch.cuda.is_available():
            return False
        if os.environ.get("PERSE_WEIGHTS") or hub.is_offline() or hub.local(EDITOR) is not None:
            return False
        memory = torch.cuda.get_device_properties(torch.cuda.current_device()).total_memory
        if memory < LEAST_CARD:
            self.news = f"Weights for generated pictures are not fetched: they need a GPU of {LEAST_CARD / 1e9:.0f} GB, this one has {memory / 1e9:.0f}."
            return False
        missing, free = hub.missing(OPINION) + hub.missing(EDITOR), hub.free()
        if free < missing + SPARE:
            self.news = (
                f"Weights for generated pictures are not fetched: they take {missing / 1e9:.0f} GB, and of {free / 1e9:.0f} GB that are free "
                f"{SPARE / 1e9:.0f} are left alone."
            )
            return False
        return True

    def _run(self) -> None:
        try:
            try:
                hub.fetch(OPINION, self._tell)
            except PerseError as error:
                log.warning("%s", error)  # if the network is at fault, the editor's download will say so
            hub.fetch(EDITOR, self._tell)
            self.news = "Weights for generated pictures have come and are being loaded."
            self.pipeline.adopt(*choose_synthesizer("auto", True))
            self.news = ""
        except PerseError as error:
            self.news = f"Weights for generated pictures could not be fetched. {error}"
        except Exception as error:  # noqa: BLE001  (whatever it is, the page goes on without)
            log.warning("fetching weights failed", exc_info=True)
            self.news = f"Weights for generated pictures could not be fetched ({type(error).__name__})."
        finally:
            self._over.set()

    def _fetch_small(self) -> None:
        """Fetch and check, so that no build has to: whatever does not come is left to what is embedded."""
        failed = ""
        try:
            for model in (model for model in pretrained.MODELS if model.small):
                try:
                    hub.fetch(model, self._tell)
                    networks.tried(model.name)
                except PerseError as error:
                    failed = failed or f"Small networks could not all be fetched. {error}"
        except Exception as error:  # noqa: BLE001  (as above)
            log.warning("fetching small networks failed", exc_info=True)
            failed = f"Small networks could not be fetched ({type(error).__name__})."
        finally:
            self.news = failed
            self._over.set()

    def _tell(self, share: float, text: str) -> None:
        self._share = share
        what = "Small networks" if self.way == "small" else "Weights for generated pictures"
        self.news = f"{what} are on their way: {text}, {100 * share:.0f} %."
