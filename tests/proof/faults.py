"""Real faults: `python -m tests.proof.faults [NAME...]`. Prints JSON; exits 1 if one of them broke something that it should not.

Nothing is patched: processes are killed, disks are full (a small tmpfs), libraries and folders are taken away, sockets drop, the clock jumps.
What a machine does not permit (mounting, no compiler) is skipped with a word.
"""

import argparse
import asyncio
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

import psutil

from .server import Server
from .shims import ENCODERS, Clock, shim
from .staging import Skip, disk, fill, plain, program, sentence, served, until, visiting, works
from .targets import ROOT, example, moving_face
from .visitor import NOTHING_MORE, portrait
from .visitor import client as browser

QUICK = {"PERSE_BUDGET": "10"}
YEAR = 365 * 86_400


FAULTS: dict[str, Callable[[Path], dict]] = {}


def fault(function: Callable[[Path], dict]) -> Callable[[Path], dict]:
    """Registers `function(folder)`: it causes a fault, raises AssertionError if the program does not stand it, and returns what was seen."""
    FAULTS[function.__name__] = function
    return function


def _killed(folder: Path, begin: Callable, line: str) -> dict:
    old = Server(folder, **QUICK).wait()
    with visiting(old) as (runner, visitor):
        runner.run(begin(visitor))
        until(lambda: served(old, line), f"the {line} to begin")
        time.sleep(1.0)
        old.kill()
    before = sorted(p.name for p in old.files.iterdir())
    assert before, "the killed process had no folder"
    with Server(folder, **QUICK) as new:
        left = [p for p in new.files.rglob("*") if any(name in p.parts for name in before)]
        assert not left, f"left of the killed process: {left}"
        works(new)
        odd = new.odd()
    assert not odd, odd
    return {"folders_of_the_killed_process": len(before), "left_after_the_next_start": len(left)}


@fault
def killed_in_a_build(folder: Path) -> dict:
    """kill -9 while an avatar is fitted: the next start removes what was left and serves."""

    async def begin(visitor):
        await visitor.photo("me.png", portrait())
        await visitor.act("perse-build click", "Quick (10 s)")

    return _killed(folder, begin, "building")


@fault
def killed_in_a_video(folder: Path) -> dict:
    """kill -9 while a video is rendered: the same."""

    async def begin(visitor):
        await visitor.act("perse-shoot click", visitor.avatar, "{}", "grey", "nod", 30, 720, 60, "mp4", "Head", *NOTHING_MORE)

    return _killed(folder, begin, "filming")


@fault
def decoder_killed(folder: Path) -> dict:
    """The process that decodes a clip is killed: one sentence, and the next video is made."""
    clip = moving_face(folder / "clip.mp4", 750, 1024).read_bytes()
    with Server(folder, **QUICK) as server, visiting(server) as (runner, visitor):

        async def begin():
            await visitor.bring("clip", "clip.mp4", clip)
            wanted = (*NOTHING_MORE[:-1], '{"way": "follow"}')
            await visitor.act("perse-shoot click", visitor.avatar, "{}", "grey", "nod", 30, 256, 25, "mp4", "Head", *wanted)

        runner.run(begin())

        def decoder():
            return next(
                (c for c in psutil.Process(server.process.pid).children() if any("confined.py" in word for word in c.cmdline())), None
            )

        until(decoder, "a decoder").kill()
        state = runner.run(visitor.until(lambda s: not s["busy"]))
        told = plain(state["pieces"]["film"].get("html", ""))
        assert len(runner.run(visitor.film())) > 1000
        assert not server.odd(), server.odd()
    return {"told": told}


# ------------------------------------------------------------------ the disk


