"""Work in a process of its own: what it yields comes over, what goes wrong there is told here, and it hears of no lent GPU."""

import os
import signal

import pytest
import torch

from perse.apart import Calls, Died, apart, pack, unpack, without_loans
from perse.errors import BuildCancelled, asking


def test_what_is_yielded_comes_over_and_errors_too():
    assert list(apart(asking, ["one", 2], bool)) == ["one", 2]
    with pytest.raises(BuildCancelled):
        list(apart(asking, [1], object))


def test_a_process_that_dies_is_told():
    with pytest.raises(RuntimeError, match="ended with 3"):
        list(apart(os._exit, 3))


def worker(name: str):
    """Counts its calls, and goes the way it is told."""
    calls = []

    def work(wish: str):
        calls.append(wish)
        if wish == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if wish == "fail":
            raise UnicodeDecodeError("utf-8", b"", 0, 1, "no text")  # cannot be made from its message alone
        return name, os.getpid(), len(calls)

    return work


def test_a_function_elsewhere_is_called_again_and_again_and_after_its_death_too():
    call = Calls(worker, "anna")
    try:
        (name, first, _), again = call("work"), call("work")
        assert name == "anna" and again == ("anna", first, 2) and first != os.getpid()
        with pytest.raises(Exception, match="no text"):
            call("fail")
        assert call("work") == ("anna", first, 4)  # an error of one call ends nothing
        with pytest.raises(Died, match="-9") as died:
            call("die")
        assert died.value.how == "died of signal 9"
        name, second, count = call("work")
        assert name == "anna" and second != first and count == 1
    finally:
        call.close()
    with pytest.raises(ProcessLookupError):
        os.kill(second, 0)


def test_a_device_is_one_there_whatever_spaces_has_made_of_it_here(monkeypatch):
    given = [torch.device("cpu"), torch.device("cuda", 1)]

    class Device:  # `spaces` replaces torch.device, and nobody can import this one
        pass

    with monkeypatch.context() as patch:
        patch.setattr(torch, "device", Device)
        packed = pack(given)
    assert unpack(packed) == given


def test_it_does_not_hear_of_a_lent_gpu(monkeypatch):
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    monkeypatch.setenv("PERSE_TTL", "60")
    assert "SPACES_ZERO_GPU" not in without_loans() and without_loans()["PERSE_TTL"] == "60"
