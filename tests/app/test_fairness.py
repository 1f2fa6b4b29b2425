"""Lines and shares: who is served next, and how much anybody can take."""

import threading

import pytest
from starlette.requests import HTTPConnection

from perse.errors import PerseError
from perse.ui.client_address import address_in, address_of
from perse.ui.fair_pool import Busy, FairPool
from perse.ui.waiting_line import Line, Who


def served(line, tickets):
    """The visits of the tickets in the order in which they are served, each leaving when its turn has come."""
    order, left = [], list(tickets)
    while left:
        ticket = next(t for t in left if t.turn.is_set())
        order.append(ticket.who.visit)
        left.remove(ticket)
        line.leave(ticket)
    return order


def test_the_first_is_served_at_once_and_the_second_when_it_leaves():
    line = Line()
    first, second = line.enter(Who("a")), line.enter(Who("b"))
    assert first.turn.is_set() and not second.turn.is_set()
    assert line.ahead(first)[0] == 0 and line.ahead(second)[0] == 1
    line.leave(first)
    line.leave(first)
    assert second.turn.is_set() and line.ahead(second)[0] == 0


def test_a_flood_delays_another_visitor_by_one_job():
    line = Line(length=16, each=9)
    flood = [line.enter(Who("flood", "1.1.1.1")) for _ in range(7)]
    late = line.enter(Who("late", "2.2.2.2"))
    assert line.ahead(late)[0] == 1
    assert served(line, [*flood, late])[:2] == ["flood", "late"]


def test_one_address_with_many_visits_is_one_address():
    line = Line(length=16)
    flood = [line.enter(Who(f"f{k}", "1.1.1.1")) for k in range(6)]
    late = [line.enter(Who(f"v{k}", "2.2.2.2")) for k in range(2)]
    assert served(line, flood + late)[:4] == ["f0", "v0", "f1", "v1"]


def test_visits_behind_one_proxy_take_turns_and_are_never_shut_out():
    line = Line(length=8, each=2)
    a = [line.enter(Who("a", "10.0.0.1")) for _ in range(2)]
    b, c = line.enter(Who("b", "10.0.0.1")), line.enter(Who("c", "10.0.0.1"))
    with pytest.raises(PerseError, match="one running and one waiting"):
        line.enter(Who("a", "10.0.0.1"))
    d = line.enter(Who("d", "10.0.0.1"))
    with pytest.raises(PerseError, match="try again"):
        line.enter(Who("e", "10.0.0.1"))  # half of the places are taken by this address
    other = line.enter(Who("x", "10.0.0.2"))
    assert served(line, [*a, b, c, d, other]) == ["a", "x", "b", "c", "d", "a"]
    assert line.enter(Who("e", "10.0.0.1")).turn.is_set()
    assert line.lengths()["refused"] == 2


def test_who_gives_up_makes_room_for_the_same_visitor_at_once():
    line = Line(each=2)
    for _ in range(5):
        served, waiting = line.enter(Who("a")), line.enter(Who("a"))
        line.give_up(waiting)
        line.give_up(served)
        assert line.lengths()["served"] == 1 and line.lengths()["waiting"] == 0, "the work of what is served has not stopped yet"
        assert not line.enter(Who("a")).turn.is_set()
        for ticket in [*line._waiting, *line._served]:
            line.leave(ticket)


def test_programs_take_a_smaller_share():
    line = Line(length=10)
    for k in range(3):
        line.enter(Who(f"p{k}", "9.9.9.9"), 0.2)
    with pytest.raises(PerseError):
        line.enter(Who("p", "9.9.9.9"), 0.2)
    line.enter(Who("page", "9.9.9.9"))


def test_the_wait_is_told_from_what_jobs_took():
    line = Line(usual=100.0)
    line.enter(Who("a")), line.enter(Who("b"))
    place, seconds = line.ahead(line.enter(Who("c")))
    assert place == 2 and 100 < seconds <= 200


