"""Photos, avatars and files live as long as a visit, and no longer."""

import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field

import numpy as np
import pytest

from perse.errors import PerseError
from perse.ui import one_visit
from perse.ui import visits as module
from perse.ui.brought import CLIP, Brought
from perse.ui.held_memory import weigh
from perse.ui.one_visit import LEAVING, LOST, Photo
from perse.ui.visits import IDLE, UNCLAIMED, Visits, plain_name
from perse.ui.visits_folder import claim_root


@dataclass
class Thing:
    """Stands for an avatar or a portrait of so many bytes."""

    bytes: int = 1000
    data: np.ndarray = field(init=False)

    def __post_init__(self):
        self.data = np.zeros(self.bytes, np.uint8)


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def visits(tmp_path, clock, monkeypatch):
    monkeypatch.setattr(one_visit, "RENDERERS", 0)  # these things have none
    monkeypatch.setattr(one_visit, "LIVE_FILE", 0)
    return Visits(tmp_path, limit=6, ttl=1800, memory=100_000, clock=clock)


def gone(call, *arguments):
    with pytest.raises(PerseError):
        call(*arguments)
    return True


def test_a_visit_is_reached_by_its_secret_only(visits):
    me, you = visits.open("1.1.1.1"), visits.open("1.1.1.1")
    assert len(me.key) >= 32 and me.key != you.key and visits.visit(me.key) is me
    for key in ("", None, "nobody", me.address, me.folder.name):
        assert gone(visits.visit, key)


def test_an_avatar_is_reached_by_its_token_only(visits):
    me = visits.open()
    token = visits.add(me, Thing())
    assert len(token) >= 32 and visits.get(token).visit is me and visits.has(token)
    assert gone(visits.get, me.key) and gone(visits.get, "")


def test_a_page_that_is_left_has_twenty_seconds_to_come_back(visits, clock):
    me = visits.open()
    token = visits.add(me, Thing())
    visits.leave(me.key)
    clock.now += LEAVING - 1
    visits.sweep()
    assert visits.visit(me.key) is me, "a reload comes back"
    clock.now += LEAVING + 1
    visits.sweep()
    assert visits.get(token), "and it has not left since"
    visits.leave(me.key)
    clock.now += LEAVING + 1
    visits.sweep()
    assert gone(visits.visit, me.key) and gone(visits.get, token)


def test_a_copied_tab_that_is_closed_leaves_the_other_alone(visits, clock):
    me = visits.open()
    visits.visit(me.key, "one"), visits.visit(me.key, "two")
    visits.leave(me.key, "two")
    clock.now += LEAVING + 1
    visits.sweep()
    assert visits.visit(me.key, "one") is me
    visits.leave(me.key, "one")
    clock.now += LEAVING + 1
    assert gone(visits.visit, me.key)


def test_empty_visits_of_a_flood_make_room(visits, monkeypatch):
    monkeypatch.setattr(module, "MOST_VISITS", 5)
    other = visits.open("1")
    mine = visits.open("666")
    visits.keep_photo(mine, Photo(Thing(), "me"))
    last = [visits.open("666") for _ in range(50)][-1]
    assert visits.visit(last.key), "who has just come stays"
    assert visits.visit(other.key) and visits.visit(mine.key) and visits.count() == 5 and visits.open("2")


def test_a_lost_connection_has_two_minutes(visits, clock):
    me = visits.open()
    token = visits.add(me, Thing())
    for _ in range(4):
        clock.now += LOST - 1
        visits.sweep()
        visits.visit(me.key)
    clock.now += LOST + 1
    assert gone(visits.visit, me.key), "even before anybody has swept"
    visits.sweep()
    assert gone(visits.get, token)


def test_a_programs_visit_lives_by_the_use_of_its_avatar(visits, clock):
    me = visits.open(page=False)
    token = visits.add(me, Thing())
    for _ in range(3):
        clock.now += 1700
        visits.get(token)
        visits.sweep()
    clock.now += 1801
    visits.sweep()
    assert gone(visits.get, token) and gone(visits.visit, me.key)


