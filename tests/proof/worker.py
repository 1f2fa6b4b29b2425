"""One process of `fuzz`: it makes inputs, receives them one after another as it is told, and says how each went.

Standard input: the kind of the next input, one a line. Standard output: two lines of JSON for each, {"sent": name} before and the outcome after.
"""

import json
import os
import random
import shutil
import sys
import threading
import time
import traceback
from pathlib import Path

import psutil

from perse.errors import PerseError
from perse.memory import tidy

from .targets import TARGETS, refusal

TIDY = 700  # MB that the last input's work may have held without what the page does after every job


def peak(pid: int | str = "self") -> float:
    """MB that a process has held at most, as the kernel counts; 0 if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM")), 0.0)


class Children:
    """Watches what this process starts, a hundred times a second: a child's own count ends with it, and its parent is told that of the
    moment before it became another program, which is the parent's."""

    def __init__(self):
        self.peak, self._me = 0.0, Path("/proc/self/cmdline").read_bytes()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while True:
            for task in Path("/proc/self/task").iterdir():
                try:
                    pids = (task / "children").read_text().split()
                except OSError:
                    continue
                for pid in pids:
                    try:
                        started = Path(f"/proc/{pid}/cmdline").read_bytes() != self._me  # it is another program by now
                    except OSError:
                        continue
                    if started:
                        self.peak = max(self.peak, peak(pid))
            time.sleep(0.01)


def left_behind(places: list[Path]) -> list[str]:
    """What lies in folders that should be empty, and is removed."""
    found = []
    for path in (p for place in places for p in place.iterdir()):
        found.append(path.name)
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
    return found


def outcome_of(target, sent) -> dict:
    try:
        target.receive(sent)
        return {"outcome": "accepted"}
    except PerseError as error:
        wrong = refusal(error)
        return {"outcome": "bad sentence", "why": wrong} if wrong else {"outcome": "refused", "why": str(error)}
    except Exception:
        return {"outcome": "traceback", "why": traceback.format_exc()[-3000:]}


def main(folder: Path, seed: str) -> None:
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is not for the parent

    def tell(**what) -> None:
        out.write(json.dumps(what) + "\n")
        out.flush()

    sent_folder, places = folder / "sent", [folder / "tmp", folder / "cwd"]
    running, children, me = {}, Children(), psutil.Process()
    for kind in map(str.strip, sys.stdin):
        first = kind not in running
        if first:
            target, place = TARGETS[kind](), sent_folder / kind
            place.mkdir()
            running[kind] = target, target.inputs(random.Random(f"{seed} {kind}"), place)
        target, inputs = running[kind]
        name, sent = next(inputs)
        if not isinstance(sent, Path):
            (sent_folder / "value").write_bytes(sent if isinstance(sent, bytes) else sent.encode("utf-8", "surrogatepass"))
        left_behind(places)  # the generator's own
        tell(sent=str(name), file=str(sent if isinstance(sent, Path) else sent_folder / "value"))
        if peak() > TIDY:
            tidy()
        Path("/proc/self/clear_refs").write_text("5")  # the kernel counts the peak anew
        children.peak = 0.0
        start = time.monotonic()
        result = outcome_of(target, sent)
        seconds = time.monotonic() - start
        alive = [c.name() for c in me.children(recursive=True) if c.status() != psutil.STATUS_ZOMBIE]
        tell(
            **result,
            first=first,
            seconds=round(seconds, 3),
            peak_mb=round(peak()),
            children_mb=round(children.peak),
            left=left_behind(places),
            processes=alive,
            descriptors=me.num_fds(),
            threads=me.num_threads(),
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