@fault
def full_disk_of_the_page(folder: Path) -> dict:
    """The disk runs full while a visitor is there: every call is refused in a sentence, previews go on; with room all works again."""
    told = {}
    with disk(folder / "disk", "size=1100m") as small, Server(folder, files=small / "files", TMPDIR=str(small), **QUICK) as server:
        with visiting(server) as (runner, visitor):
            runner.run(visitor.film())
            filler = fill(small)
            told["upload"] = sentence(runner, visitor.upload("me.png", portrait()))
            told["video"] = sentence(runner, visitor.film())
            told["avatar"] = sentence(runner, visitor.save("avatar.safetensors", {}))
            told["splats"] = sentence(runner, visitor.save("gaussians.ply", {}))
            assert runner.run(visitor.frame({"yaw": 9.0}, 256)).any() and runner.run(visitor.save("picture.png", {}))
            filler.unlink()
            assert len(runner.run(visitor.film())) > 1000 and len(runner.run(visitor.save("gaussians.ply", {}))) > 1000
            runner.run(visitor.end())
        until(lambda: not server.left(), "an empty folder", 60)
    return {"told": told}


@fault
def full_disk_of_the_command_line(folder: Path) -> dict:
    """No room for what a command writes, nor for temporary files: one sentence, nothing half-written."""
    avatar, photo, told = folder / "a.safetensors", folder / "me.png", {}
    avatar.write_bytes(example()[0])
    photo.write_bytes(portrait())
    with disk(folder / "disk", "size=256k") as small:
        fill(small)
        for name, command in {
            "render": ["render", avatar, "-o", small / "a.png"],
            "video": ["video", avatar, "-o", small / "a.mp4", "--motion", "nod", "--seconds", "1"],
            "gif": ["video", avatar, "-o", small / "a.gif", "--motion", "nod", "--seconds", "0.5", "--size", "128"],
            "ply": ["export", avatar, "-o", small / "a.ply"],
            "html": ["export", avatar, "-o", small / "a.html"],
            "look": ["look", avatar, "-o", small / "a.json", "--yaw", "5"],
            "sheet": ["sheet", avatar, "-o", small / "a.jpg"],
            "build": ["build", photo, "-o", small / "b.safetensors", "--budget", "10"],
        }.items():
            done = program(*command, TMPDIR=str(small))
            left = [p.name for p in small.iterdir() if p.name != "filler" and p.is_file()]
            assert done.returncode == 2 and not left, f"{name}: exit code {done.returncode}, left {left}: {done.stderr[-500:]}"
            told[name] = done.stderr.strip().splitlines()[-1]
    return {"told": told}


@fault
def read_only_caches(folder: Path) -> dict:
    """Program, home and every cache lie on read-only disks: the page starts and works, kernels are compiled anew."""
    source = folder / "program"
    source.mkdir()
    if subprocess.run(["mount", "--bind", str(ROOT), str(source)], capture_output=True).returncode:
        raise Skip("mounting is not permitted here")
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", str(source)], check=True)
        with disk(folder / "caches", "size=1m,ro") as fixed:
            nowhere = {
                name: str(fixed / name.lower())
                for name in ("NUMBA_CACHE_DIR", "HF_HOME", "MPLCONFIGDIR", "XDG_CACHE_HOME", "TORCHINDUCTOR_CACHE_DIR")
            }
            with Server(folder, root=source, HOME=str(fixed), PYTHONPATH=str(source), **nowhere, **QUICK) as server:
                works(server)
                with visiting(server) as (runner, visitor):
                    assert len(runner.run(visitor.film())) > 1000
                assert not server.odd(), server.odd()
    finally:
        subprocess.run(["umount", "-l", str(source)], check=True)
    return {}


@fault
def folder_taken_away(folder: Path) -> dict:
    """Somebody deletes the visit's files while its video is rendered: one sentence, and the page goes on."""
    with Server(folder, **QUICK) as server, visiting(server) as (runner, visitor):
        runner.run(visitor.act("perse-shoot click", visitor.avatar, "{}", "grey", "nod", 10, 512, 25, "mp4", "Head", *NOTHING_MORE))
        until(lambda: served(server, "filming"), "the video to begin")
        time.sleep(0.5)
        for place in server.files.glob("visits-*/*"):
            if place.is_dir():
                shutil.rmtree(place, ignore_errors=True)
        told = plain(runner.run(visitor.until(lambda s: not s["busy"]))["pieces"]["film"].get("html", ""))
        works(server)
        again = runner.run(visitor.film())
    return {"told": told, "a_new_video_bytes": len(again)}


