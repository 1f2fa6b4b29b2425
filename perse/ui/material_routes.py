"""The direct routes of what moves an avatar: what a visitor brings, and a voice to listen to. Nothing that is typed is kept or logged."""

import asyncio
import json

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from ..errors import PerseError
from ..motion.length import ON_PAGE
from .desk import Desk
from .failures import note_failure
from .jobs import Job
from .routes import SYNTHETIC_HEADERS, VISIT_HEADER, body_text, refusal
from .visits import Visit
from .waiting_line import Line

LISTENING = 60.0  # seconds after which making a sound is stopped
TICK = 0.05  # seconds between two looks whether it is made


class MaterialRoutes:
    """Routes over a desk; all want the visit's secret in the header VISIT_HEADER.

    POST /perse/bring/{kind}    body: path of an upload, or nothing: what was brought is deleted. kind: recording or clip
    POST /perse/allow/{kind}    body: "yes" or nothing: this is me, or I have the person's permission
    POST /perse/listen          body: {"say": text, "voice": name} -> WAV
    """

    def __init__(self, desk: Desk):
        self.desk, self.line = desk, Line(length=16, usual=3.0)

    def routes(self) -> list[Route]:
        """Starlette routes, to be put before Gradio's own."""
        return [
            Route("/perse/bring/{kind}", self._answer(self._bring), methods=["POST"]),
            Route("/perse/allow/{kind}", self._answer(self._allow), methods=["POST"]),
            Route("/perse/listen", self._answer(self._listen), methods=["POST"]),
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

    async def _listen(self, visit: Visit, request: Request, text: str) -> Response:
        say, voice = _asked(text)

        def work(report, cancelled) -> bytes:
            from ..motion.speech.asked import speech_asked

            return speech_asked(say, voice, None, ON_PAGE.seconds, cancelled).sound.wav()

        job = Job(work, self.line, visit.who, LISTENING).start()
        try:
            while not job.over and not await request.is_disconnected():
                await asyncio.sleep(TICK)
        finally:
            job.cancel()  # if nobody waits any more
        if job.result is None:
            raise PerseError(job.error or "The request broke off.")
        return Response(job.result, media_type="audio/wav", headers=SYNTHETIC_HEADERS)


def _asked(text: str) -> tuple[str, str]:
    try:
        told = json.loads(text)
        say, voice = told["say"], told.get("voice", "")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise PerseError("Please type what your avatar shall say.") from None
    return say, voice
