"""The direct route of "Mirror me". Pictures of a camera pass through memory; nothing of them is kept or logged."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..errors import PerseError
from ..media.pictures import MAX_BYTES, UNREADABLE
from .brought import CAMERA
from .desk import Desk
from .engine import BUILD
from .failures import note_failure
from .fair_pool import Busy, FairPool
from .material import allowed
from .mirror import TWICE, Mirror
from .mirrors import Mirrors
from .one_visit import Visit
from .routes import FRESH_HEADERS, VISIT_HEADER, refusal, still_warming


class MirrorRoutes:
    """POST /perse/mirror/{avatar}   header VISIT_HEADER; ?straight=1: the head looks straight ahead; body: a JPEG as `media.pictures` says,
                                     or nothing, which switches it off -> what `Mirror.see` says, as JSON

    429 while the picture before is looked at, 503 when many are: the page waits a little. A picture takes its turn among all previews.
    """

    def __init__(self, desk: Desk, pool: FairPool):
        self.desk, self.pool, self.mirrors = desk, pool, Mirrors()

    def routes(self) -> list[Route]:
        """Starlette routes, to be put before Gradio's own."""
        return [Route("/perse/mirror/{token}", self._mirror, methods=["POST"])]

    async def _mirror(self, request: Request) -> Response:
        try:
            visit = self.desk.visits.visit(request.headers.get(VISIT_HEADER))
            entry = self.desk.own_avatar(visit, request.path_params["token"])
        except PerseError as error:
            return refusal(404, error)
        try:
            picture = await _body(request)
            if not picture:
                await asyncio.to_thread(self.mirrors.off, visit)
                return Response(status_code=204)
            allowed(visit, CAMERA)
            if not self.desk.engine.ready(BUILD):  # its kernels are among those that a build needs
                return still_warming(self.desk.engine.left(BUILD))
            mirror = await asyncio.to_thread(self.mirrors.of, visit, entry.avatar)
            if not mirror.take():
                return refusal(429, TWICE)
            see = partial(mirror.see, picture, time.monotonic(), request.query_params.get("straight") == "1")
            told = await asyncio.wrap_future(self._submitted(visit, mirror, see))
            return JSONResponse(told, headers=FRESH_HEADERS)
        except PerseError as error:
            return refusal(400, error)
        except Busy:
            return refusal(503, "Many people are here right now: your face is followed again in a moment.")
        except ClientDisconnect:
            return refusal(400, "The request broke off.")
        except Exception as error:  # noqa: BLE001  (whatever it is, the page can go on)
            return refusal(500, note_failure(error))

    def _submitted(self, visit: Visit, mirror: Mirror, see: Callable[[], dict]) -> Future:
        try:
            future = self.pool.submit(visit.who, see)
        except BaseException:
            mirror.drop()
            raise
        future.add_done_callback(lambda done: mirror.drop() if done.cancelled() else None)
        return future


async def _body(request: Request) -> bytes:
    """A picture's bytes; PerseError if there are more than a picture has."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BYTES:
            raise PerseError(UNREADABLE)
    return bytes(body)
