"""The real page in a process of its own, as it is hosted: `python app.py` on a free port of loopback, with a folder of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil

from .targets import ROOT

ODD = ("Traceback", "unexpected", "Fatal")  # in the log: something that nobody foresaw


class Server:
    """A running page.

    Args:
        folder: where it keeps visitors' files (GRADIO_TEMP_DIR) in `files`, and its log.
        files: that folder, if it shall be another. root: of the program's own files.
        environment: further variables.
    """

    def __init__(self, folder: Path, files: Path | None = None, root: Path = ROOT, **environment: str):
        self.folder, self.files = folder, files or folder / "files"
        self.files.mkdir(parents=True, exist_ok=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        env = os.environ | {
            "GRADIO_SERVER_PORT": str(self.port),
            "GRADIO_SERVER_NAME": "127.0.0.1",
            "GRADIO_TEMP_DIR": str(self.files),
            "HF_HUB_OFFLINE": "1",
            "PERSE_PROXIES": "1",
            "TMPDIR": str(folder),
            **environment,
        }
        self.log = open(folder / "log.txt", "a")
        self.process = subprocess.Popen(
            [sys.executable, str(root / "app.py")], cwd=root, env=env, stdout=self.log, stderr=subprocess.STDOUT
        )
        self._me = psutil.Process(self.process.pid)

    def wait(self, patience: float = 600.0) -> "Server":
        """Until it answers; RuntimeError with its log if it never does."""
        end = time.monotonic() + patience
        while time.monotonic() < end and self.process.poll() is None:
            try:
                self.health()
                return self
            except OSError:
                time.sleep(0.3)
        self.kill()
        raise RuntimeError(f"the page did not start:\n{self.said()[-3000:]}")

    def health(self) -> dict:
        """What /perse/health says."""
        with urllib.request.urlopen(f"{self.address}/perse/health", timeout=60) as answer:
            return json.load(answer)

    def memory(self) -> float:
        """MB of memory that the process and what it has started hold."""
        held = 0
        for process in (self._me, *self._me.children(recursive=True)):
            try:
                held += process.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        return held / 2**20

    def disk(self) -> float:
        """MB of visitors' files."""
        return sum(p.stat().st_size for p in self.files.rglob("*") if p.is_file()) / 2**20

    def processor(self) -> float:
        """Seconds of processor time so far, with those of the children that have ended."""
        return sum(self._me.cpu_times()[:4])

    def said(self) -> str:
        """Its log."""
        return (self.folder / "log.txt").read_text(errors="replace")

    def odd(self) -> list[str]:
        """Lines of the log that should not be there."""
        return [line for line in self.said().splitlines() if any(word in line for word in ODD)]

    def left(self) -> list[str]:
        """What lies in its folder."""
        return sorted(str(p.relative_to(self.files)) for p in self.files.rglob("*") if p.is_file() and p.name != ".lock")

    def stop(self) -> int:
        """As an owner stops it; its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(120)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.log.close()
        return self.process.wait()

    def kill(self) -> None:
        """As a power cut stops it."""
        self.process.kill()
        self.process.wait()
        self.log.close()

    def __enter__(self) -> "Server":
        return self.wait()

    def __exit__(self, *_) -> None:
        self.stop()
