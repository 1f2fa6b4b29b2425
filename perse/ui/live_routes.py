"""What a visitor's own browser needs to show the head by itself: its live file, motions as numbers, their sound, the photo's background.

A live file is baked once, in the background and one after the other, and is kept in memory beside its avatar, with which it goes. It is
sent to the visit that owns the avatar and to nobody else.
"""

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import Future
from functools import lru_cache
from threading import Lock, Thread
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, ref

import numpy as np
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from ..errors import PerseError
from ..motion.presets import PRESETS, preset_named
from ..settings import LIVE_SIZE
from .engine import BUILD, PICTURE, Engine
from .examples import EXAMPLES
from .failures import note_failure
from .one_visit import Entry
from .routes import FRESH_HEADERS, SYNTHETIC_HEADERS, VISIT_HEADER, _integer, _jpeg, refusal
from .visits import GONE, Visits

if TYPE_CHECKING:
    from ..avatar.avatar import Avatar

MOST_MOMENTS = 64  # that may be asked for by number
PATIENCE = 20.0  # seconds that a request waits for a live file; then the page is told to ask again
MAKING = "The head for your own browser is still being made."
UNMADE = "The head could not be made ready for your own browser: the server draws it instead."
KEPT_HEADERS = {"X-Content-Synthetic": "true", "Cache-Control": "public, max-age=86400"}


class LiveFiles:
    """The live files of avatars that are in use."""

    def __init__(self, engine: Engine):
        self.engine = engine
        self._made: WeakKeyDictionary = WeakKeyDictionary()  # avatar -> Future of bytes
        self._asking, self._baking = Lock(), Lock()

    def of(self, entry: Entry) -> "Future[bytes | str]":
        """The live file of an entry's avatar, made, being made, or waiting to be; or a sentence that says why there is none."""
        with self._asking:
            made = self._made.get(entry.avatar)
            if made is None:
                made = Future()
                args = (made, ref(entry.avatar), entry.name if entry.shared else "")
                Thread(target=self._run, args=args, name="perse-live", daemon=True).start()
                self._made[entry.avatar] = made
            return made

    def _run(self, made: "Future[bytes | str]", avatar: Callable, example: str) -> None:
        """A sentence is kept in place of an error, whose traceback would keep the avatar."""
        told: bytes | str = UNMADE
        try:
            with self._baking:
                told = self._bake(avatar, example)
        except PerseError as error:
            told = str(error)
        except BaseException as failure:
            note_failure(failure)
        made.set_result(told)

    def _bake(self, avatar: Callable, example: str) -> bytes:
        if example and (path := EXAMPLES[example].live()) is not None:
            return path.read_bytes()
        self.engine.wait(BUILD)  # its kernels are among those that a build needs
        from ..live.bake import bake

        if (found := avatar()) is None:  # its visit ended while it waited
            raise PerseError(GONE)
        return bake(found)


