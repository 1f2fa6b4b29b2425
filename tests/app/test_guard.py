"""What may be asked of the server at all."""

import inspect
import json
from urllib.parse import quote, urlsplit

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from perse.ui import guard
from perse.ui.guard import Guard
from perse.ui.uploads import Uploads
from perse.ui.visits import Visits


async def echo(request):
    return Response(await request.body())


@pytest.fixture
def visits(tmp_path):
    return Visits(tmp_path)


@pytest.fixture
def http(visits):
    anything = Route("/{path:path}", echo, methods=["GET", "POST", "PUT", "DELETE", "HEAD"])
    app = Starlette(routes=[*Uploads(visits).routes(), anything], middleware=[Middleware(Guard, owns=visits.owns)])
    return TestClient(app)


@pytest.mark.parametrize(
    "method, path",
    [
        ("GET", "/"),
        ("GET", "/config"),
        ("GET", "/assets/index-1.js"),
        ("GET", "/static/fonts/x.woff2"),
        ("GET", "/theme.css"),
        ("GET", "/gradio_api/info"),
        ("GET", "/gradio_api/queue/data"),
        ("POST", "/gradio_api/mcp/"),
        ("DELETE", "/gradio_api/mcp/"),
        ("GET", "/perse/health"),
        ("POST", "/perse/frame/x"),
    ],
)
def test_what_the_page_and_the_api_need_passes(http, method, path):
    assert http.request(method, path).status_code == 200


@pytest.mark.parametrize("root", ["", "/perse", "/perse/", "/people/heads", "https://example.com/perse"])
@pytest.mark.parametrize("strips", [True, False])
@pytest.mark.parametrize("path", ["/", "/perse/frame/x", "/gradio_api/info", "/theme.css"])
def test_behind_a_proxy_everything_is_where_the_page_asks_for_it(visits, root, strips, path):
    """Gradio tells of GRADIO_ROOT_PATH in every request; a proxy may take it off the address or leave it, and it may be called as our routes."""
    routes = [Route(at, lambda request: Response(request.url.path)) for at in ("/", "/perse/frame/{x}", "/gradio_api/info", "/theme.css")]
    app = Starlette(routes=routes, middleware=[Middleware(Guard, owns=visits.owns)])
    own = urlsplit(root).path.rstrip("/")
    http = TestClient(app, root_path=root)
    answer = http.get(path if strips else own + path)
    assert answer.status_code == 200 and answer.text == own + path
    assert http.get(own + "/monitoring").status_code == 404


@pytest.mark.parametrize(
    "method, path",
    [
        ("GET", "/monitoring"),
        ("GET", "/monitoring/summary"),
        ("GET", "/gradio_api/deep_link"),
        ("POST", "/gradio_api/process_recording"),
        ("GET", "/gradio_api/proxy=https://example.com/x"),
        ("GET", "/gradio_api/run-history/records"),
        ("POST", "/gradio_api/vibe-edit"),
        ("GET", "/gradio_api/vibe-code"),
        ("GET", "/gradio_api/stream/a/b/c/playlist.m3u8"),
        ("POST", "/gradio_api/stream/x"),
        ("GET", "/gradio_api/dev/reload"),
        ("POST", "/login"),
        ("GET", "/gradio_api/token"),
        ("PUT", "/perse/frame/x"),
        ("POST", "/"),
        ("DELETE", "/perse/end"),
        ("GET", "/gradio_api/profiling/traces"),
        ("POST", "/gradio_api/component_server"),
        ("GET", "/gradio_api/custom_component/1/client/component/index.js"),
        ("GET", "/docs"),
        ("GET", "/gradio_api/file/etc/passwd"),
    ],
)
def test_everything_else_is_refused(http, method, path):
    assert http.request(method, path).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "https://example.com/a.png",
        "http://127.0.0.1:22/",
        "file:///etc/passwd",
        "/etc/passwd",
        "../../../etc/passwd",
        "%2e%2e/%2e%2e/etc/passwd",
        "",
        "x" * 2000,
    ],
)
def test_only_uploads_and_results_are_served(http, path):
    assert http.get(f"/gradio_api/file={path}").status_code in (403, 404)


def test_an_upload_comes_back_under_a_name_nobody_can_guess(http, visits):
    visit = visits.open()
    for headers, folder in (({}, visits.root / "loose"), ({"X-Perse-Visit": visit.key}, visit.folder)):
        [path] = http.post("/gradio_api/upload", files={"files": ("me too.jpg", b"a face")}, headers=headers).json()
        path = visits.owns(path)
        assert path.read_bytes() == b"a face" and path.is_relative_to(folder) and path.name == "me too.jpg"
        assert len(path.parent.name) >= 24 and http.get(f"/gradio_api/file={path}").status_code == 200


def test_an_uploaded_page_is_never_shown_as_one(http):
    for name in ("me.html", "me.svg", "me.js", "me"):
        [path] = http.post("/gradio_api/upload", files={"files": (name, b"<script>alert(1)</script>")}).json()
        answer = http.get(f"/gradio_api/file={path}")
        assert answer.headers["content-type"] == "application/octet-stream" and answer.headers["content-disposition"].startswith(
            "attachment"
        )


def test_a_file_that_goes_while_it_is_asked_for_was_not_there(http, visits, monkeypatch, capfd):
    [path] = http.post("/gradio_api/upload", files={"files": ("a.jpg", b"x")}).json()
    owns = visits.owns

    def gone_after(path):
        found = owns(path)
        if sum("_serve" in f.function for f in inspect.stack()):
            found.unlink()
        return found

    monkeypatch.setattr(visits, "owns", gone_after)
    assert http.get(f"/gradio_api/file={path}").status_code == 404 and "a.jpg" not in capfd.readouterr().err


