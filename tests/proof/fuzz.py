"""Hostile inputs by the thousand: `python -m tests.proof.fuzz --count 10000` (or --seconds 30). Prints JSON; exits 1 if anything went wrong.

Wrong is: a traceback, a crash, a refusal that is no single sentence, a file or process left behind, more memory than --memory, an input that
takes longer than --limit. Inputs that did it are kept under --keep with what happened. The same seed and number of workers send the same inputs.
"""

import argparse
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

from .targets import ROOT, TARGETS

SHARES = {"photos": 3, "clips": 3, "drives": 1, "sound": 2, "avatars": 4, "looks": 3, "controls": 4}  # of each kind among the inputs
WRONG = ("traceback", "crash", "hang", "bad sentence")


class Worker:
    """A process that receives inputs, and starts anew when one of them has ended it."""

    def __init__(self, folder: Path, seed: str):
        self.folder, self.seed, self.starts = folder, seed, 0
        self.process = None

    def start(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        for name in ("sent", "tmp", "cwd"):
            (self.folder / name).mkdir(parents=True)
        env = os.environ | {"TMPDIR": str(self.folder / "tmp"), "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "PYTHONFAULTHANDLER": "1"}
        self.log = open(self.folder / "log", "w")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.proof.worker", str(self.folder), f"{self.seed}.{self.starts}"],
            env=env,
            text=True,
            cwd=self.folder / "cwd",
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            start_new_session=True,
        )
        self.starts += 1

    def stop(self) -> int:
        """End the process and all that it started; returns its exit code."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        code = self.process.wait()
        self.process.stdin.close(), self.process.stdout.close(), self.log.close()
        self.process = None
        return code

    def send(self, kind: str, limit: float) -> dict:
        """What became of one more input."""
        if self.process is None:
            self.start()
        hung = threading.Event()

        def give_up():
            hung.set()
            os.killpg(self.process.pid, signal.SIGKILL)

        timer = threading.Timer(limit, give_up)
        timer.start()
        sent = {"sent": "before the first input", "file": ""}
        try:
            self.process.stdin.write(kind + "\n")
            self.process.stdin.flush()
            for line in self.process.stdout:
                said = json.loads(line)
                if "sent" not in said:
                    return {"kind": kind, **sent, **said}
                sent = said
        except BrokenPipeError:
            pass
        finally:
            timer.cancel()
        kept = Path(sent["file"]).read_bytes() if Path(sent["file"]).is_file() else b""
        code = self.stop()
        log = (self.folder / "log").read_text(errors="replace")[-3000:]
        if not sent["file"] and not hung.is_set():
            raise RuntimeError(f"no input can be made:\n{log}")
        return {
            "kind": kind,
            **sent,
            "outcome": "hang" if hung.is_set() else "crash",
            "why": f"exit code {code}\n{log}",
            "data": kept,
            "first": False,
            "seconds": limit if hung.is_set() else 0.0,
            "peak_mb": 0,
            "children_mb": 0,
            "left": [],
            "processes": [],
            "descriptors": 0,
            "threads": 0,
        }


def keep(result: dict, why: str, folder: Path | None, number: int) -> dict:
    """One thing that went wrong, for the report; its input goes to a folder."""
    told = {"kind": result["kind"], "input": result["sent"], "what": why, "why": result.get("why", "")[-600:]}
    if folder is not None:
        data = result.get("data")
        if data is None:
            data = Path(result["file"]).read_bytes() if Path(result["file"]).is_file() else b""
        stem = f"{number:03d}-{result['kind']}-{why.replace(' ', '-')}"
        (folder / f"{stem}{Path(result['file']).suffix}").write_bytes(data)
        (folder / f"{stem}.txt").write_text(f"{result['sent']}\n{result.get('why', '')}\n{result['left']} {result['processes']}\n")
        told["kept"] = stem
    return told


def run(
    kinds: list[str], count: int | None, seconds: float | None, seed: int, workers: int, limit: float, memory: int, kept: Path | None
) -> dict:
    """Send `count` inputs, or as many as fit into `seconds`."""
    began, lock = time.monotonic(), threading.Lock()
    order = [kind for i in range(max(SHARES.values())) for kind in kinds if i < SHARES[kind]]
    results, failures = [], []

    def work(number: int) -> None:
        worker = Worker(scratch / str(number), f"{seed}.{number}")
        try:
            for i in itertools.count(number, workers):
                if i >= count if count is not None else time.monotonic() - began > seconds:
                    return
                kind = order[i % len(order)]
                result = worker.send(kind, limit)
                with lock:
                    results.append(result)
                    wrong = (
                        [result["outcome"]] * (result["outcome"] in WRONG)
                        + ["files left"] * bool(result["left"])
                        + ["processes left"] * bool(result["processes"])
                        + ["memory"] * (result["peak_mb"] + result["children_mb"] > memory)
                    )
                    failures.extend(keep(result, why, kept, len(failures)) for why in wrong)
                    result.pop("data", None)
        finally:
            worker.stop()

    with tempfile.TemporaryDirectory(prefix="perse-fuzz-") as place:
        scratch = Path(place)
        threads = [threading.Thread(target=work, args=(i,)) for i in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return report(results, failures, seed, time.monotonic() - began)


def report(results: list[dict], failures: list[dict], seed: int, seconds: float) -> dict:
    """The figures."""
    by_kind = {}
    for kind in dict.fromkeys(r["kind"] for r in results):
        mine = [r for r in results if r["kind"] == kind]
        times = sorted(r["seconds"] for r in mine if not r["first"]) or [0.0]  # the first ones load and compile
        by_kind[kind] = {
            "inputs": len(mine),
            **Counter(r["outcome"] for r in mine),
            "different_inputs": len({r["sent"] for r in mine}),
            "median_s": times[len(times) // 2],
            "longest_s": times[-1],
            "peak_mb": max(r["peak_mb"] for r in mine),
        }
    slowest = sorted((r for r in results if not r["first"]), key=lambda r: -r["seconds"])[:8]
    largest = sorted(results, key=lambda r: -r["peak_mb"])[:5]
    return {
        "seed": seed,
        "inputs": len(results),
        "seconds": round(seconds),
        "outcomes": Counter(r["outcome"] for r in results),
        "files_left": sum(len(r["left"]) for r in results),
        "processes_left": sum(len(r["processes"]) for r in results),
        "peak_mb": max((r["peak_mb"] for r in results), default=0),
        "peak_of_a_child_mb": max((r["children_mb"] for r in results), default=0),
        "peak_together_mb": max((r["peak_mb"] + r["children_mb"] for r in results), default=0),
        "descriptors": max((r["descriptors"] for r in results), default=0),
        "threads": max((r["threads"] for r in results), default=0),
        "kinds": by_kind,
        "slowest": [[r["kind"], r["sent"], r["seconds"]] for r in slowest],
        "largest": [[r["kind"], r["sent"], r["peak_mb"]] for r in largest],
        "wrong": failures,
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--what", default=",".join(TARGETS), help="kinds, comma-separated")
    parser.add_argument("--count", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--limit", type=float, default=300.0, help="seconds that one input may take")
    parser.add_argument("--memory", type=int, default=1500, help="MB that a worker and its decoder may hold together")
    parser.add_argument("--keep", type=Path, help="folder for inputs that did something wrong")
    args = parser.parse_args(arguments)
    if (args.count is None) == (args.seconds is None) or not set(kinds := args.what.split(",")) <= set(TARGETS):
        parser.error(f"say either --count or --seconds, and kinds among {', '.join(TARGETS)}")
    if args.keep:
        args.keep.mkdir(parents=True, exist_ok=True)
    told = run(kinds, args.count, args.seconds, args.seed, args.workers, args.limit, args.memory, args.keep)
    print(json.dumps(told, indent=1))
    return 1 if told["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
