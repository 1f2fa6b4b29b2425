"""The direct routes: fresh frames while a slider moves, and files. They bypass Gradio's queue, so they bound themselves.

A token in the path is the only key; nothing about a visitor is logged. Bad input gets {"error": one sentence}.
"""

import asyncio
import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Callable

import numpy as np
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from ..avatar.sample import random_look, sample
from ..controls import RANGES, Controls
from ..errors import PerseError
from ..motion.motion import overlay
from ..motion.presets import PRESETS
from ..pipeline import PersePipeline, encode_picture
from ..render.mark import draw_mark
from ..rig.expressions import COMPOSITES
from .visits import Visits

MAX_BODY = 32_768  # bytes of a Controls JSON; a full one has about 3,000
MAX_WAITING = 96  # frames asked for and not yet rendered, of all visitors
MAX_PER_AVATAR = 4
FRAME_SIZES = (64, 1024)
FILE_SIZES = (64, 2048)
SAVED = ("gaussians.ply", "viewer.html", "avatar.safetensors")
STRIP_SIZE, STRIP_FRAMES = 112, 8
SYNTHETIC = {"X-Content-Synthetic": "true", "Cache-Control": "no-store"}


class Busy(Exception):
    """Too many frames are waiting."""


class FrameRoutes:
    """Routes over the avatars of `visits`. mark: a visible label on saved pictures; none if empty.

    POST /perse/frame/{avatar}          ?size=&background=&motion=&phase=   Controls -> JPEG
    POST /perse/styles/{avatar}         ?category=      -> JPEG strip: one square a style of that category, side by side
    POST /perse/motion/{avatar}         ?name=          -> JPEG strip of a motion, `STRIP_FRAMES` squares
    POST /perse/save/{avatar}/{kind}    picture.png, gaussians.ply, viewer.html, avatar.safetensors   Controls -> that file
    GET  /perse/info/{avatar}           what the avatar offers
    GET  /perse/random/{avatar}         ?seed=&category=   -> Controls: a random look, or a random point of one category
    GET  /perse/file/{token}            a file that `Visits.publish` made fetchable
    """

    def __init__(self, pipeline: PersePipeline, visits: Visits, workers: int | None = None, mark: str = ""):
        self.pipeline, self.visits, self.mark = pipeline, visits, mark
        # The rasterizer uses all cores for one frame: more workers would only make all frames late.
        self._workers = ThreadPoolExecutor(workers or max(1, (os.cpu_count() or 2) // 4), "perse-frame")
        self._waiting: Counter[str] = Counter()

    def routes(self) -> list[Route]:
        """Starlette routes, to be put before Gradio's own."""
        return [
            Route("/perse/frame/{token}", self._answer(self._frame), methods=["POST"]),
            Route("/perse/styles/{token}", self._answer(self._styles), methods=["POST"]),
            Route("/perse/motion/{token}", self._answer(self._motion), methods=["POST"]),
            Route("/perse/save/{token}/{kind}", self._answer(self._save), methods=["POST"]),
            Route("/perse/info/{token}", self._answer(self._info), methods=["GET"]),
            Route("/perse/random/{token}", self._answer(self._random), methods=["GET"]),
            Route("/perse/file/{token}", self._file, methods=["GET"]),
        ]

    def _answer(self, make: Callable[[str, Request, Controls], Response]):
        """An endpoint that runs `make` in a worker, within the bounds, and turns errors into sentences."""
        async def endpoint(request: Request) -> Response:
            token = request.path_params["token"]
            try:
                self.visits.get(token)
            except PerseError as error:
                return _error(404, error)
            try:
                controls = await _read_controls(request)
                if self._waiting.total() >= MAX_WAITING or self._waiting[token] >= MAX_PER_AVATAR:
                    raise Busy()
                self._waiting[token] += 1
                try:
                    return await asyncio.get_running_loop().run_in_executor(
                        self._workers, partial(make, token, request, controls))
                finally:
                    self._waiting[token] -= 1
                    if not self._waiting[token]:
                        del self._waiting[token]
            except PerseError as error:
                return _error(400, error)
            except Busy:
                return _error(503, "Many people are moving sliders right now: please try again in a moment.")
        return endpoint

    def _frame(self, token: str, request: Request, controls: Controls) -> Response:
        size = _integer(request, "size", 512, *FRAME_SIZES)
        renderer = self.visits.get(token).renderer(size, _still_background(request))
        motion = request.query_params.get("motion")
        if motion is not None:
            controls = _moved(motion, _phase(request), controls)
        return _jpeg(renderer.frame(controls))

    def _styles(self, token: str, request: Request, controls: Controls) -> Response:
        avatar = self.visits.get(token).avatar
        category = avatar.space.categories.get(request.query_params.get("category", ""))
        if category is None:
            raise PerseError("Unknown category: `info` lists the categories of this avatar.")
        looks = [Controls(styles={category.name: {style.name: 1.0}}, zoom=1.15) for style in category.styles]
        return self._strip(token, looks)

    def _motion(self, token: str, request: Request, controls: Controls) -> Response:
        name = request.query_params.get("name", "")
        return self._strip(token, [_moved(name, i / STRIP_FRAMES, Controls()) for i in range(STRIP_FRAMES)])

    def _strip(self, token: str, looks: list[Controls]) -> Response:
        renderer = self.visits.get(token).renderer(STRIP_SIZE, "grey")
        return _jpeg(np.concatenate([renderer.frame(look) for look in looks], axis=1))

    def _save(self, token: str, request: Request, controls: Controls) -> Response:
        entry, kind = self.visits.get(token), request.path_params["kind"]
        if kind == "picture.png":
            size = _integer(request, "size", 1024, *FILE_SIZES)
            background = request.query_params.get("background", "grey")
            picture = draw_mark(entry.renderer(size, background).frame(controls), self.mark)
            return Response(encode_picture(picture, ".png"), media_type="image/png", headers=SYNTHETIC)
        if kind not in SAVED:
            raise PerseError(f"There is no file of the kind {kind[:40]!r}: choose one of picture.png, {', '.join(SAVED)}.")
        path = self.visits.path(entry.owner, kind)
        try:
            if kind == "avatar.safetensors":
                self.pipeline.save(entry.avatar, path)
            else:
                self.pipeline.export(entry.avatar, controls, path)
            return Response(path.read_bytes(), media_type="application/octet-stream", headers=SYNTHETIC)
        finally:
            path.unlink(missing_ok=True)
            path.parent.rmdir()

    def _info(self, token: str, request: Request, controls: Controls) -> Response:
        entry = self.visits.get(token)
        info = self.pipeline.info(entry.avatar)
        return JSONResponse(info | {
            "name": entry.name, "composites": list(COMPOSITES), "ranges": RANGES, "neutralises": entry.avatar.rig.neutral.does_something,
            "motions": {name: {"label": p.label, "help": p.help, "seconds": p.seconds} for name, p in PRESETS.items()},
        }, headers={"Cache-Control": "no-store"})

    def _random(self, token: str, request: Request, controls: Controls) -> Response:
        avatar = self.visits.get(token).avatar
        seed, name = _integer(request, "seed", 0, 0, 2 ** 31), request.query_params.get("category", "")
        limits = avatar.report.build.get("limits", {})
        if not name:
            drawn = random_look(list(avatar.space.categories.values()), seed, limits)
        elif name in avatar.space.categories:
            drawn = Controls(attributes=sample(avatar.space.categories[name], np.random.default_rng(seed), limits))
        else:
            raise PerseError("Unknown category: `info` lists the categories of this avatar.")
        return Response(drawn.to_json(), media_type="application/json", headers={"Cache-Control": "no-store"})

    async def _file(self, request: Request) -> Response:
        try:
            path = self.visits.file(request.path_params["token"])
        except PerseError as error:
            return _error(404, error)
        return FileResponse(path, filename=path.name, content_disposition_type="inline", headers=SYNTHETIC)


def _error(status: int, error: object) -> Response:
    return JSONResponse({"error": str(error)}, status, headers={"Cache-Control": "no-store"})


async def _read_controls(request: Request) -> Controls:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise PerseError(f"These controls are longer than {MAX_BODY:,} bytes.")
    if not body:
        return Controls()
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise PerseError("These controls are not valid JSON.") from None
    return Controls.from_json(text)


def _integer(request: Request, name: str, default: int, low: int, high: int) -> int:
    text = request.query_params.get(name, str(default))
    if not text.isascii() or not text.isdigit() or not low <= int(text[:9]) <= high:
        raise PerseError(f"The {name} must be a whole number from {low} to {high}, not {text[:20]!r}.")
    return int(text)


def _phase(request: Request) -> float:
    try:
        phase = float(request.query_params.get("phase", "0"))
    except ValueError:
        phase = -1.0
    if not 0 <= phase <= 1:
        raise PerseError("The phase of a motion must be a number from 0 to 1.")
    return phase % 1.0


def _moved(motion: str, phase: float, controls: Controls) -> Controls:
    if motion not in PRESETS:
        raise PerseError(f"Unknown motion {motion[:40]!r}; known are: {', '.join(PRESETS)}.")
    preset = PRESETS[motion]
    if preset.sweeps:
        plain = controls.with_(attributes={}, styles={}, latents={})
        controls = plain.mix(controls, float(0.5 - 0.5 * np.cos(2 * np.pi * phase)))
    return overlay(controls, preset.pose(phase))


def _still_background(request: Request) -> str:
    background = request.query_params.get("background", "grey")
    if background == "transparent":
        raise PerseError("The live picture is never transparent: save a transparent PNG instead.")
    return background


def _jpeg(picture: np.ndarray) -> Response:
    return Response(encode_picture(picture, ".jpg"), media_type="image/jpeg", headers=SYNTHETIC)
