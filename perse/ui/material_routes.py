"""The direct routes of what moves an avatar: what a visitor brings, and speech, or a clip that is followed, before it is rendered. Nothing that
is typed is kept or logged."""

import asyncio
import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from ..controls import Controls
from ..errors import PerseError
from ..live.curves import FPS, curves
from ..motion.length import ON_PAGE
from ..motion.motion import Motion
from .desk import Desk
from .engine import AVATAR, BUILD
from .failures import note_failure
from .film_plan import film_plan
from .jobs import Job
from .one_visit import Visit
from .routes import SYNTHETIC_HEADERS, VISIT_HEADER, body_text, refusal
from .waiting_line import Line
from .ways import FOLLOW, SPEAK, read_way

if TYPE_CHECKING:
    from ..avatar.avatar import Avatar

SMALLEST = (1, 1)  # nothing is rendered: only the seconds limit what is followed
SPEAKING, FOLLOWING = 60.0, 240.0  # seconds after which making speech, and finding the faces of a clip, are stopped
TICK = 0.05  # seconds between two looks whether it is made


class MaterialRoutes:
    """Routes over a desk; all want the visit's secret in the header VISIT_HEADER.

    POST /perse/bring/{kind}    body: path of an upload, or nothing: what was brought is deleted. kind: recording or clip
    POST /perse/allow/{kind}    body: "yes" or nothing: this is me, or I have the person's permission
    POST /perse/speech/{avatar} body: a way to speak, as `read_way` reads it -> for the live head, its curves and its sound: four bytes that
                                say how long the JSON is, least first; JSON as of /perse/moments; WAV, none of what is silent
    POST /perse/follow/{avatar} body: a way to follow; ?region=&strength=&absolute=1 as of `Choices` -> the same of the clip that was brought
    """

    def __init__(self, desk: Desk):
        self.desk = desk
        self.speaking, self.following = Line(length=16, usual=3.0), Line(length=8, usual=15.0)

    def routes(self) -> list[Route]:
        """Starlette routes, to be put before Gradio's own."""
        return [
            Route("/perse/bring/{kind}", self._answer(self._bring), methods=["POST"]),
            Route("/perse/allow/{kind}", self._answer(self._allow), methods=["POST"]),
            Route("/perse/speech/{token}", self._answer(self._speech), methods=["POST"]),
            Route("/perse/follow/{token}", self._answer(self._follow), methods=["POST"]),
        ]

    def _answer(self, act):
        """An endpoint that runs `act(visit, request, text)`, and turns errors into sentences."""

        async def endpoint(request: Request) -> Response:
            try:
                visit = self.desk.visits.visit(request.headers.get(VISIT_HEADER))
            except PerseError as error:
                return refusal(404, error)
            try:
                return await act(visit, request, await body_text(request, "", "This text is"))
            except PerseError as error:
                return refusal(400, error)
            except ClientDisconnect:
                return refusal(400, "The request broke off.")
            except Exception as error:  # noqa: BLE001  (whatever it is, the page can go on)
                return refusal(500, note_failure(error))

        return endpoint

    async def _bring(self, visit: Visit, request: Request, text: str) -> Response:
        await asyncio.to_thread(self.desk.material.take, visit, request.path_params["kind"], text)
        return Response(status_code=204)

    async def _allow(self, visit: Visit, request: Request, text: str) -> Response:
        self.desk.material.agree(visit, request.path_params["kind"], text == "yes")
        return Response(status_code=204)

    async def _speech(self, visit: Visit, request: Request, text: str) -> Response:
        entry, way = self.desk.own_avatar(visit, request.path_params["token"]), read_way(text)
        if way.kind != SPEAK:
            raise PerseError("Please type what your avatar shall say.")
        own = self.desk.own_material(visit, way)

        def make(cancelled) -> Motion:
            from ..motion.speech.asked import spoken_motion

            self.desk.engine.wait(AVATAR, lambda seconds: None, cancelled)
            say = None if own else way.say
            voice = way.voice if say else ""
            return spoken_motion(entry.avatar, say, voice, own, ON_PAGE.seconds, Controls(), FPS, way.manner, cancelled)

        return await self._played(visit, request, entry.avatar, make, self.speaking, SPEAKING)

    async def _follow(self, visit: Visit, request: Request, text: str) -> Response:
        entry, way, query = self.desk.own_avatar(visit, request.path_params["token"]), read_way(text), request.query_params
        if way.kind != FOLLOW:
            raise PerseError("Please choose a clip or a photo to follow first.")
        try:
            strength = float(query.get("strength", 1.0))
        except ValueError:
            raise PerseError("How strongly a clip is followed must be a number.") from None
        taken = query.get("region", "all"), strength, query.get("absolute") == "1"
        own = self.desk.own_material(visit, way)
        plan = film_plan(entry.avatar, way, own, "", 0.0, FPS, SMALLEST, *taken)

        def make(cancelled) -> Motion:
            def wait() -> None:
                self.desk.engine.wait(BUILD, lambda seconds: None, cancelled)  # its kernels are among those that a build needs

            return plan.made(entry.avatar, Controls(), wait, lambda *told: None, cancelled)

        return await self._played(visit, request, entry.avatar, make, self.following, FOLLOWING)

    async def _played(
        self, visit: Visit, request: Request, avatar: "Avatar", make: Callable[..., Motion], line: Line, deadline: float
    ) -> Response:
        """What `make(cancelled)` moves, for the live head; it is stopped if nobody waits for it any more."""

        def work(report, cancelled) -> bytes:
            motion = make(cancelled)
            sound = b"" if motion.sound is None else motion.sound.wav()
            told = {"fps": FPS, "sweeps": False, "sound": bool(sound), "notes": motion.notes, **curves(motion, avatar)}
            head = json.dumps(told, separators=(",", ":")).encode()
            return len(head).to_bytes(4, "little") + head + sound

        job = Job(work, line, visit.who, deadline).start()
        try:
            while not job.over and not await request.is_disconnected():
                await asyncio.sleep(TICK)
        finally:
            job.cancel()
        if not job.result:
            raise PerseError(job.error or "The request broke off.")
        return Response(job.result, media_type="application/octet-stream", headers=SYNTHETIC_HEADERS)