def test_closing_a_visit_removes_what_it_has_and_nobody_elses(visits):
    me, you = visits.open(), visits.open()
    forgotten = []
    visits.forget = forgotten.append
    mine, yours = visits.add(me, Thing()), visits.add(you, Thing())
    visits.keep_photo(me, Photo(Thing(), "me"))
    paths = [visits.path(v, "video.mp4") for v in (me, you)]
    for path in paths:
        path.write_bytes(b"x")
    files = [visits.publish(v, p) for v, p in zip((me, you), paths)]
    visits.close(me)
    assert gone(visits.get, mine) and gone(visits.file, files[0]) and not paths[0].exists() and me.photo is None
    assert visits.get(yours) and visits.file(files[1]) == paths[1] and forgotten == [me]
    for late in (
        lambda: visits.add(me, Thing()),
        lambda: visits.keep_photo(me, Photo(Thing(), "me")),
        lambda: visits.path(me, "x"),
        lambda: visits.publish(me, paths[0]),
    ):
        assert gone(late), "what comes too late is not kept"
    assert visits.held() == (1, 1000)


def test_names_on_disk_cannot_be_guessed_and_others_cannot_look(visits):
    me = visits.open()
    one, two = visits.path(me, "video.mp4"), visits.path(me, "video.mp4")
    assert one != two and one.name == two.name == "video.mp4"
    assert all(len(part) >= 24 for part in one.relative_to(visits.root).parts[:-1])
    assert one.parent.stat().st_mode & 0o077 == 0


def test_a_visits_own_avatar_makes_room_first(visits):
    you, me = visits.open("1"), visits.open("2")
    yours = visits.add(you, Thing())
    mine = [visits.add(me, Thing()) for _ in range(8)]
    assert visits.get(yours) and [visits.has(t) for t in mine] == [False] * 4 + [True] * 4


def test_many_visits_of_one_address_evict_each_other_and_nobody_else(visits):
    others = [visits.add(visits.open("1"), Thing()), visits.add(visits.open("2"), Thing())]
    flood = [visits.add(visits.open("666"), Thing()) for _ in range(4)]
    assert gone(visits.add, visits.open("666"), Thing())  # full, and nobody is idle
    late = visits.add(visits.open("3"), Thing())
    assert visits.has(late) and all(map(visits.has, others)) and sum(map(visits.has, flood)) == 3


def test_the_idle_make_room(visits, clock):
    old = visits.add(visits.open("1"), Thing())
    clock.now += 60
    rest = [visits.add(visits.open(str(k)), Thing()) for k in range(5)]
    clock.now += IDLE - 30
    new = visits.add(visits.open("9"), Thing())
    assert not visits.has(old) and all(map(visits.has, [*rest, new]))


def test_memory_is_bounded_for_photos_and_avatars_together(visits, clock):
    me, you, they = (visits.open(a) for a in "123")
    visits.add(me, Thing(60_000))
    visits.keep_photo(you, Photo(Thing(30_000), "you"))
    assert gone(visits.keep_photo, they, Photo(Thing(30_000), "they")) and visits.held() == (1, 90_000)
    clock.now += IDLE + 1
    visits.keep_photo(they, Photo(Thing(30_000), "they"))
    assert visits.held() == (0, 60_000)
    shared = visits.add(me, Thing(10_000_000), shared=True)
    assert visits.get(shared).weight == 0, "an example is there once for all"


def test_photos_that_wait_make_room_however_often_their_pages_ask(visits, clock):
    flood = [visits.open("666") for _ in range(4)]
    for visit in flood:
        visits.keep_photo(visit, Photo(Thing(24_000), "me"))
    late = visits.open("1")
    visits.keep_photo(late, Photo(Thing(24_000), "late"))
    assert late.photo and sum(v.photo is not None for v in flood) == 3, "of the address that holds most"
    for _ in range(4):
        clock.now += IDLE / 3
        for visit in flood:
            visits.visit(visit.key)
    visits.keep_photo(visits.open("2"), Photo(Thing(90_000), "large"))
    assert not any(v.photo for v in flood)


def test_people_behind_one_proxy_are_not_shut_out_and_a_build_that_was_waited_for_is_kept(visits, clock):
    tokens = [visits.add(visits.open("proxy"), Thing()) for _ in range(6)]
    assert gone(visits.add, visits.open("proxy"), Thing())
    clock.now += 1
    assert visits.has(visits.add(visits.open("proxy"), Thing(), built=True)) and not visits.has(tokens[0])
    clock.now += module.OTHERS_KEEP
    assert visits.has(visits.add(visits.open("proxy"), Thing()))


