"""What the page shows follows from the visit, whatever comes in which order."""

import threading
from dataclasses import dataclass, field

import numpy as np
import pytest

from perse.errors import BuildCancelled, PerseError
from perse.ui import html_pieces
from perse.ui.desk import Desk
from perse.ui.engine import Engine
from perse.ui.visits import Visits


@dataclass
class Face:
    """Stands for a portrait."""

    image: np.ndarray = field(default_factory=lambda: np.zeros((64, 64, 3), np.float32))
    quality: tuple = ()
    photo: np.ndarray = field(default_factory=lambda: np.zeros((40, 80, 3), np.uint8))
    original: np.ndarray = field(default_factory=lambda: np.zeros((40, 80, 3), np.uint8))
    faces: tuple = ((8, 10, 24, 30), (48, 10, 64, 30))
    chosen: int = 1


@dataclass
class Head:
    """Stands for an avatar."""

    notes: tuple = ()

    @property
    def report(self):
        return self

    @property
    def build(self):
        return {"notes": list(self.notes)}


class Pipeline:
    """A pipeline whose stages end when the test says so."""

    notes = ("always so",)

    def __init__(self):
        self.looked, self.built = threading.Event(), threading.Event()
        self.fails = None

    def _wait(self, event, cancelled):
        while not event.wait(0.005):
            if cancelled():
                raise BuildCancelled
        if self.fails:
            raise self.fails

    def prepare(self, photo, cancelled, face=None):
        self._wait(self.looked, cancelled)
        return Face(chosen=(face or 2) - 1)

    def build(self, portrait, budget, seed, report, cancelled):
        report(0.5, "half", np.zeros((8, 8, 3), np.float32))
        self._wait(self.built, cancelled)
        return Head(("always so", "the GPU was busy"))


@pytest.fixture
def pipeline():
    return Pipeline()


@pytest.fixture
def desk(pipeline, tmp_path):
    return Desk(Engine.of(pipeline), Visits(tmp_path), {"Fast": 10.0})


@pytest.fixture
def visit(desk):
    return desk.visits.open()


def photo(desk):
    path = desk.visits.path(None, "me.jpg")
    path.write_bytes(b"a face")
    return path


def button(desk, visit):
    return desk.state(visit, {})["button"]


def settle(visit):
    for job in list(visit.jobs.values()):
        assert job._over.wait(60)


@pytest.mark.parametrize("order", ["photo, consent, look", "photo, look, consent", "consent, photo, look"])
def test_the_button_is_ready_whatever_comes_first(desk, visit, pipeline, order):
    events = {
        "photo": lambda: desk.take_photo(visit, photo(desk)),
        "consent": lambda: desk.agree(visit, True),
        "look": lambda: (pipeline.looked.set(), settle(visit)),
    }
    for name in order.split(", "):
        assert not button(desk, visit)["ready"]
        events[name]()
    assert button(desk, visit) == {"label": "Build my avatar", "ready": True}
    desk.agree(visit, False)
    assert button(desk, visit) == {"label": "Tick the box above to go on", "ready": False}


def test_the_button_says_what_is_missing_and_the_server_holds_to_it(desk, visit, pipeline):
    assert "photo" in button(desk, visit)["label"]
    with pytest.raises(PerseError, match="choose a photo"):
        desk.build(visit, "Fast")
    desk.take_photo(visit, photo(desk))
    assert "Looking" in button(desk, visit)["label"] and desk.state(visit, {})["busy"]
    with pytest.raises(PerseError, match="wait a moment"):
        desk.build(visit, "Fast")
    pipeline.looked.set()
    settle(visit)
    with pytest.raises(PerseError, match="tick the box"):
        desk.build(visit, "Fast")
    desk.agree(visit, "yes")
    with pytest.raises(PerseError, match="tick the box"):
        desk.build(visit, "Fast")
    desk.agree(visit, True)
    with pytest.raises(PerseError, match="how much time"):
        desk.build(visit, "Forever")


def test_a_build_ends_in_an_avatar_and_the_photo_is_dropped(desk, visit, pipeline):
    pipeline.looked.set()
    desk.take_photo(visit, photo(desk))
    settle(visit)
    assert not list(desk.visits.root.rglob("me.jpg")), "read and deleted"
    desk.agree(visit, True)
    desk.build(visit, "Fast")
    state = desk.state(visit, {})
    assert state["building"] and not state["avatar"] and "perse-progress" in state["pieces"]["found"]["html"]
    pipeline.built.set()
    settle(visit)
    state = desk.state(visit, {})
    assert desk.visits.has(state["avatar"]) and not state["busy"] and visit.photo is None and not state["button"]["ready"]
    assert [n["text"] for n in state["notices"]] == ["the GPU was busy"]


def test_a_server_on_which_builds_take_longer_says_so_beforehand_and_counts_from_it(desk, visit, pipeline):
    now, build = [100.0], pipeline.build

    def slow(portrait, budget, *rest):
        now[0] += 4 * budget
        return build(portrait, budget, *rest)

    desk.visits.clock, pipeline.build = lambda: now[0], slow
    pipeline.looked.set()
    pipeline.built.set()
    desk.agree(visit, True)
    assert "busy" not in desk.state(visit, {})["pieces"]["how"]["html"]
    desk.take_photo(visit, photo(desk))
    settle(visit)
    desk.build(visit, "Fast")
    settle(visit)
    assert "This server is busy: right now a build takes about 2.5 times as long." in desk.state(visit, {})["pieces"]["how"]["html"]
    desk.take_photo(visit, photo(desk))
    settle(visit)
    pipeline.built.clear()
    desk.build(visit, "Fast")
    assert visit.jobs["build"].planned == 2.5 * desk.budgets["Fast"], "the bar counts from the same measure"
    desk.cancel(visit, "build")