class LiveRoutes:
    """Routes for the player in the page.

    GET  /perse/live/{avatar}       header VISIT_HEADER -> the live file; 202 while it is being made
    GET  /perse/example/{example}   the live file of an example, if it is ready-made: nothing else has to be there for it
    GET  /perse/moments/{motion}    ?avatar=&count= -> {fps, sweeps, sound, frames, moves}: what a motion adds to the controls, moment by
                                    moment, or in so many moments of one loop, as of `live.curves`
    GET  /perse/sound/{motion}      what is heard in it, WAV
    GET  /perse/backdrop/{avatar}   the photo's own background, JPEG
    """

    def __init__(self, engine: Engine, visits: Visits):
        self.engine, self.visits, self.files = engine, visits, LiveFiles(engine)

    def routes(self) -> list[Route]:
        """Starlette routes, to be put before Gradio's own."""
        return [
            Route("/perse/live/{token}", self._live, methods=["GET"]),
            Route("/perse/example/{example}", self._example, methods=["GET"]),
            Route("/perse/moments/{motion}", self._moments, methods=["GET"]),
            Route("/perse/sound/{motion}", self._sound, methods=["GET"]),
            Route("/perse/backdrop/{token}", self._backdrop, methods=["GET"]),
        ]

    async def _live(self, request: Request) -> Response:
        try:
            entry = self.visits.get(request.path_params["token"])
            if self.visits.visit(request.headers.get(VISIT_HEADER)) is not entry.visit:
                raise PerseError(GONE)
        except PerseError as error:
            return refusal(404, error)
        made = self.files.of(entry)
        del entry
        try:
            data = await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(made)), PATIENCE)
        except TimeoutError:
            told = {"error": MAKING, "warming": max(1.0, round(self.engine.left(BUILD), 1))}
            return JSONResponse(told, 202, headers=FRESH_HEADERS)
        if isinstance(data, str):
            return refusal(404, data)
        return Response(data, media_type="application/octet-stream", headers=SYNTHETIC_HEADERS)

    async def _example(self, request: Request) -> Response:
        example = EXAMPLES.get(request.path_params["example"])
        path = None if example is None else await asyncio.to_thread(example.live)
        if path is None:
            return refusal(404, "There is no such example.")
        return FileResponse(path, media_type="application/octet-stream", headers=KEPT_HEADERS)

    async def _moments(self, request: Request) -> Response:
        name, token = request.path_params["motion"], request.query_params.get("avatar", "")
        try:
            preset_named(name)
            avatar = self.visits.get(token).avatar if token else None
        except PerseError as error:
            return refusal(404, error)
        try:
            count = _integer(request, "count", 0, 0, MOST_MOMENTS)
            text = await asyncio.to_thread(_moments_of, name, avatar, count)
            return Response(text, media_type="application/json", headers=FRESH_HEADERS)
        except PerseError as error:
            return refusal(400, error)
        except Exception as error:  # noqa: BLE001  (a voice that is not installed, say)
            return refusal(500, note_failure(error))

    async def _sound(self, request: Request) -> Response:
        try:
            preset = preset_named(request.path_params["motion"])
            if preset.sound is None:
                raise PerseError("This motion is silent.")
            data = await asyncio.to_thread(_wav, request.path_params["motion"])
        except PerseError as error:
            return refusal(404, error)
        except Exception as error:  # noqa: BLE001
            return refusal(500, note_failure(error))
        return Response(data, media_type="audio/wav", headers=KEPT_HEADERS)

    async def _backdrop(self, request: Request) -> Response:
        try:
            entry = self.visits.get(request.path_params["token"])
            if not self.engine.ready(PICTURE):
                raise PerseError("There is no picture yet.")
            return await asyncio.to_thread(_behind, entry)
        except PerseError as error:
            return refusal(404, error)


def _moments_of(name: str, avatar: "Avatar | None", count: int) -> str:
    """JSON. Only lips that speak are a person's own; the rest is the same for all, and kept."""
    return _moments_json(name, avatar, count) if avatar is not None and PRESETS[name].sound is not None else _kept_moments(name, count)


@lru_cache(maxsize=64)
def _kept_moments(name: str, count: int) -> str:
    return _moments_json(name, None, count)


def _moments_json(name: str, avatar: "Avatar | None", count: int) -> str:
    from ..live.curves import FPS, moments

    preset = PRESETS[name]
    told = {"fps": FPS, "sweeps": preset.sweeps, "sound": preset.sound is not None, **moments(preset, avatar, count)}
    return json.dumps(told, separators=(",", ":"))


def _behind(entry: Entry) -> Response:
    picture = entry.renderer(LIVE_SIZE, "original").picture
    assert picture is not None  # asked for; without a photo there is a PerseError
    return _jpeg((np.asarray(picture) * 255 + 0.5).astype(np.uint8))


@lru_cache(maxsize=4)
def _wav(name: str) -> bytes:
    """A preset's sound as a WAV file of 16 bits."""
    make = PRESETS[name].sound
    assert make is not None  # the caller has looked
    return make().wav()
