"""One visitor of the page, as the browser speaks for it: no browser, the same calls."""

import asyncio
import io
import json
import re
import secrets
import urllib.request
from collections.abc import Callable

import httpx
import numpy as np
from PIL import Image

SECRET = "X-Perse-Visit"
NOTHING_MORE = ("All", 1.0, False, "", False, "")  # of a video: region, strength, absolute, keyframes, those alone, the way
PATIENCE = 900.0  # seconds after which what a visitor waits for will never come


class Refused(Exception):
    """The server said no, in a sentence. status: of the answer."""

    def __init__(self, status: int, sentence: str):
        super().__init__(f"{status}: {sentence}")
        self.status = status


def client(**options) -> httpx.AsyncClient:
    """For a visitor's requests. A connection that was idle is not used again: the server closes it after five seconds, and a request that
    meets this fails; a browser would send it once more."""
    return httpx.AsyncClient(timeout=900.0, limits=httpx.Limits(max_connections=2, keepalive_expiry=1.0), **options)


def actions(address: str) -> dict[str, int]:
    """The page's actions as numbers, by what is acted on: "perse-photo upload", "uploadbutton upload", "html click" (an example)."""
    with urllib.request.urlopen(f"{address}/config", timeout=60) as answer:
        config = json.load(answer)
    parts = {c["id"]: c["props"].get("elem_id") or c["type"] for c in config["components"]}
    return {
        f"{parts[where]} {event}": d["id"]
        for d in config["dependencies"]
        for where, event in d["targets"]
        if where in parts and d.get("backend_fn")
    }


class Visitor:
    """Args: client: for all requests; address, known: of the page and its `actions`; network: the address that it comes from."""

    def __init__(self, client: httpx.AsyncClient, address: str, known: dict[str, int], network: str = "192.0.2.1"):
        self.client, self.address, self.known = client, address, known
        self.headers = {"X-Forwarded-For": network}
        self.avatar, self.session = "", secrets.token_hex(6)
        self.requests = 0  # so far

    async def ask(self, method: str, path: str, **more) -> httpx.Response:
        """The answer to a request. Refused if it is an error."""
        headers = self.headers | more.pop("headers", {})
        while True:
            self.requests += 1
            answer = await self.client.request(method, f"{self.address}/{path}", headers=headers, **more)
            if answer.status_code != 202:
                break
            await asyncio.sleep(0.5)  # the renderer is warming up: as the page does
        if answer.status_code >= 400:
            try:
                said = answer.json()
                sentence = said.get("error") or said.get("detail") or ""
            except ValueError:
                sentence = answer.text[:200]
            raise Refused(answer.status_code, str(sentence))
        return answer

    async def open(self) -> "Visitor":
        """Arrive."""
        secret = (await self.ask("POST", "perse/visit")).json()["visit"]
        self.headers[SECRET] = secret
        return self

    async def state(self) -> dict:
        """What the page would show."""
        return (await self.ask("GET", "perse/state")).json()

    async def act(self, name: str, *data, **event) -> None:
        """Do one of the page's actions."""
        body = {"data": list(data), "fn_index": self.known[name], "session_hash": self.session} | ({"event_data": event} if event else {})
        await self.ask("POST", "gradio_api/run/predict", json=body)

    async def upload(self, name: str, data: bytes) -> dict:
        """A file, as actions take it."""
        path = (await self.ask("POST", "gradio_api/upload", files={"files": (name, data)})).json()[0]
        return {"path": path, "meta": {"_type": "gradio.FileData"}}

    async def bring(self, kind: str, name: str, data: bytes) -> None:
        """A recording or clip of one's own, with consent, once it has been looked through."""
        await self.ask("POST", f"perse/bring/{kind}", content=(await self.upload(name, data))["path"])
        await self.ask("POST", f"perse/allow/{kind}", content="yes")
        await self.until(lambda s: not s["busy"])

    async def until(self, condition: Callable[[dict], object], every: float = 0.35) -> dict:
        """The first state for which the condition holds; TimeoutError if there is none within PATIENCE."""
        async with asyncio.timeout(PATIENCE):
            while not condition(state := await self.state()):
                await asyncio.sleep(every)
        return state

    async def opened(self) -> str:
        """The avatar that has been built or opened; Refused with what the page says if there is none."""
        state = await self.until(lambda s: not s["busy"])
        if not state["avatar"]:
            raise Refused(0, _plain(state["pieces"]["found"].get("html", "")))
        self.avatar = state["avatar"]
        return self.avatar

    async def example(self, name: str) -> str:
        """Open a ready-made avatar."""
        await self.act("html click", example=name)
        return await self.opened()

    async def photo(self, name: str, data: bytes) -> None:
        """Send a photo, consent, and wait until it has been looked at. Refused with what the page says of one that does not work."""
        await self.act("perse-photo upload", await self.upload(name, data))
        await self.act("perse-consent input", True)
        state = await self.until(lambda s: not s["busy"])
        if not state["button"]["ready"]:
            raise Refused(0, _plain(state["pieces"]["found"].get("html", "")))

    async def build(self, budget: str) -> str:
        """Build the photo's avatar."""
        await self.act("perse-build click", budget)
        return await self.opened()

    async def file(self, data: bytes) -> str:
        """Open an avatar file."""
        await self.act("uploadbutton upload", await self.upload("avatar.safetensors", data))
        return await self.opened()

    async def film(
        self, seconds: float = 1, size: int = 256, fps: int = 15, kind: str = "mp4", motion: str = "nod", look: str = "{}", avatar: str = ""
    ) -> bytes:
        """A video of the avatar, or of the one with this token; Refused with what the page says if there is none."""
        await self.act("perse-shoot click", avatar or self.avatar, look, "grey", motion, seconds, size, fps, kind, "Head", *NOTHING_MORE)
        html = (await self.until(lambda s: not s["busy"]))["pieces"]["film"].get("html", "")
        found = re.search(r"perse/file/[\w-]+", html)
        if not found:
            raise Refused(0, _plain(html))
        return (await self.ask("GET", found[0])).content

    async def frame(self, look: dict | str | bytes, size: int = 512, background: str = "grey") -> np.ndarray:
        """A preview (size, size, 3) uint8."""
        answer = await self.ask("POST", f"perse/frame/{self.avatar}", params={"size": size, "background": background}, content=_body(look))
        return np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"))

    async def save(self, kind: str, look: dict | str | bytes) -> bytes:
        """A saved file: picture.png, avatar.safetensors, …"""
        return (await self.ask("POST", f"perse/save/{self.avatar}/{kind}", content=_body(look))).content

    async def leave(self) -> None:
        """Close the tab."""
        await self.ask("POST", "perse/leave", content=self.headers[SECRET])

    async def end(self) -> None:
        """Press "Delete everything now"."""
        await self.ask("POST", "perse/end")


def _body(look: dict | str | bytes) -> bytes:
    text = json.dumps(look) if isinstance(look, dict) else look
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text


def _plain(html: str) -> str:
    return " ".join(re.sub("<[^>]*>", " ", html).split())[:300]


def portrait() -> bytes:
    """scikit-image's public-domain portrait, as a file."""
    from skimage.data import astronaut

    out = io.BytesIO()
    Image.fromarray(astronaut()).save(out, "PNG")
    return out.getvalue()
