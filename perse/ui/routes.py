"""The direct routes: fresh frames while a slider moves, files, and the visit itself. They bypass Gradio's queue and bound themselves.

A token in the path is the key to an avatar or a file; the visit's secret comes in a header. Nothing about a visitor is logged. Bad
input gets {"error": one sentence}.
"""

import asyncio
import os
import re
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import psutil
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from .. import __version__
from ..avatar.random_look import random_look, sample
from ..controls import Controls
from ..errors import PerseError
from ..motion.presets import PRESETS, preset_frame
from ..render.visible_label import draw_mark
from ..settings import FACE_ZOOM, LIVE_SIZE, LIVE_SIZES, LONGEST_CONTROLS, SEEDS, SIZES, STRIP_FRAMES, TILE_VIEWS
from .client_address import address_in
from .desk import Desk
from .engine import BUILD, PICTURE, WARMING, Engine
from .examples import EXAMPLES, STILL_YAWS
from .failures import note_failure
from .fair_pool import Busy, FairPool
from .file_names import person
from .languages import read
from .one_visit import Entry
from .quick_faces import QUICK_FACES
from .uploads import PassingFile
from .visits import ENDED, Visits

MAX_DRAINED = 1_000_000  # bytes read to the end all the same: a client that is still sending would not read the refusal
SAVED_KINDS = ("gaussians.ply", "viewer.html", "model.glb", "avatar.safetensors")
STRIP_SIZE = 112  # side of a picture in a strip, pixels
SYNTHETIC_HEADERS = {"X-Content-Synthetic": "true", "Cache-Control": "no-store"}
FRESH_HEADERS = {"Cache-Control": "no-store"}
VISIT_HEADER = "x-perse-visit"  # the header with a visit's secret


