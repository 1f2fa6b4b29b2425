"""Generate, judge, retry, give up."""

import time

import numpy as np

from perse.synthesis.diffusion.attempts import Task, attempt, seed_of
from perse.synthesis.diffusion.editor import EditorGone, Request
from perse.synthesis.diffusion.filters import Verdict, refused

IMAGE = np.zeros((8, 8, 3), np.float32)


class Counter:
    """Gives each picture the brightness of its seed's try."""

    name, batch = "counter", 3

    def __init__(self):
        self.calls = []

    def edit(self, requests, tick):
        tick()
        self.calls.append([(r.prompt, r.seed) for r in requests])
        return [np.full((8, 8, 3), sum(p == r.prompt for call in self.calls for p, _ in call) / 10, np.float32) for r in requests]


def task(key, good_from):
    def judge(picture):
        number = round(float(picture.mean()) * 10)
        return Verdict(True) if number >= good_from else refused(f"try {number} is bad")

    return Task(key, Request(IMAGE, key, None, 0), judge)


def test_refused_pictures_are_tried_again_with_new_seeds_until_they_are_good():
    editor, ticks = Counter(), []
    tasks = [task("first", 1), task("second", 2), task("third", 3), task("never", 99), task("also first", 1)]
    outcome = attempt(editor, tasks, 7, lambda: ticks.append(1), tries=3)
    assert set(outcome.accepted) == {"first", "second", "third", "also first"}
    assert outcome.dropped == {"never": ["try 1 is bad", "try 2 is bad", "try 3 is bad"]}
    assert [[p for p, _ in call] for call in editor.calls] == [
        ["first", "second", "third"],
        ["never", "also first"],
        ["second", "third", "never"],
        ["third", "never"],
    ]
    seeds = [seed for call in editor.calls for _, seed in call]
    assert len(set(seeds)) == len(seeds) == outcome.made
    # The accepted request carries the seed that made the picture.
    assert outcome.accepted["third"][0].seed == seed_of(7, "third", 2)
    assert len(ticks) >= outcome.made


def test_seeds_repeat_and_depend_on_the_build_and_the_picture():
    assert seed_of(1, "a", 0) == seed_of(1, "a", 0)
    assert len({seed_of(s, k, n) for s in (0, 1) for k in ("a", "b") for n in (0, 1)}) == 8


def test_when_time_is_up_the_rest_is_dropped_and_said():
    editor = Counter()
    outcome = attempt(editor, [task("a", 1), task("b", 1)], 0, lambda: None, deadline=time.monotonic() - 1)
    assert not editor.calls and not outcome.accepted and outcome.dropped == {k: ["there was no time left"] for k in "ab"}


def test_an_editor_that_is_gone_leaves_what_it_made():
    class WornOut(Counter):
        def edit(self, requests, tick):
            pictures = super().edit(requests, tick)
            if len(self.calls) == 2:
                raise EditorGone("The loan is over.", pictures[:1])
            return pictures

    editor = WornOut()
    outcome = attempt(editor, [task(name, 1) for name in "abcdefg"] + [task("never", 99)], 0, lambda: None)
    assert list(outcome.accepted) == list("abcd") and outcome.made == 4 and len(editor.calls) == 2
    assert outcome.dropped == {name: ["The loan is over."] for name in ("e", "f", "g", "never")}
