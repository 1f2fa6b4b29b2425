"""Uploads: straight into the visitor's own folder, within bounds, and nothing stays behind of one that breaks off."""

import asyncio
import json
import mimetypes
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from ..errors import PerseError
from .client_address import address_in
from .guard import MAX_UPLOAD, NotedSend
from .visits import Visits, plain_name

AT_ONCE, AT_ONCE_EACH = 32, 16  # uploads at once, of all and of one address
LONGEST = 900.0  # that one may take: the largest file at 2 Mbit/s
KEPT_FREE = 1_000_000_000  # bytes that stay free on the disk: five of the largest files


class Uploads:
    """Gradio's routes for files, in our own way.

    POST /gradio_api/upload             multipart, one file -> [path]
    GET  /gradio_api/upload_progress    ?upload_id= -> server-sent events
    GET  /gradio_api/file=…             an upload, or a result of the API, as long as it is there
    """

    def __init__(self, visits: Visits):
        self.visits = visits
        self._from: Counter[str] = Counter()
        self._coming = 0  # bytes of the uploads that are under way
        self._progress: dict[str, asyncio.Queue] = {}

    def routes(self) -> list[Route]:
        """Starlette routes, to be put before Gradio's own."""
        return [
            Route("/gradio_api/upload", self._upload, methods=["POST"]),
            Route("/gradio_api/upload_progress", self._watch, methods=["GET"]),
            Route("/gradio_api/file={path:path}", self._serve, methods=["GET"]),
        ]

    async def _upload(self, request: Request) -> Response:
        address = address_in(request)
        upload = request.query_params.get("upload_id", "")[:64]
        if self._from.total() >= AT_ONCE or self._from[address] >= AT_ONCE_EACH:
            return _told(503, "Many files are being uploaded right now: please try again in a moment.")
        declared = request.headers.get("content-length", "")
        length = int(declared) if declared.isdigit() and len(declared) < 16 else MAX_UPLOAD
        # Twice: as it comes, in the system's folder for such files, and as it is kept.
        if min(shutil.disk_usage(p).free for p in (self.visits.root, tempfile.gettempdir())) < KEPT_FREE + 2 * (self._coming + length):
            return _told(507, "The server's disk is full: please try again in a while.")
        self._from[address] += 1
        self._coming += length
        if upload and len(self._progress) < 4 * AT_ONCE:
            self._progress.setdefault(upload, asyncio.Queue())
        try:
            return await asyncio.wait_for(self._stored(request, upload), LONGEST)
        except PerseError as error:
            return _told(400, str(error))
        except TimeoutError:
            return _told(408, "This upload took too long: please try again with a smaller file.")
        except ClientDisconnect:  # by itself, or told to for its length
            return _told(413, f"The upload broke off, or the file has more than {MAX_UPLOAD // 1_000_000} MB.")
        except MultiPartException:
            return _told(400, "This is not an upload that can be read: please choose the file again.")
        except OSError:
            return _told(507, "The file could not be stored: please try again in a while.")
        finally:
            self._from[address] -= 1
            self._coming -= length
            if not self._from[address]:
                del self._from[address]
            self._news(upload, None)
            asyncio.get_running_loop().call_later(10.0, self._progress.pop, upload, None)  # who watches has it by then

    async def _stored(self, request: Request, upload: str) -> Response:
        visit = None
        if key := request.headers.get("x-perse-visit"):
            visit = self.visits.visit(key)

        def arrived(name: str, size: int) -> None:
            self._news(upload, {"msg": "update", "orig_name": name, "chunk_size": size})

        parser = _WatchedParser(arrived, request.headers, request.stream(), max_files=1, max_fields=8)
        form = await parser.parse()  # into a file without a name: it is gone when it is closed, or its process is
        try:
            file = next((f for f in form.getlist("files") if not isinstance(f, str)), None)
            if file is None:
                raise PerseError("There is no file in this upload: please choose one.")
            path = self.visits.path(visit, plain_name(file.filename or ""))
            try:
                with open(path, "xb") as out:
                    await asyncio.to_thread(shutil.copyfileobj, file.file, out, 1 << 20)
            except BaseException:
                shutil.rmtree(path.parent, ignore_errors=True)
                raise
        finally:
            await form.close()
        return JSONResponse([str(path)])

    def _news(self, upload: str, message: dict | None) -> None:
        if (queue := self._progress.get(upload)) is not None and queue.qsize() < 1000:
            queue.put_nowait(message)

    async def _watch(self, request: Request) -> Response:
        upload = request.query_params.get("upload_id", "")[:64]

        async def events() -> AsyncIterator[str]:
            for _ in range(60):  # the upload itself may come a little later
                if upload in self._progress:
                    break
                await asyncio.sleep(0.05)
            queue = self._progress.get(upload)
            try:
                while queue is not None and (message := await asyncio.wait_for(queue.get(), LONGEST)) is not None:
                    yield f"data: {json.dumps(message)}\n\n"
            except TimeoutError:
                pass
            yield 'data: {"msg": "done"}\n\n'

        return StreamingResponse(events(), media_type="text/event-stream", headers={"Cache-Control": "no-store"})

    async def _serve(self, request: Request) -> Response:
        try:
            return PassingFile(self.visits.owns(request.path_params["path"]))
        except PerseError as error:
            return _told(404, str(error))


class PassingFile(FileResponse):
    """A file that may be deleted at any moment: then it was not there. What a stranger uploaded is never shown as a page."""

    def __init__(self, path: Path, headers: dict[str, str] | None = None):
        kind = mimetypes.guess_type(path.name)[0] or ""
        shown = kind.startswith(("image/", "video/", "audio/")) and kind != "image/svg+xml"
        super().__init__(
            path,
            media_type=kind if shown else "application/octet-stream",
            filename=path.name,
            content_disposition_type="inline" if shown else "attachment",
            headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"} | (headers or {}),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        noted = NotedSend(send)
        try:
            await super().__call__(scope, receive, noted)
        except (RuntimeError, OSError):  # Starlette's words for a file that is gone
            if not noted.started:
                await _told(404, "This file is no longer here: please make it again.")(scope, receive, send)


class _WatchedParser(MultiPartParser):
    """Calls `arrived(name, bytes)` for each part of a file that has come."""

    def __init__(self, arrived: Callable[[str, int], None], *args, **options):
        super().__init__(*args, **options)
        self.arrived = arrived

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        super().on_part_data(data, start, end)
        if (file := self._current_part.file) is not None:
            self.arrived(plain_name(file.filename or ""), end - start)


def _told(status: int, sentence: str) -> Response:
    return JSONResponse({"error": sentence, "detail": sentence}, status)