class FrameRoutes:
    """Routes over the avatars of `visits`. mark: a visible label on saved pictures; none if empty.

    POST /perse/frame/{avatar}          ?size=&background=&motion=&phase=   Controls -> JPEG
    POST /perse/styles/{avatar}         ?category=      Controls -> JPEG strip of that look: one square a style of that category, side by side
    POST /perse/faces/{avatar}          Controls        -> JPEG strip of QUICK_FACES on that look
    POST /perse/motion/{avatar}         ?name=  Controls -> JPEG strip of that look in a motion, `STRIP_FRAMES` squares
    POST /perse/save/{avatar}/{kind}    picture.png, pair.png (before, after), gaussians.ply, viewer.html, model.glb, avatar.safetensors   Controls -> that file
    GET  /perse/info/{avatar}           what the avatar offers
    GET  /perse/random/{avatar}         ?seed=&category=   -> Controls: a random look, or a random point of one category
    GET  /perse/file/{token}            a file that `Visits.publish` made fetchable
    GET  /perse/still/{example}         what stands for an example until it can be rendered
    GET  /perse/words/{language}        the page's words in a language other than English

    Until pictures can be rendered those that need it answer 202 with {"error": one sentence, "warming": about how many seconds}.
    """

    def __init__(self, engine: Engine, visits: Visits, pool: FairPool | None = None, mark: str = ""):
        self.engine, self.visits, self.mark = engine, visits, mark
        # The rasterizer uses all cores for one frame: more threads would only make all frames late.
        self.pool = pool or FairPool(max(1, (os.cpu_count() or 2) // 4))

    def routes(self) -> list[Route]:
        """Starlette routes, to be put before Gradio's own."""
        return [
            Route("/perse/frame/{token}", self._answer(self._frame), methods=["POST"]),
            Route("/perse/styles/{token}", self._answer(self._styles), methods=["POST"]),
            Route("/perse/faces/{token}", self._answer(self._faces), methods=["POST"]),
            Route("/perse/motion/{token}", self._answer(self._motion), methods=["POST"]),
            Route("/perse/save/{token}/{kind}", self._answer(self._save, patient=True), methods=["POST"]),
            Route("/perse/info/{token}", self._answer(self._info, renders=False), methods=["GET"]),
            Route("/perse/random/{token}", self._answer(self._random, renders=False), methods=["GET"]),
            Route("/perse/file/{token}", self._file, methods=["GET"]),
            Route("/perse/still/{example}", self._still, methods=["GET"]),
            Route("/perse/words/{language}", self._words, methods=["GET"]),
        ]

    def _answer(self, make: Callable[[Entry, Request, Controls], Response], patient: bool = False, renders: bool = True):
        """An endpoint that runs `make` when its visitor's turn has come, and turns errors into sentences."""

        async def endpoint(request: Request) -> Response:
            try:
                entry = self.visits.get(request.path_params["token"])
            except PerseError as error:
                return refusal(404, error)
            if renders and not self.engine.ready(PICTURE):
                return still_warming(self.engine.left(PICTURE))
            try:
                controls = Controls.from_json(await body_text(request, "{}"))
                future = self.pool.submit(entry.visit.who, partial(make, entry, request, controls), patient)
                return await asyncio.wrap_future(future)
            except PerseError as error:
                return refusal(400, error)
            except Busy:
                return refusal(503, "Many people are moving sliders right now: please try again in a moment.")
            except ClientDisconnect:
                return refusal(400, "The request broke off.")
            except Exception as error:  # noqa: BLE001  (whatever it is, the page can go on)
                return refusal(500, note_failure(error))

        return endpoint

    def _frame(self, entry: Entry, request: Request, controls: Controls) -> Response:
        size = _integer(request, "size", LIVE_SIZE, *LIVE_SIZES)
        renderer = entry.renderer(size, _still_background(request))
        motion = request.query_params.get("motion")
        if motion is not None:
            controls = preset_frame(motion, controls, _phase(request), entry.avatar.rig)
        return _jpeg(renderer.frame(controls))

    def _styles(self, entry: Entry, request: Request, controls: Controls) -> Response:
        avatar = entry.avatar
        category = avatar.space.categories.get(request.query_params.get("category", ""))
        if category is None:
            raise PerseError("Unknown category: `info` lists the categories of this avatar.")
        view = TILE_VIEWS.get(category.name, TILE_VIEWS[""])
        looks = [controls.with_(styles={**controls.styles, category.name: {style.name: 1.0}}, **view) for style in category.styles]
        return self._strip(entry, looks)

    def _motion(self, entry: Entry, request: Request, controls: Controls) -> Response:
        name = request.query_params.get("name", "")
        return self._strip(entry, [preset_frame(name, controls, i / STRIP_FRAMES, entry.avatar.rig) for i in range(STRIP_FRAMES)])

    def _faces(self, entry: Entry, request: Request, controls: Controls) -> Response:
        return self._strip(entry, [controls.with_(expression=face, zoom=FACE_ZOOM) for face in QUICK_FACES.values()])

    def _strip(self, entry: Entry, looks: list[Controls]) -> Response:
        renderer = entry.renderer(STRIP_SIZE, "grey")
        return _jpeg(np.concatenate([renderer.frame(look) for look in looks], axis=1))

    def _save(self, entry: Entry, request: Request, controls: Controls) -> Response:
        kind = request.path_params["kind"]
        if kind in ("picture.png", "pair.png"):
            size = _integer(request, "size", 1024, *SIZES)
            background = request.query_params.get("background", "grey")
            from ..render.picture import encode_picture

            renderer = entry.renderer(size, background)
            pictures = [renderer.frame(controls)]
            if kind == "pair.png":  # the person as in the photo, seen from the same side
                view = {name: getattr(controls, name) for name in ("yaw", "pitch", "roll", "zoom")}
                pictures.insert(0, renderer.frame(Controls(**view)))
            picture = draw_mark(np.concatenate(pictures, axis=1), self.mark)
            return Response(encode_picture(picture, ".png"), media_type="image/png", headers=SYNTHETIC_HEADERS)
        if kind not in SAVED_KINDS:
            raise PerseError(f"There is no file of the kind {kind[:40]!r}: choose one of picture.png, pair.png, {', '.join(SAVED_KINDS)}.")
        path = self.visits.path(entry.visit, kind)
        try:
            if kind == "avatar.safetensors":
                self.engine.pipeline.save(entry.avatar, path, surroundings="blurred")
            else:
                self.engine.pipeline.export(entry.avatar, controls, path)
            return Response(path.read_bytes(), media_type="application/octet-stream", headers=SYNTHETIC_HEADERS)
        finally:
            path.unlink(missing_ok=True)
            path.parent.rmdir()

    def _info(self, entry: Entry, request: Request, controls: Controls) -> Response:
        from ..rig.expressions import COMPOSITES

        info = self.engine.pipeline.info(entry.avatar)
        still = entry.shared and EXAMPLES[entry.name].stills_path.is_file()
        return JSONResponse(
            info
            | {
                "still": {"name": entry.name, "path": f"still/{entry.name}", "yaws": STILL_YAWS} if still else None,
                "name": person(entry),
                "composites": list(COMPOSITES),
                "faces": QUICK_FACES,
                "neutralises": entry.avatar.rig.neutral.does_something,
                "motions": {name: {"label": p.label, "help": p.help, "seconds": p.seconds} for name, p in PRESETS.items()},
            },
            headers=FRESH_HEADERS,
        )

    def _random(self, entry: Entry, request: Request, controls: Controls) -> Response:
        avatar = entry.avatar
        seed, name = _integer(request, "seed", 0, *SEEDS), request.query_params.get("category", "")
        limits = avatar.report.build.get("limits", {})
        if not name:
            drawn = random_look(list(avatar.space.categories.values()), seed, limits)
        elif name in avatar.space.categories:
            drawn = Controls(attributes=sample(avatar.space.categories[name], np.random.default_rng(seed), limits))
        else:
            raise PerseError("Unknown category: `info` lists the categories of this avatar.")
        return Response(drawn.to_json(), media_type="application/json", headers=FRESH_HEADERS)

    async def _file(self, request: Request) -> Response:
        try:
            path = self.visits.file(request.path_params["token"])
        except PerseError as error:
            return refusal(404, error)
        return PassingFile(path, SYNTHETIC_HEADERS)

    async def _still(self, request: Request) -> Response:
        example = EXAMPLES.get(request.path_params["example"])
        if example is None or not example.stills_path.is_file():
            return refusal(404, "There is no such example.")
        return FileResponse(example.stills_path, headers={"X-Content-Synthetic": "true", "Cache-Control": "public, max-age=86400"})

    async def _words(self, request: Request) -> Response:
        try:
            told = read(request.path_params["language"])
        except KeyError:
            return refusal(404, "The page does not speak this language.")
        return JSONResponse(told, headers={"Cache-Control": "public, max-age=3600"})


class VisitRoutes:
    """The visit of a tab, by its secret.

    POST /perse/visit           body: a secret or nothing -> {"visit": secret, "resumed": bool}
    GET  /perse/state           header VISIT_HEADER, ?page=&found=&film= -> `Desk.state`; also the page's sign of life
    POST /perse/leave           body: a secret and the page's own name; that page is being left (a beacon has no headers)
    POST /perse/face            header VISIT_HEADER, body: a number; take that face of the photo
    POST /perse/end             header VISIT_HEADER: delete everything now
    GET  /perse/health          for the owner: version, memory, lines, counts; nothing personal
    """

    def __init__(self, desk: Desk, pool: FairPool):
        self.desk, self.visits, self.pool, self.started = desk, desk.visits, pool, time.monotonic()

    def routes(self) -> list[Route]:
        """Starlette routes, to be put before Gradio's own."""
        return [
            Route("/perse/visit", self._visit, methods=["POST"]),
            Route("/perse/state", self._state, methods=["GET"]),
            Route("/perse/leave", self._leave, methods=["POST"]),
            Route("/perse/face", self._face, methods=["POST"]),
            Route("/perse/end", self._end, methods=["POST"]),
            Route("/perse/health", self._health, methods=["GET"]),
        ]

    async def _visit(self, request: Request) -> Response:
        key = ""
        try:
            key = await body_text(request, "")
            return JSONResponse({"visit": self.visits.visit(key).key, "resumed": True}, headers=FRESH_HEADERS)
        except (PerseError, ClientDisconnect):
            pass
        try:
            visit = self.visits.open(address_in(request))
        except PerseError as error:
            return refusal(503, error)
        if key:
            visit.message = ENDED
        return JSONResponse({"visit": visit.key, "resumed": False}, headers=FRESH_HEADERS)

    async def _state(self, request: Request) -> Response:
        try:
            visit = self.visits.visit(request.headers.get(VISIT_HEADER), request.query_params.get("page", "")[:32])
        except PerseError as error:
            return refusal(404, error)
        state = await asyncio.to_thread(self.desk.state, visit, dict(request.query_params))
        return JSONResponse(state, headers=FRESH_HEADERS)

    async def _leave(self, request: Request) -> Response:
        try:
            self.visits.leave(*(await body_text(request, "")).split()[:2])
        except (PerseError, ClientDisconnect):
            pass
        return Response(status_code=204)

    async def _face(self, request: Request) -> Response:
        try:
            visit, text = self.visits.visit(request.headers.get(VISIT_HEADER)), await body_text(request, "")
            self.desk.take_face(visit, int(text) if re.fullmatch("[0-9]{1,3}", text) else 0)
        except (PerseError, ClientDisconnect) as error:
            return refusal(400, error)
        return Response(status_code=204)

    async def _end(self, request: Request) -> Response:
        try:
            await asyncio.to_thread(self.visits.close, self.visits.visit(request.headers.get(VISIT_HEADER)))
        except PerseError as error:
            return refusal(404, error)
        return Response(status_code=204)

    async def _health(self, request: Request) -> Response:
        avatars, held = self.visits.held()
        resident = psutil.Process().memory_info().rss
        return JSONResponse(
            {
                "version": __version__,
                "up_seconds": round(time.monotonic() - self.started),
                "memory_mb": resident >> 20,
                "warming_seconds": round(self.desk.engine.left(BUILD)),
                "visits": self.visits.count(),
                "avatars": avatars,
                "held_mb": held >> 20,
                "frames": {"waiting": self.pool.waiting(), "refused": self.pool.refused},
                "lines": {name: getattr(self.desk, name).lengths() for name in ("looking", "building", "filming")},
            },
            headers=FRESH_HEADERS,
        )


def refusal(status: int, error: object) -> Response:
    """A sentence for people, as the page's scripts expect it."""
    return JSONResponse({"error": str(error)}, status, headers=FRESH_HEADERS)


def still_warming(seconds: float) -> Response:
    """The answer of a server that still compiles, and will for about so many seconds: the page asks again."""
    told = {"error": f"{WARMING}: please wait about {seconds:.0f} seconds.", "warming": round(seconds, 1)}
    return JSONResponse(told, 202, headers=FRESH_HEADERS)


async def body_text(request: Request, empty: str, what: str = "These controls are") -> str:
    """A request's body as text, `empty` if there is none; PerseError if it is too long or no text. what: how that sentence begins."""
    body, held = bytearray(), 0
    async for chunk in request.stream():
        held += len(chunk)
        if held <= LONGEST_CONTROLS:
            body += chunk
        elif held > MAX_DRAINED:
            break
    if held > LONGEST_CONTROLS:
        raise PerseError(f"{what} longer than {LONGEST_CONTROLS:,} bytes.")
    try:
        return body.decode() or empty
    except UnicodeDecodeError:
        raise PerseError(f"{what} not valid JSON.") from None


def _integer(request: Request, name: str, default: int, low: int, high: int) -> int:
    text = request.query_params.get(name, str(default))
    if not re.fullmatch("[0-9]{1,10}", text) or not low <= int(text) <= high:
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


def _still_background(request: Request) -> str:
    background = request.query_params.get("background", "grey")
    if background == "transparent":
        raise PerseError("The live picture is never transparent: save a transparent PNG instead.")
    return background


def _jpeg(picture: np.ndarray) -> Response:
    from ..render.picture import encode_picture

    return Response(encode_picture(picture, ".jpg"), media_type="image/jpeg", headers=SYNTHETIC_HEADERS)