def test_a_visits_files_are_bounded_on_disk(visits, monkeypatch):
    monkeypatch.setattr(module, "DISK_EACH", 2500)
    me = visits.open()
    paths = []
    for k in range(5):
        paths.append(visits.path(me, "video.mp4"))
        paths[-1].write_bytes(b"x" * 1000)
        os.utime(paths[-1], (k, k))
        if k == 0:
            me.brought[CLIP] = Brought(paths[0])
    visits.path(me, "next")
    assert [p.exists() for p in paths] == [True, False, False, False, True]


def test_unused_avatars_expire_and_used_ones_stay(visits, clock):
    me = visits.open(page=False)
    used, unused = visits.add(me, Thing()), visits.add(me, Thing())
    for _ in range(4):
        clock.now += 600
        visits.get(used)
    visits.sweep()
    assert gone(visits.get, unused) and visits.get(used)


def test_uploads_that_nobody_claims_go_and_claimed_ones_stay(visits, clock):
    me = visits.open()
    lost, kept = visits.path(None, "a.jpg"), visits.path(None, "b.jpg")
    lost.touch(), kept.touch()
    kept = visits.take(me, kept)
    stray = visits.root / "0123456789abcdef" / "copy.png"
    stray.parent.mkdir()
    stray.touch()
    visits.sweep()
    clock.now += UNCLAIMED + 1
    me.seen = clock.now
    visits.sweep()
    assert not lost.exists() and not stray.exists() and kept.exists() and kept.is_relative_to(me.folder)


def test_only_regular_files_below_the_root_are_owned(visits, tmp_path):
    good = visits.path(None, "a.jpg")
    good.touch()
    assert visits.owns(str(good)) == good.resolve()
    link = good.with_name("link")
    link.symlink_to("/etc/hostname")
    os.mkfifo(good.with_name("pipe"))
    (visits.root / ".lock").touch()
    theirs = visits.path(visits.open(), "b.jpg")
    theirs.touch()
    assert visits.owns(theirs) and gone(visits.owns, theirs, visits.open()) and visits.owns(good, visits.open())
    for bad in (
        visits.root / ".lock",
        visits.root / ("x" * 400),
        f"{visits.root}/\udc80",
        "a\0b",
        "/etc/hostname",
        link,
        good.parent,
        good.with_name("pipe"),
        "../../etc/hostname",
        f"{good}/../../../../../etc/hostname",
        "",
        "file:///etc/hostname",
        "https://example.com/x",
    ):
        assert gone(visits.owns, bad), bad


def test_the_folders_of_processes_that_were_killed_are_removed_and_those_of_living_ones_stay(tmp_path):
    code = "from pathlib import Path; from perse.ui.visits_folder import claim_root; import sys; print(claim_root(Path(sys.argv[1])), flush=True); input()"
    there = [
        subprocess.Popen([sys.executable, "-c", code, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in "ab"
    ]
    roots = [module.Path(process.stdout.readline().strip()) for process in there]
    (roots[0] / "face.jpg").touch()
    unlocked = tmp_path / "visits-unlocked"
    unlocked.mkdir()
    os.utime(unlocked, (0, 0))
    there[0].kill()
    there[0].wait()
    mine = claim_root(tmp_path)
    assert not roots[0].exists() and not unlocked.exists() and roots[1].is_dir() and mine.is_dir()
    there[1].communicate("\n")


@pytest.mark.parametrize(
    "name, plain",
    [
        ("me.jpg", "me.jpg"),
        ("../../etc/passwd", "passwd"),
        ("C:\\photos\\me too.png", "me too.png"),
        ("..", "file"),
        ("", "file"),
        (".bashrc", "bashrc"),
        ("a:b\0c\n.jpg", "a_b_c_.jpg"),
        ("ü" * 200 + ".jpg", "_" * 76 + ".jpg"),
    ],
)
def test_a_strangers_name_for_a_file_becomes_a_plain_one(name, plain):
    assert plain_name(name) == plain


def test_arrays_are_weighed_once_however_often_they_are_held():
    data = np.zeros(1000, np.float32)
    assert weigh({"a": data, "b": [data[10:], data.reshape(10, 100)]}) == 4000


def test_one_failure_does_not_end_the_sweeping(visits, monkeypatch):
    swept, again = [], threading.Event()

    def sweep():
        swept.append(1)
        if len(swept) == 1:
            raise OSError("too many open files")
        again.set()

    monkeypatch.setattr(visits, "sweep", sweep)
    visits.sweep_forever(0.001)
    assert again.wait(60)
    monkeypatch.undo()