def test_what_nobody_foresaw_is_a_sentence_and_a_line_without_names(http, capfd):
    def broken(request):
        raise KeyError("somebody.jpg")

    http.app.router.routes.insert(0, Route("/config", broken))
    answer = http.get("/config")
    log = capfd.readouterr().err
    assert answer.status_code == 500 and "our side" in answer.json()["error"] and "KeyError" in log and "somebody" not in log


@pytest.mark.parametrize("name", ["x" * 400, "\udc80", "x\0y"])
def test_a_name_that_no_file_can_have_is_a_sentence(http, visits, name, capfd):
    place = visits.path(None, name)
    answer = http.post("/gradio_api/run/x", content=json.dumps({"data": [{"path": str(place)}]}))
    assert answer.status_code == 403 and "upload" in answer.json()["error"] or "not a file" in answer.json()["error"]
    assert http.get("/gradio_api/file=" + quote(str(place), errors="surrogateescape")).status_code == 403
    assert "perse" not in capfd.readouterr().err


def test_a_call_with_many_files_is_refused_before_they_are_looked_for(http, visits, monkeypatch):
    asked = []
    monkeypatch.setattr(Guard, "_own_file", lambda self, path: asked.append(path))
    assert http.post("/gradio_api/run/x", content=json.dumps({"data": [{"path": "a"}] * 3000})).status_code == 403 and len(asked) < 10


@pytest.mark.parametrize(
    "content, kind, status",
    [
        (b"not multipart", "multipart/form-data; boundary=x", 400),
        (b"{}", "application/json", 400),
        (b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\nhalf', "multipart/form-data; boundary=x", 400),
        (b'--x\r\nContent-Disposition: form-data; name="other"\r\n\r\na\r\n--x--', "multipart/form-data; boundary=x", 400),
    ],
)
def test_a_broken_upload_gets_a_sentence_and_leaves_nothing(http, visits, content, kind, status):
    answer = http.post("/gradio_api/upload", content=content, headers={"Content-Type": kind})
    assert answer.status_code == status and answer.json()["error"].endswith(".")
    assert not [p for p in visits.root.rglob("*") if p.is_file()]


def test_an_upload_of_a_visit_that_ended_is_refused(http, visits):
    answer = http.post("/gradio_api/upload", files={"files": ("a.jpg", b"x")}, headers={"X-Perse-Visit": "nobody"})
    assert answer.status_code == 400 and "visit had ended" in answer.json()["error"]
    assert not [p for p in visits.root.rglob("*") if p.is_file()]


def chunked(data):
    """A multipart body that does not tell its length."""
    yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'
    for start in range(0, len(data), 10_000):
        yield data[start : start + 10_000]
    yield b"\r\n--x--"


def test_an_upload_that_is_too_long_breaks_off_and_leaves_nothing(http, visits, monkeypatch):
    monkeypatch.setattr(guard, "MAX_UPLOAD", 100_000)
    answer = http.post("/gradio_api/upload", content=chunked(b"x" * 300_000), headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert answer.status_code == 413
    assert not [p for p in visits.root.rglob("*") if p.is_file()]


def deep(levels):
    return "[" * levels + "]" * levels


@pytest.mark.parametrize(
    "body, status",
    [
        ('{"data": [1]}', 200),
        ("", 200),
        ("[1]", 403),
        ("{", 403),
        ('{"data": ' + deep(40) + "}", 403),
        ('{"data": ' + deep(100_000) + "}", 403),
        ('{"data": [' + "9" * 5000 + "]}", 403),
        ('{"data": ["' + "x" * 300_000 + '"]}', 413),
        ('{"data": [{"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}]}', 403),
        ('{"data": [{"path": "https://example.com/a.png"}]}', 403),
        ('{"data": [[{"x": {"path": 7}}]]}', 403),
    ],
)
@pytest.mark.parametrize("path", ["/gradio_api/run/predict", "/gradio_api/queue/join", "/gradio_api/call/build"])
def test_calls_are_read_before_anybody_acts_on_them(http, path, body, status):
    answer = http.post(path, content=body)
    assert answer.status_code == status
    assert answer.text == body if status == 200 else answer.json()["error"].endswith((".", "first"))


def test_a_call_may_name_an_upload(http, visits):
    [path] = http.post("/gradio_api/upload", files={"files": ("a.jpg", b"x")}).json()
    body = json.dumps({"data": [{"path": path, "meta": {"_type": "gradio.FileData"}}]})
    assert http.post("/gradio_api/run/predict", content=body).text == body


@pytest.mark.parametrize(
    "path, name", [("/gradio_api/mcp/", "MAX_MCP"), ("/gradio_api/upload", "MAX_UPLOAD"), ("/gradio_api/run/x", "MAX_JSON")]
)
def test_a_length_that_is_declared_is_believed_only_if_it_is_too_much(http, monkeypatch, path, name):
    monkeypatch.setattr(guard, name, 1000)
    answer = http.post(path, content=b"x" * 2000)
    assert answer.status_code == 413 and "1,000 bytes" in answer.json()["error"]


def test_a_tools_call_without_a_length_breaks_off(http, monkeypatch):
    monkeypatch.setattr(guard, "MAX_MCP", 1000)
    assert http.post("/gradio_api/mcp/", content=iter([b"x" * 600])).status_code == 200
    assert http.post("/gradio_api/mcp/", content=iter([b"x" * 600] * 3)).status_code == 413
