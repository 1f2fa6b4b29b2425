"""Avatars and files live as long as a visit, and no longer."""

import os
import time

import pytest

from perse.errors import PerseError
from perse.ui.visits import Visits


def test_an_avatar_is_reached_by_its_token_only(tmp_path):
    visits = Visits(tmp_path)
    first, second = visits.add("me", "avatar one"), visits.add("you", "avatar two")
    assert len(first) >= 32 and first != second
    assert visits.get(first).avatar == "avatar one" and visits.get(second).avatar == "avatar two"
    with pytest.raises(PerseError, match="no longer here"):
        visits.get("me")


def test_closing_a_visit_removes_its_avatars_and_files_and_nobody_elses(tmp_path):
    visits = Visits(tmp_path)
    mine, yours = visits.add("me", "a"), visits.add("you", "b")
    paths = {who: visits.path(who, "video.mp4") for who in ("me", "you")}
    for path in paths.values():
        path.write_bytes(b"x")
    tokens = {who: visits.publish(path) for who, path in paths.items()}
    visits.close("me")
    for gone in (lambda: visits.get(mine), lambda: visits.file(tokens["me"])):
        with pytest.raises(PerseError):
            gone()
    assert not paths["me"].exists() and visits.get(yours) and visits.file(tokens["you"]) == paths["you"]


def test_names_on_disk_cannot_be_guessed(tmp_path):
    visits = Visits(tmp_path)
    one, two = visits.path("me", "video.mp4"), visits.path("me", "video.mp4")
    assert one != two and one.name == two.name == "video.mp4"
    assert all(len(part) >= 24 for part in one.relative_to(tmp_path).parts[:-1])


def test_unused_avatars_expire_and_used_ones_stay(tmp_path):
    visits = Visits(tmp_path, ttl=0.2)
    used, unused = visits.add("me", "a"), visits.add("me", "b")
    for _ in range(4):
        time.sleep(0.08)
        visits.get(used)
    visits.sweep()
    with pytest.raises(PerseError):
        visits.get(unused)


def test_files_of_a_visit_that_never_ends_expire(tmp_path):
    visits = Visits(tmp_path, ttl=60)
    old, new = visits.path("me", "old.png"), visits.path("me", "new.png")
    old.touch(), new.touch()
    os.utime(old.parent, (time.time() - 100,) * 2)
    visits.sweep()
    assert not old.parent.exists() and new.exists()


def test_the_least_recently_used_avatar_makes_room(tmp_path):
    visits = Visits(tmp_path, limit=2)
    a, b = visits.add("me", "a"), visits.add("you", "b")
    visits.get(a)
    visits.add("they", "c")
    assert visits.get(a)
    with pytest.raises(PerseError):
        visits.get(b)
