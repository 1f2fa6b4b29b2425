"""The direct routes of what moves an avatar: what a visitor brings, and speech before it is rendered. Nothing that is typed is kept or logged."""

import asyncio
import json

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from ..controls import Controls
from ..errors import PerseError
from ..motion.length import ON_PAGE
from .desk import Desk
from .engine import AVATAR
from .failures import note_failure
from .jobs import Job
from .routes import SYNTHETIC_HEADERS, VISIT_HEADER, body_text, refusal
from .visits import Visit
from .waiting_line import Line
from .ways import SPEAK, read_way

SPEAKING = 60.0  # seconds after which making speech is stopped
TICK = 0.05  # seconds between two looks whether it is made


class MaterialRoutes:
    """Routes over a desk; all want the visit's secret in the header VISIT_HEADER.

    POST /perse/bring/{kind}    body: path of an upload, or nothing: what was brought is deleted. kind: recording or clip
    POST /perse/allow/{kind}    body: "yes" or nothing: this is me, or I have the person's permission
    POST /perse/speech/{avatar} body: a way to speak, as `read_way` reads it -> for the live head, its curves and its sound: four bytes that
                                say how long the JSON is, least first; JSON as of /perse/moments; WAV
    """

    def __init__(self, desk: Desk):
        self.desk, self.line = desk, Line(length=16, usual=3.0)

    def routes(self) -> list[Route]:
        """Starlette routes, to be put before Gradio's own."""
        return [
            Route("/perse/bring/{kind}", self._answer(self._bring), methods=["POST"]),
            Route("/perse/allow/{kind}", self._answer(self._allow), methods=["POST"]),
            Route("/perse/speech/{token}", self._answer(self._speech), methods=["POST"]),
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

        def work(report, cancelled) -> bytes:
            from ..live.curves import FPS, curves
            from ..motion.speech.asked import spoken_motion

            self.desk.engine.wait(AVATAR, lambda seconds: None, cancelled)
            say = None if own else way.say
            voice = way.voice if say else ""
            motion = spoken_motion(entry.avatar, say, voice, own, ON_PAGE.seconds, Controls(), FPS, way.manner, cancelled)
            told = {"fps": FPS, "sweeps": False, "sound": True, "notes": motion.notes, **curves(motion, entry.avatar)}
            head = json.dumps(told, separators=(",", ":")).encode()
            return len(head).to_bytes(4, "little") + head + motion.sound.wav() if motion.sound is not None else b""

        job = Job(work, self.line, visit.who, SPEAKING).start()
        try:
            while not job.over and not await request.is_disconnected():
                await asyncio.sleep(TICK)
        finally:
            job.cancel()  # if nobody waits any more
        if not job.result:
            raise PerseError(job.error or "The request broke off.")
        return Response(job.result, media_type="application/octet-stream", headers=SYNTHETIC_HEADERS)