# ------------------------------------------------------------------ what the machine lacks


@fault
def no_encoder(folder: Path) -> dict:
    """An FFmpeg without encoders: one sentence for every format, on the page and on the command line."""
    environment = shim(ENCODERS, folder, "encoders")
    if environment is None:
        raise Skip("no C compiler here")
    (folder / "a.safetensors").write_bytes(example()[0])
    told = {}
    for kind in ("mp4", "webm"):
        done = program("video", folder / "a.safetensors", "-o", folder / f"a.{kind}", "--motion", "nod", "--seconds", "0.5", **environment)
        assert done.returncode == 2 and not (folder / f"a.{kind}").exists(), done.stderr
        told[kind] = done.stderr.strip().splitlines()[-1]
    with Server(folder, **environment, **QUICK) as server, visiting(server) as (runner, visitor):
        told["page"] = sentence(runner, visitor.film())
        works(server)
        assert not server.odd(), server.odd()
    return {"told": told}


@fault
def no_descriptors(folder: Path) -> dict:
    """The process may open no more files: calls are refused in a sentence or not answered; afterwards all works again."""
    with Server(folder, **QUICK) as server, visiting(server) as (runner, visitor):
        before = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
        used = {int(p.name) for p in Path(f"/proc/{server.process.pid}/fd").iterdir()}
        free = next(n for n in range(len(used) + 1) if n not in used)
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (free, before[1]))
        told = {}
        try:
            told["upload"] = sentence(runner, visitor.upload("me.png", portrait()))
            told["video"] = sentence(runner, visitor.film())
            time.sleep(12.0)  # what runs in the background meets it, too
        finally:
            resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, before)
        assert len(runner.run(visitor.film())) > 1000
        works(server)
        runner.run(visitor.leave())
        until(lambda: not server.health()["visits"] and not server.left(), "the end of the visit that was left", 120)
    return {"told": told}


# ------------------------------------------------------------------ the visitor is gone


def _processor_until_idle(server: Server, line: str) -> float:
    """Seconds of processor time from now until nobody is served in a line."""
    start = server.processor()
    until(lambda: not served(server, line), f"{line} to stop")
    return round(server.processor() - start, 2)


@fault
def visitor_deletes_everything(folder: Path) -> dict:
    """ "Delete everything now" in the middle of a video, of a build and of a look at a photo: the work stops, nothing is left."""
    spent = {}
    with Server(folder, **QUICK) as server:
        for line in ("filming", "building"):
            with visiting(server) as (runner, visitor):
                if line == "filming":
                    runner.run(
                        visitor.act("perse-shoot click", visitor.avatar, "{}", "grey", "nod", 30, 720, 60, "mp4", "Head", *NOTHING_MORE)
                    )
                else:
                    runner.run(visitor.photo("me.png", portrait()))
                    runner.run(visitor.act("perse-build click", "Quick (10 s)"))
                until(lambda line=line: served(server, line), f"{line} to begin")
                time.sleep(3.0)
                assert served(server, line), f"{line} was over too soon to be stopped"
                runner.run(visitor.end())
                spent[line] = _processor_until_idle(server, line)
        until(lambda: not server.left(), "an empty folder", 60)
        assert not server.odd(), server.odd()
    assert max(spent.values()) < 4.0, f"seconds of processor time after the end: {spent}"
    return {"processor_seconds_after_the_end": spent}


@fault
def program_hangs_up(folder: Path) -> dict:
    """A program drops its connection in the middle of a build and of an upload: the work stops, nothing is left."""
    with Server(folder, **QUICK) as server, asyncio.Runner() as runner:

        async def build() -> None:
            async with browser(base_url=server.address) as client:
                path = (await client.post("/gradio_api/upload", files={"files": ("me.png", portrait())})).json()[0]
                photo = {"path": path, "meta": {"_type": "gradio.FileData"}}
                event = (await client.post("/gradio_api/call/build", json={"data": [photo, True, 10, 0]})).json()["event_id"]
                async with client.stream("GET", f"/gradio_api/call/build/{event}") as answer:
                    async for _ in answer.aiter_raw():
                        if await asyncio.to_thread(served, server, "building"):
                            break

        runner.run(build())
        spent = _processor_until_idle(server, "building")

        async def upload() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            head = (
                "POST /gradio_api/upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 9000000\r\n\r\n"
                '--b\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
            )
            writer.write(head.encode() + bytes(3_000_000))
            await writer.drain()
            writer.transport.abort()

        for _ in range(20):
            runner.run(upload())
        until(lambda: not server.left(), "an empty folder", 60)
        health = server.health()
        works(server)
        assert not server.odd(), server.odd()
    return {"processor_seconds_after_hanging_up": spent, "visits": health["visits"]}


