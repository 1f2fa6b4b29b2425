"""What may be asked of the server at all: the page's routes and the API's, in bounded requests. Everything else is refused.

Gradio serves more than this page needs: a proxy for addresses that a stranger names, recordings, deep links, monitoring, an editor.
"""

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..errors import PerseError
from .failures import note_failure

READ_PATHS = re.compile(
    r"/|/config/?|(/gradio_api)?/theme\.css|/(assets|static|svelte)/[^?]*|/favicon\.ico|/robots\.txt|/manifest\.json|/pwa_icon(/\d+)?"
    r"|/gradio_api/(info/?|openapi\.json|app_id/?|startup-events|upload_progress|queue/data|call/\w+/\w+|heartbeat/\w+|file=.*|mcp/.*)"
    r"|/perse/.*"
)
WRITE_PATHS = re.compile(r"/gradio_api/(run/\w+/?|api/\w+/?|call/(v2/)?\w+/?|queue/join|cancel|reset/?|upload|mcp/.*)|/perse/.*")
MAX_JSON = 262_144  # bytes of a call; a full Controls has 30,000
MAX_MCP = 4_194_304  # bytes of a tool's call, which may hold a photo as a data URI: what the protocol's library takes
MAX_FILES = 4  # files in a call; ours have one
MAX_UPLOAD = 200_000_000  # bytes of a file; a photo is held to less when it is read
MAX_DEPTH = 32  # of nested JSON; ours has five


class Guard:
    """ASGI middleware: an allow-list of paths, limits on bodies, no address and no path of a stranger's choice in a call.

    Args:
        app: what it guards.
        owns: raises PerseError for a path that is no upload.
    """

    def __init__(self, app: ASGIApp, owns: Callable[[str], Any]):
        self.app, self.owns = app, owns

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":  # nothing here speaks it
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path, root = self._asked(scope), _root(scope)
        if path is None:
            await _refuse(scope, receive, send, 404, "There is nothing here.")
            return
        await self._safely(path, {**scope, "path": root + path, "root_path": root}, receive, send)

    @staticmethod
    def _asked(scope: Scope) -> str | None:
        """The path within this page, whether or not a proxy in front has taken off the page's own (GRADIO_ROOT_PATH), which may have the name
        of one of its routes; None if there is nothing."""
        method, path, root = scope["method"], scope["path"], _root(scope)
        inner = path[len(root) :] or "/" if root and (path + "/").startswith(root + "/") else path
        for asked in dict.fromkeys((inner, path)):
            allowed = READ_PATHS if method in ("GET", "HEAD", "OPTIONS") else WRITE_PATHS if method == "POST" else None
            if method == "DELETE" and asked.startswith("/gradio_api/mcp/"):  # the end of a tool's session
                allowed = WRITE_PATHS
            if allowed is not None and allowed.fullmatch(asked):
                return asked
        return None

    async def _checked(self, path: str, scope: Scope, receive: Receive) -> Receive:
        if path.startswith("/gradio_api/file="):
            self._own_file(unquote(path.partition("=")[2]))
        if scope["method"] == "POST" and not path.startswith("/perse/"):
            length = dict(scope["headers"]).get(b"content-length", b"0")
            return await self._bounded(path, receive, int(length) if length.isdigit() and len(length) < 16 else 0)
        return receive

    async def _safely(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        """The app; what nobody foresaw, a file that went while it was sent, say, is one sentence here and a line without names in the log."""
        noted = NotedSend(send)
        try:
            await self.app(scope, await self._checked(path, scope, receive), noted)
        except PerseError as error:
            await _refuse(scope, receive, send, 403, str(error))
        except TooLong as error:
            await _refuse(scope, receive, send, 413, str(error))
        except ClientDisconnect:  # by itself, or by `_counted`
            if not noted.started:
                await _refuse(scope, receive, send, 413, "The call broke off, or was too long.")
        except Exception as error:  # noqa: BLE001
            sentence = note_failure(error)
            if not noted.started:
                await _refuse(scope, receive, send, 500, sentence)

    def _own_file(self, path: str) -> None:
        if "\0" in path or len(path) > 1024:
            raise PerseError("This is not a file of this page.")
        self.owns(path)

    async def _bounded(self, path: str, receive: Receive, declared: int) -> Receive:
        """A `receive` whose body is no longer than it may be, whatever length was declared; a call's is read and looked through here."""
        limit = MAX_UPLOAD if path == "/gradio_api/upload" else MAX_MCP if path.startswith("/gradio_api/mcp/") else MAX_JSON
        if declared > limit:
            raise TooLong(f"This is too long: at most {limit:,} bytes are taken here.")
        if limit != MAX_JSON:
            return _counted(receive, limit)
        body = bytearray()
        while True:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > limit:
                raise TooLong(f"This is too long: at most {limit:,} bytes are taken here.")
            if message["type"] != "http.request" or not message.get("more_body"):
                break
        if message["type"] == "http.request" and body:
            self._look_through(_parsed(bytes(body)))
        sent = False

        async def again() -> Message:
            nonlocal sent
            if sent or message["type"] != "http.request":
                return await receive() if message["type"] == "http.request" else message
            sent = True
            return {"type": "http.request", "body": bytes(body), "more_body": False}

        return again

    def _look_through(self, value: Any) -> None:
        """A file in a call must be one that was uploaded here."""
        todo, files = [(value, 0)], 0
        while todo:
            item, depth = todo.pop()
            files += isinstance(item, dict) and "path" in item
            if files > MAX_FILES:
                raise PerseError("This call names too many files.")
            if depth > MAX_DEPTH:
                raise PerseError("This call is nested too deeply.")
            if isinstance(item, dict):
                if "path" in item:
                    if not isinstance(item["path"], str):
                        raise PerseError("A file is named by its path: please upload it first.")
                    self._own_file(item["path"])
                todo += [(v, depth + 1) for v in item.values()]
            elif isinstance(item, list):
                todo += [(v, depth + 1) for v in item]


class NotedSend:
    """A `send` that remembers whether an answer has begun: then there is no other to be given."""

    def __init__(self, send: Send):
        self.send, self.started = send, False

    async def __call__(self, message: Message) -> None:
        self.started = True
        await self.send(message)


class TooLong(Exception):
    """A body is longer than it may be."""


def _root(scope: Scope) -> str:
    """The page's own path at its host, of GRADIO_ROOT_PATH, which may be a whole address; empty if it has none."""
    return urlsplit(scope.get("root_path", "")).path.rstrip("/")


def _parsed(body: bytes) -> Any:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise PerseError("This call is not valid JSON.") from None
    if not isinstance(value, dict):
        raise PerseError("A call must be a JSON object.")
    return value


def _counted(receive: Receive, limit: int) -> Receive:
    """The same messages; a body that grows beyond the limit ends as if its sender had gone."""
    held = 0

    async def counted() -> Message:
        nonlocal held
        message = await receive()
        held += len(message.get("body", b""))
        return message if held <= limit else {"type": "http.disconnect"}

    return counted


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, sentence: str) -> None:
    await JSONResponse({"error": sentence, "detail": sentence}, status)(scope, receive, send)
