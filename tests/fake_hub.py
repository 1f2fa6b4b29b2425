"""A Hub of our own on loopback: the routes that huggingface-hub uses to download, and the ways in which they go wrong."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

from perse.pretrained import File, Pretrained


class FakeHub:
    """Serves repositories from memory, as a context manager.

    Set from outside while it runs: `status` and `code` (every answer is this refusal, as the Hub marks it in X-Error-Code),
    `cut` (so many connections break in the middle of a file), `damage` (a path whose bytes arrive changed), `token` (needed, if set).
    `asked` lists (method, path, Range header) of every request.
    """

    def __init__(self):
        self.repos: dict[tuple[str, str], dict[str, bytes]] = {}
        self.plain: dict[str, bytes] = {}  # files that are no repository's, by their path
        self.status, self.code, self.cut, self.damage, self.token = 200, "", 0, "", ""
        self.asked: list[tuple[str, str, str | None]] = []

    def add(self, name: str, repo: str, files: dict[str, bytes], revision: str = "0123456789abcdef" * 2 + "01234567") -> Pretrained:
        """Serve a repository; its row as the table would have it."""
        self.repos[repo, revision] = files
        rows = tuple(File(path, len(data), hashlib.sha256(data).hexdigest()) for path, data in files.items())
        return Pretrained(name, repo, revision, rows, licence="CC0", purpose="a test", used_by="tests")

    def __enter__(self):
        hub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_HEAD(self):
                hub._answer(self, body=False)

            def do_GET(self):
                hub._answer(self, body=True)

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def downloads(self) -> list[str]:
        """Paths of the files that were asked for with GET."""
        return [path.split("/resolve/")[1].split("/", 1)[1] for method, path, _ in self.asked if method == "GET" and "/resolve/" in path]

    def _answer(self, handler: BaseHTTPRequestHandler, body: bool) -> None:
        path = unquote(urlsplit(handler.path).path).strip("/")
        if path in self.plain:
            self.asked.append((handler.command, path, handler.headers.get("Range")))
            if self.status != 200:
                return self._send(handler, self.status, b"{}", body, {})
            return self._file(handler, "", path, self.plain[path], body)
        if not path.startswith("api/models/") and "/resolve/" not in path:  # the library asks for other things now and then
            return self._send(handler, 404, b"{}", body, {})
        self.asked.append((handler.command, path, handler.headers.get("Range")))
        if self.status != 200:
            return self._send(handler, self.status, b"{}", body, {"X-Error-Code": self.code})
        if self.token and handler.headers.get("Authorization") != f"Bearer {self.token}":
            return self._send(handler, 401, b"{}", body, {"X-Error-Code": "GatedRepo"})
        if path.startswith("api/models/"):
            repo, _, rest = path.removeprefix("api/models/").partition("/tree/")
            files = self.repos.get((repo, rest.split("/")[0]))
            if files is None:
                return self._send(handler, 404, b"{}", body, {"X-Error-Code": "RevisionNotFound"})
            return self._send(handler, 200, json.dumps([self._row(name, data) for name, data in files.items()]).encode(), body, {})
        repo, _, rest = path.partition("/resolve/")
        revision, _, name = rest.partition("/")
        if repo not in {known for known, _ in self.repos}:
            return self._send(handler, 401, b"{}", body, {"X-Error-Code": "RepoNotFound"})
        files = self.repos.get((repo, revision))
        if files is None:
            return self._send(handler, 404, b"{}", body, {"X-Error-Code": "RevisionNotFound"})
        if name not in files:
            return self._send(handler, 404, b"{}", body, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": revision})
        return self._file(handler, revision, name, files[name], body)

    def _file(self, handler, revision: str, name: str, data: bytes, body: bool) -> None:
        etag = hashlib.sha256(data).hexdigest()
        headers = {
            "X-Repo-Commit": revision,
            "ETag": f'"{etag}"',
            "X-Linked-ETag": f'"{etag}"',
            "X-Linked-Size": str(len(data)),
            "Accept-Ranges": "bytes",
        }
        if name == self.damage:
            data = bytes(255 - byte for byte in data)
        status, start = 200, 0
        if wanted := handler.headers.get("Range"):
            start = int(wanted.removeprefix("bytes=").split("-")[0])
            status, headers["Content-Range"] = 206, f"bytes {start}-{len(data) - 1}/{len(data)}"
        if body and self.cut > 0 and len(data) > 1000:
            self.cut -= 1
            handler.send_response(status)
            for key, value in (headers | {"Content-Length": str(len(data) - start)}).items():
                handler.send_header(key, value)
            handler.end_headers()
            handler.wfile.write(data[start : start + (len(data) - start) // 2])
            handler.close_connection = True
            return
        self._send(handler, status, data[start:], body, headers)

    def _row(self, path: str, data: bytes) -> dict:
        digest = hashlib.sha256(data).hexdigest()
        row = {"type": "file", "path": path, "size": len(data), "oid": hashlib.sha1(data).hexdigest()}
        return row | ({"lfs": {"oid": digest, "size": len(data), "pointerSize": 130}} if len(data) > 1000 else {})

    def _send(self, handler, status: int, data: bytes, body: bool, headers: dict[str, str]) -> None:
        handler.send_response(status)
        for key, value in ({"Content-Type": "application/json", "Content-Length": str(len(data))} | headers).items():
            if value:
                handler.send_header(key, value)
        handler.end_headers()
        if body:
            handler.wfile.write(data)
