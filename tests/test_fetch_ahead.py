"""Weights come in the background from a Hub of our own, and the next build uses them; or it is said why not, and nobody waits."""

import dataclasses
from types import SimpleNamespace

import pytest
import torch

from perse import fetch_ahead, hub, pretrained
from perse.errors import PerseError
from perse.fetch_ahead import EDITOR, OPINION, FetchAhead
from perse.pipeline import PersePipeline
from perse.portrait import networks
from perse.synthesis import diffusion
from perse.synthesis.procedural import ProceduralSynthesizer
from perse.ui.engine import BUILD, Engine, page_engine
from tests.test_hub import WEIGHTS, server  # noqa: F401  (a fixture)

NOTES = ("The weights are not here.", "Avatars are fitted on the CPU.")


@pytest.fixture
def page(server, monkeypatch):  # noqa: F811
    """A machine with a card, a Hub that has both models, and a pipeline that serves without them; loading notes what it loads."""
    card = SimpleNamespace(memory=80e9)
    rows = tuple(server.add(name, f"somebody/{name}", {"net.safetensors": WEIGHTS}) for name in (OPINION, EDITOR))
    monkeypatch.setattr(pretrained, "MODELS", rows)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(total_memory=card.memory))
    monkeypatch.setattr(fetch_ahead, "SPARE", 0.0)
    monkeypatch.setattr(diffusion, "load_diffusion", lambda device: SimpleNamespace(name="diffusion", takes_words=True))
    return SimpleNamespace(card=card, hub=server, pipeline=PersePipeline(ProceduralSynthesizer(), torch.device("cpu"), NOTES))


def fetched(page, way="auto") -> FetchAhead:
    fetching = FetchAhead(page.pipeline, way).start()
    fetching.wait()
    return fetching


def test_what_has_come_serves_the_next_build(page, monkeypatch):
    told, tell = [], FetchAhead._tell
    monkeypatch.setattr(FetchAhead, "_tell", lambda self, *args: (tell(self, *args), told.append(self.news)))
    running = page.pipeline._serving  # as of a build that has begun
    fetching = fetched(page)
    assert page.pipeline.synthesizer.name == "diffusion" and running[0].name == "procedural"
    assert "generated pictures teach" in page.pipeline.notes[0] and page.pipeline.notes[1] == NOTES[1]
    assert hub.local(EDITOR) and hub.local(OPINION) and fetching.news == "" and fetching.seconds() == 0
    assert any(f"on their way: checking {EDITOR}" in news and news.endswith("%.") for news in told)
    page.hub.asked.clear()
    fetched(page)  # a second start
    assert not page.hub.asked


def test_what_goes_wrong_is_told_and_the_embedded_one_serves_on(page):
    page.hub.status = 503
    fetching = fetched(page)
    assert "could not be fetched" in fetching.news and "503" in fetching.news and fetching.seconds() == 0
    assert page.pipeline.synthesizer.name == "procedural" and page.pipeline.notes == NOTES
    page.hub.status, page.hub.damage = 200, "net.safetensors"
    assert "damaged" in fetched(page).news and page.pipeline.synthesizer.name == "procedural"


def test_without_the_second_opinion_the_editor_comes_all_the_same(page):
    del page.hub.repos[pretrained.find(OPINION).repo, pretrained.find(OPINION).revision]
    assert fetched(page).news == "" and page.pipeline.synthesizer.name == "diffusion" and hub.local(OPINION) is None


def test_weights_that_do_not_load_are_told(page, monkeypatch):
    def broken(device):
        raise PerseError("The weights cannot be loaded.")

    monkeypatch.setattr(diffusion, "load_diffusion", broken)
    fetched(page)
    assert page.pipeline.synthesizer.name == "procedural" and "cannot be loaded" in page.pipeline.notes[0]


@pytest.mark.parametrize("reason", ["never", "no card", "a small card", "ZeroGPU", "a folder", "a full disk"])
def test_nothing_is_asked_for_where_it_would_be_in_vain(page, monkeypatch, tmp_path, reason):
    if reason == "no card":
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    elif reason == "a small card":
        page.card.memory = 8e9
    elif reason == "ZeroGPU":
        monkeypatch.setattr(fetch_ahead, "ON_ZERO", True)
    elif reason == "a folder":
        monkeypatch.setenv("PERSE_WEIGHTS", str(tmp_path))
    elif reason == "a full disk":
        monkeypatch.setattr(fetch_ahead, "SPARE", 1e18)
    fetching = fetched(page, "never" if reason == "never" else "auto")
    assert not page.hub.asked and page.pipeline.synthesizer.name == "procedural"
    told = {"a small card": "GPU of 14 GB, this one has 8", "a full disk": "are left alone"}
    assert (told[reason] in fetching.news) if reason in told else fetching.news == ""


def test_small_networks_come_without_a_card_and_are_tried(page, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    rows = [dataclasses.replace(page.hub.add(name, f"somebody/{name}", {"net.onnx": WEIGHTS}), small=True) for name in ("modnet", "sface")]
    monkeypatch.setattr(pretrained, "MODELS", (*pretrained.MODELS, *rows))
    monkeypatch.setattr(networks, "_tried", {})
    page.hub.repos.pop((rows[0].repo, rows[0].revision))  # one that cannot be had keeps no other away
    fetching = fetched(page, "small")
    assert "Small networks could not all be fetched" in fetching.news and fetching.seconds() == 0
    assert hub.local("sface") and not hub.local("modnet") and not hub.local(EDITOR)
    assert networks.embedding() is None and networks.notes()[0].startswith("sface is here and does not serve")
    assert page.pipeline.synthesizer.name == "procedural"


def test_the_page_tells_the_news_beside_the_pipeline_s_notes(page):
    news = [""]
    engine = Engine(Engine.of(page.pipeline)._parts, lambda: page.pipeline, news=lambda: news[0])
    engine._run()
    assert engine.ready(BUILD) and engine.notes == NOTES
    news[0] = "They are on their way."
    assert engine.notes == (*NOTES, "They are on their way.")


def test_builds_wait_for_the_weights_if_the_owner_says_so(page, monkeypatch):
    monkeypatch.setenv("PERSE_FETCH", "wait")
    monkeypatch.setattr("perse.compile_ahead.Compiling", lambda: SimpleNamespace(needed=False, fetch=lambda group: None))
    monkeypatch.setattr("perse.ui.engine.settle", lambda: None)
    monkeypatch.setattr(PersePipeline, "from_pretrained", staticmethod(lambda: page.pipeline))
    engine = page_engine()
    engine._run()
    assert engine.ready(BUILD) and engine.pipeline.synthesizer.name == "diffusion" and engine.left(BUILD) == 0


def test_the_switch_says_one_of_four_things(monkeypatch):
    monkeypatch.setenv("PERSE_FETCH", "maybe")
    with pytest.raises(PerseError, match="PERSE_FETCH must be auto, never, wait or small, not 'maybe'"):
        page_engine()