def test_visitors_get_the_same_share_however_much_they_ask():
    now, running, gate, order = [0.0], threading.Event(), threading.Event(), []
    pool = FairPool(each=50, clock=lambda: now[0])

    def work(name: str, seconds: float) -> None:
        now[0] += seconds
        order.append(name)

    jobs = [pool.submit(Who("greedy"), lambda: running.set() or gate.wait() and work("greedy", 1.0))]
    assert running.wait(60)
    jobs += [pool.submit(Who("greedy"), lambda: work("greedy", 0.1)) for _ in range(20)]
    jobs += [pool.submit(Who("modest"), lambda: work("modest", 0.1)) for _ in range(3)]
    gate.set()
    for job in jobs:
        job.result(60)
    assert order[1:4] == ["modest"] * 3, "the greedy one has used its time already"


def test_many_visits_of_one_address_share_its_part_of_the_time():
    pool, gate, order = FairPool(total=20), threading.Event(), []
    running = threading.Event()
    jobs = [pool.submit(Who("f0", "1.1.1.1"), lambda: running.set() or gate.wait() and order.append("flood"))]
    assert running.wait(60)
    jobs += [pool.submit(Who(f"f{k}", "1.1.1.1"), lambda: order.append("flood")) for k in range(10)]
    with pytest.raises(Busy):
        pool.submit(Who("f99", "1.1.1.1"), int)
    jobs.append(pool.submit(Who("v", "2.2.2.2"), lambda: order.append("late")))
    gate.set()
    for job in jobs:
        job.result(60)
    assert order[:2] == ["flood", "late"]


def test_a_header_that_comes_twice_is_one_list():
    def request(*forwarded):
        return HTTPConnection({"type": "http", "client": ("10.0.0.1", 1), "headers": [(b"x-forwarded-for", f) for f in forwarded]})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(address_of, "__defaults__", (1,))
        assert address_in(request(b"6.6.6.6", b"1.2.3.4")) == "1.2.3.4"
    assert address_in(request(b"6.6.6.6")) == "10.0.0.1"


def test_files_to_save_wait_for_live_pictures():
    pool, gate, order = FairPool(), threading.Event(), []
    jobs = [
        pool.submit(Who("a"), gate.wait),
        pool.submit(Who("b"), lambda: order.append("save"), patient=True),
        pool.submit(Who("c"), lambda: order.append("live")),
    ]
    gate.set()
    for job in jobs:
        job.result(60)
    assert order == ["live", "save"]


def test_nobody_fills_the_pool():
    pool, gate = FairPool(each=2, total=4), threading.Event()
    running = threading.Event()
    jobs = [pool.submit(Who("a"), lambda: running.set() or gate.wait())]
    assert running.wait(60)
    jobs += [pool.submit(Who("a"), int), pool.submit(Who("a"), int)]
    with pytest.raises(Busy):
        pool.submit(Who("a"), int)
    jobs += [pool.submit(Who("b", "1.1.1.1"), int) for _ in range(2)]
    with pytest.raises(Busy):
        pool.submit(Who("c", "2.2.2.2"), int)
    gate.set()
    assert [job.result(60) for job in jobs[1:]] == [0] * 4 and pool.refused == 2


def test_what_the_work_raises_reaches_who_waits():
    with pytest.raises(ZeroDivisionError):
        FairPool().submit(Who("a"), lambda: 1 / 0).result(60)


@pytest.mark.parametrize(
    "peer, forwarded, proxies, address",
    [
        ("7.7.7.7", None, 0, "7.7.7.7"),
        ("7.7.7.7", "1.2.3.4", 0, "7.7.7.7"),  # nobody to believe
        ("10.0.0.1", "6.6.6.6, 1.2.3.4", 1, "1.2.3.4"),  # the client wrote the first one itself
        ("10.0.0.1", "6.6.6.6, 1.2.3.4, 10.9.9.9", 2, "1.2.3.4"),
        ("10.0.0.1", "not an address", 1, "10.0.0.1"),
        ("2001:db8:1:234:3::4", None, 0, "2001:db8:1:200::"),
        ("::ffff:1.2.3.4", None, 0, "1.2.3.4"),
        ("10.0.0.1", "1.2.3.4:55512", 1, "1.2.3.4"),
        ("10.0.0.1", "[2001:db8:1:234::1]:55512", 1, "2001:db8:1:200::"),
        (None, None, 1, ""),
    ],
)
def test_an_address_is_the_last_one_that_a_trusted_proxy_saw(peer, forwarded, proxies, address):
    assert address_of(peer, forwarded, proxies) == address