@fault
def previews_nobody_waits_for(folder: Path) -> dict:
    """Hundreds of connections ask for a preview and are cut at once: nothing stays in the line, others are served."""
    with Server(folder, **QUICK) as server, visiting(server) as (runner, visitor):

        async def cut() -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(f"POST /perse/frame/{visitor.avatar}?size=1024 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{{}}".encode())
            await writer.drain()
            writer.transport.abort()

        async def flood() -> None:
            await asyncio.gather(*(cut() for _ in range(300)))

        start = server.processor()
        runner.run(flood())
        works(server)
        until(lambda: not server.health()["frames"]["waiting"], "an empty line", 120)
        spent = server.processor() - start
        assert not server.odd(), server.odd()
    return {"processor_seconds_for_300_cut_calls": round(spent, 1)}


# ------------------------------------------------------------------ time


@fault
def clock_jumps(folder: Path) -> dict:
    """The wall clock jumps a year ahead and two back, in the middle of a build and a video and while an avatar waits: nobody loses anything."""
    clock = Clock(folder)
    if clock.environment is None:
        raise Skip("no C compiler here")
    with Server(folder, **clock.environment, **QUICK) as server, visiting(server) as (runner, visitor):
        for jump in (YEAR, -YEAR):
            runner.run(visitor.act("perse-shoot click", visitor.avatar, "{}", "grey", "nod", 4, 256, 25, "mp4", "Head", *NOTHING_MORE))
            until(lambda: served(server, "filming"), "the video to begin")
            clock.jump(jump)
            html = runner.run(visitor.until(lambda s: not s["busy"]))["pieces"]["film"].get("html", "")
            assert "<video" in html, html[:300]
        clock.jump(0)
        with visiting(server, None) as (other, builder):
            other.run(builder.photo("me.png", portrait()))
            other.run(builder.act("perse-build click", "Quick (10 s)"))
            until(lambda: served(server, "building"), "the build to begin")
            clock.jump(2 * YEAR)
            assert other.run(builder.opened())
        for seconds in (-2 * YEAR, YEAR):
            clock.jump(seconds)
            time.sleep(25.0)  # longer than two sweeps are apart
            assert runner.run(visitor.state())["avatar"] == visitor.avatar and runner.run(visitor.frame({"yaw": 1.0}, 128)).any()
        assert not server.odd(), server.odd()
    return {}


def run(names: list[str]) -> dict:
    """Cause these faults, one after another."""
    told = {}
    for name in names:
        print(f"{name} …", file=sys.stderr, flush=True)
        start = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="perse-fault-", ignore_cleanup_errors=True) as folder:
            try:
                seen = {"result": "held", **FAULTS[name](Path(folder))}
            except Skip as why:
                seen = {"result": "skipped", "why": str(why)}
            except Exception:
                log = Path(folder) / "log.txt"
                seen = {
                    "result": "broke",
                    "why": traceback.format_exc()[-2500:],
                    "log": log.read_text(errors="replace")[-1500:] if log.exists() else "",
                }
        told[name] = {"what": FAULTS[name].__doc__.split(":")[0], **seen, "seconds": round(time.monotonic() - start)}
    return told


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(FAULTS)}; all if none")
    args = parser.parse_args(arguments)
    if unknown := set(args.names) - set(FAULTS):
        parser.error(f"unknown faults: {', '.join(sorted(unknown))}")
    told = run(args.names or list(FAULTS))
    print(json.dumps(told, indent=1, ensure_ascii=False))
    return 1 if any(t["result"] == "broke" for t in told.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