def test_another_face_of_the_photo_is_taken_at_a_click(desk, visit, pipeline):
    with pytest.raises(PerseError, match="one of the faces"):
        desk.take_face(visit, 1)
    pipeline.looked.set()
    desk.take_photo(visit, photo(desk))
    settle(visit)
    html = desk.state(visit, {})["pieces"]["found"]["html"]
    assert 'data-photo-face="2" aria-pressed="true"' in html and "left:60.00%;top:25.00%;width:20.00%;height:50.00%" in html
    for wrong in (0, 3):
        with pytest.raises(PerseError, match="one of the faces"):
            desk.take_face(visit, wrong)
    desk.take_face(visit, 1)
    settle(visit)
    html = desk.state(visit, {})["pieces"]["found"]["html"]
    assert 'data-photo-face="1" aria-pressed="true"' in html and 'data-photo-face="2" aria-pressed="false"' in html


def test_a_piece_that_the_page_shows_already_is_not_sent_again(desk, visit):
    first = desk.state(visit, {})
    seen = {name: piece["key"] for name, piece in first["pieces"].items()}
    assert first["pieces"]["found"]["html"] == html_pieces.html("intro.html")
    assert all("html" not in piece for piece in desk.state(visit, seen)["pieces"].values())


def test_a_cancelled_build_goes_back_to_the_photo(desk, visit, pipeline):
    pipeline.looked.set()
    desk.take_photo(visit, photo(desk))
    settle(visit)
    desk.agree(visit, True)
    for _ in range(3):
        desk.build(visit, "Fast")
        desk.cancel(visit, "look", "build")
        state = desk.state(visit, {})
        assert state["button"]["ready"] and not state["busy"] and "We found this face" in state["pieces"]["found"]["html"]


@pytest.mark.parametrize("failure, told", [(PerseError("No human face was found."), "No human face"), (KeyError("me.jpg"), "our side")])
@pytest.mark.parametrize("stage", ["look", "build"])
def test_whatever_fails_the_visitor_can_go_on(desk, visit, pipeline, failure, told, stage, capfd):
    desk.agree(visit, True)
    if stage == "build":
        pipeline.looked.set()
        desk.take_photo(visit, photo(desk))
        settle(visit)
        pipeline.fails = failure
        desk.build(visit, "Fast")
        pipeline.built.set()
    else:
        pipeline.fails = failure
        desk.take_photo(visit, photo(desk))
        pipeline.looked.set()
    settle(visit)
    state = desk.state(visit, {})
    assert told in state["pieces"]["found"]["html"] and "perse-message" in state["pieces"]["found"]["html"] and not state["busy"]
    assert not list(desk.visits.root.rglob("*.jpg"))
    assert "me.jpg" not in capfd.readouterr().err
    pipeline.fails = None
    desk.take_photo(visit, photo(desk))
    settle(visit)
    assert button(desk, visit)["ready"], "the next photo works"


def test_a_second_photo_takes_the_place_of_the_first(desk, visit, pipeline):
    first, second = photo(desk), photo(desk)
    desk.take_photo(visit, first)
    job = visit.jobs["look"]
    desk.take_photo(visit, second)
    assert job.cancelled and not first.exists()
    pipeline.looked.set()
    settle(visit)
    assert visit.photo is not None and not second.exists()
    desk.take_photo(visit, None)
    assert visit.photo is None and not button(desk, visit)["ready"]


def test_an_example_that_is_none_is_a_sentence(desk, visit):
    with pytest.raises(PerseError, match="one of the examples"):
        desk.take_example(visit, "somebody")


def test_a_file_of_the_server_is_no_photo(desk, visit):
    for path in ("/etc/hostname", "https://example.com/me.jpg", "../../x"):
        with pytest.raises(PerseError, match="upload"):
            desk.take_photo(visit, path)


def test_another_visits_avatar_cannot_be_filmed(desk, visit):
    other = desk.visits.open()
    token = desk.visits.add(other, Head())
    with pytest.raises(PerseError, match="another visit"):
        desk.film(visit, token, "{}", "grey", "nod", 1, 256, 15, "mp4", "Head")


def test_a_visit_that_has_ended_starts_nothing(desk, visit):
    path = photo(desk)
    desk.visits.close(visit)
    with pytest.raises(PerseError, match="ended"):
        desk.take_photo(visit, path)
    assert desk.looking.lengths()["served"] == 0 and not path.exists()


def test_the_end_of_a_visit_stops_its_jobs_and_frees_the_line(desk, visit, pipeline):
    pipeline.looked.set()
    desk.take_photo(visit, photo(desk))
    settle(visit)
    desk.agree(visit, True)
    desk.build(visit, "Fast")
    job = visit.jobs["build"]
    desk.visits.close(visit)
    assert job.cancelled and not visit.folder.exists() and desk.visits.held() == (0, 0)
    other = desk.visits.open()
    ticket = desk.building.enter(other.who)
    assert ticket.turn.wait(60)
