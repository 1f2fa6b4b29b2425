"""The API as MCP tools, over streamable HTTP."""

import asyncio
import base64
import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from perse.motion.speech.voice import spoken

pytest.importorskip("mcp", reason="the extra gradio[mcp] is not installed")

from mcp import ClientSession  # noqa: E402
from mcp.client.streamable_http import streamablehttp_client  # noqa: E402


def with_tools(server, use):
    """What the coroutine `use(session)` returns, over a session with the page's tools."""

    async def run():
        async with streamablehttp_client(f"{server}/gradio_api/mcp/") as (read, write, _):
            async with ClientSession(read, write) as session:
                await session.initialize()
                return await use(session)

    with ThreadPoolExecutor(1) as other:  # in this thread Playwright's loop may be running
        return other.submit(asyncio.run, run()).result()


def test_the_five_functions_are_tools_and_nothing_else_is(server):
    tools = {t.name: t for t in with_tools(server, lambda session: session.list_tools()).tools}
    assert set(tools) == {"build", "preview", "video", "export", "info"}
    assert tools["build"].description.startswith("Build an editable 3D head avatar from one portrait photo.")
    for tool in tools.values():
        assert "Returns:" in tool.description and "request" not in tool.inputSchema["properties"]
        assert all(p.get("description") for p in tool.inputSchema["properties"].values()), tool.name


def test_a_tool_renders_and_bad_input_gets_one_clear_sentence(server, built):
    answer = with_tools(server, lambda s: s.call_tool("preview", {"avatar": built["avatar"], "size": 128}))
    assert not answer.isError and base64.b64decode(answer.content[0].data).startswith(b"\x89PNG")
    answer = with_tools(server, lambda s: s.call_tool("preview", {"avatar": "nobody"}))
    assert answer.isError and "no longer here" in answer.content[0].text


def test_a_tool_makes_an_avatar_speak(server, built):
    asked = {"avatar": built["avatar"], "say": "Hello there.", "voice": "bright", "size": 128, "fps": 10}
    answer = with_tools(server, lambda s: s.call_tool("video", asked))
    assert not answer.isError and any("mp4" in str(part) for part in answer.content), answer.content
    answer = with_tools(server, lambda s: s.call_tool("video", asked | {"voice": "nobody"}))
    assert answer.isError and "Unknown voice 'nobody'" in answer.content[0].text
    voice = "data:audio/wav;base64," + base64.b64encode(spoken("Hello there.").sound.wav()).decode()
    asked = {"avatar": built["avatar"], "speech": voice, "size": 128, "fps": 10}
    answer = with_tools(server, lambda s: s.call_tool("video", asked))
    assert answer.isError and "your voice" in answer.content[0].text
    assert not with_tools(server, lambda s: s.call_tool("video", asked | {"consent": True})).isError


def test_a_private_handler_cannot_be_called(server):
    for name in ("handle", "take_example", "build_1", "film"):
        assert with_tools(server, lambda s, name=name: s.call_tool(name, {})).isError


def test_no_consent_no_avatar_and_no_photo_left(server, folder, astronaut):
    photo = "data:image/png;base64," + base64.b64encode(astronaut.read_bytes()).decode()
    answer = with_tools(server, lambda s: s.call_tool("build", {"photo": photo, "consent": False}))
    assert answer.isError and "permission" in answer.content[0].text
    data = astronaut.read_bytes()
    copies = [p for p in folder.rglob("*") if p.is_file() and p.read_bytes() == data]
    # Gradio's own copy of a data URI lies where `Visits` sweeps and deletes at the end.
    assert all(p.relative_to(folder).match("visits-*/mcp/*/*") for p in copies), copies


def test_an_address_is_not_fetched(server):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        address = f"http://127.0.0.1:{listener.getsockname()[1]}/me.jpg"
        for url in (address, "https://example.com/me.jpg", "file:///etc/hostname"):
            assert with_tools(server, lambda s, url=url: s.call_tool("build", {"photo": url, "consent": True})).isError
        with pytest.raises(TimeoutError):
            listener.accept()
