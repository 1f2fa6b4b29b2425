"""Every saved file says that it is synthetic: as a sentence, and by IPTC's Digital Source Type in XMP; and it still plays."""

import base64
import io
import os
import struct
import tracemalloc
import xml.etree.ElementTree as ET

import av
import numpy as np
import pytest
from PIL import ExifTags, Image

from perse.render import synthetic
from perse.render.picture import encode_picture
from perse.render.video import VideoWriter

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
TRAINED = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"


def check(packet: bytes, kind: str) -> None:
    root = ET.fromstring(packet.decode())
    description = root.find(f"{RDF}RDF/{RDF}Description")
    assert description.get("{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType") == TRAINED
    assert "".join(description.itertext()).strip() == f"Synthetic {kind} of a person, made by PERSE"


def of_png(data: bytes) -> bytes:
    at = 8
    while at < len(data):
        length, name = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        if name == b"iTXt" and body.startswith(b"XML:com.adobe.xmp\0\0\0\0\0"):
            return body[22:]
        at += 12 + length
    raise AssertionError("no XMP")


def of_jpeg(data: bytes) -> bytes:
    at = 2
    while data[at] == 0xFF and data[at + 1] != 0xDA:
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        body = data[at + 4 : at + 2 + length]
        if data[at + 1] == 0xE1 and body.startswith(b"http://ns.adobe.com/xap/1.0/\0"):
            return body[29:]
        at += 2 + length
    raise AssertionError("no XMP")


def of_webp(data: bytes) -> bytes:
    at = 12
    while at < len(data):
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        if data[at : at + 4] == b"XMP ":
            return data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2
    raise AssertionError("no XMP")


def boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    found, at = [], 0
    while at < len(data):
        length, name = struct.unpack(">I4s", data[at : at + 8])
        found.append((name, data[at + 8 : at + length]))
        at += length
    assert at == len(data)
    return found


def gif_blocks(data: bytes) -> list[tuple[int, bytes, int]]:
    """(label, first sub-block, where the sub-blocks begin) of each extension, as a player that knows no XMP walks the file to its end."""
    found, at = [], 13 + (3 << ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
    while data[at] != 0x3B:
        if data[at] == 0x21:
            label, start = data[at + 1], at + 2
            found.append((label, data[start + 1 : start + 1 + data[start]], start))
        else:
            assert data[at] == 0x2C
            label, start = 0, at + 11 + (3 << ((data[at + 9] & 7) + 1) if data[at + 9] & 0x80 else 0)
        at = start
        while data[at]:
            at += 1 + data[at]
        at += 1
    assert at == len(data) - 1
    return found


def film(path, frames: int = 5) -> bytes:
    with VideoWriter(path, 64, 48, 10, metadata=synthetic.tags("video"), finish=synthetic.mark_video) as video:
        for level in np.linspace(0, 250, frames):
            video.write(np.full((48, 64, 3), (level, 10, 10), np.uint8))
    assert os.listdir(path.parent) == [path.name]
    return path.read_bytes()


@pytest.mark.parametrize("suffix, extract", [(".png", of_png), (".jpg", of_jpeg), (".webp", of_webp)])
@pytest.mark.parametrize("channels", [3, 4])
def test_pictures(suffix, extract, channels):
    picture = np.full((32, 40, channels), 90, np.uint8)
    data = encode_picture(picture, suffix)
    check(extract(data), "picture")
    image = Image.open(io.BytesIO(data))
    image.load()
    note = {
        ".png": lambda: image.text["Comment"],
        ".jpg": lambda: image.info["comment"].decode(),
        ".webp": lambda: image.getexif()[ExifTags.Base.ImageDescription],
    }[suffix]()
    assert note == "Synthetic picture of a person, made by PERSE"
    assert np.abs(np.asarray(image.convert("RGB")).astype(int) - 90).max() < 4


def test_mp4(tmp_path):
    data = film(tmp_path / "a.mp4")
    names = [name for name, _ in boxes(data)]
    assert names.index(b"moov") < names.index(b"mdat") < names.index(b"uuid") == len(names) - 1  # it still starts before it is loaded
    body = boxes(data)[-1][1]
    assert body[:16].hex().upper() == "BE7ACFCB97A942E89C71999491E3AFAC"
    check(body[16:], "video")
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert len(list(container.decode(video=0))) == 5
        assert container.metadata["comment"] == "Synthetic video of a person, made by PERSE"


@pytest.mark.parametrize("frames", [5, 1])
def test_animated_webp(tmp_path, frames):
    data = film(tmp_path / "a.webp", frames)
    assert int.from_bytes(data[4:8], "little") == len(data) - 8
    check(of_webp(data), "video")
    image = Image.open(io.BytesIO(data))
    assert image.n_frames == frames and image.size == (64, 48)
    image.seek(frames - 1)
    assert np.abs(np.asarray(image.convert("RGB"))[5, 5].astype(int) - (250 if frames > 1 else 0, 10, 10)).max() < 12


def test_gif(tmp_path):
    data = film(tmp_path / "a.gif")
    blocks = gif_blocks(data)
    notes = [body for label, body, _ in blocks if label == 0xFE]
    assert notes == [b"Synthetic video of a person, made by PERSE"]
    (start,) = (start for label, body, start in blocks if body == b"XMP DataXMP")
    check(data[start + 12 : data.index(b'<?xpacket end="w"?>') + 19], "video")
    gif = Image.open(io.BytesIO(data))
    assert gif.info["comment"] == notes[0] and gif.n_frames == 5
    gif.seek(4)
    assert np.abs(np.asarray(gif.convert("RGB"))[5, 5].astype(int) - (250, 10, 10)).max() < 10
    with av.open(str(tmp_path / "a.gif")) as container:
        assert len(list(container.decode(video=0))) == 5


def test_a_long_gif_is_never_in_memory_as_a_whole(tmp_path):
    path = tmp_path / "a.gif"
    head = film(path)
    path.write_bytes(head[:-1] + b"\x21\xfe" + (b"\xff" + bytes(255)) * 100_000 + b"\x00\x3b")
    tracemalloc.start()
    synthetic.mark_video(path, "gif")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert path.stat().st_size > 25_000_000 > 10 * peak


def test_webm(tmp_path):
    film(tmp_path / "a.webm")
    with av.open(str(tmp_path / "a.webm")) as container:
        found = {key.lower(): value for key, value in container.metadata.items()}
        assert found["comment"] == "Synthetic video of a person, made by PERSE" and found["digitalsourcetype"] == TRAINED
        assert len(list(container.decode(video=0))) == 5


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(synthetic.shutil, "copyfileobj", full)
    with pytest.raises(OSError, match="No space"):
        film(tmp_path / "a.gif")
    assert not os.listdir(tmp_path)


def test_a_browser_plays_them(tmp_path, launch):
    browser = launch(["--no-sandbox", "--autoplay-policy=no-user-gesture-required"])
    page = browser.new_page()
    for suffix, kind in ((".mp4", "video/mp4"), (".webm", "video/webm")):
        data = base64.b64encode(film((tmp_path / suffix[1:]).with_suffix(suffix))).decode()
        (tmp_path / suffix[1:]).with_suffix(suffix).unlink()
        size = page.evaluate(
            """async ([data, kind]) => {
            const video = document.createElement("video");
            video.muted = true;
            video.src = `data:${kind};base64,${data}`;
            const ended = new Promise((done, failed) => { video.onended = done; video.onerror = () => failed(video.error.message) });
            await video.play();
            await ended;
            return [video.videoWidth, video.videoHeight];
        }""",
            [data, kind],
        )
        assert size == [64, 48]
    data = base64.b64encode(film(tmp_path / "b.gif")).decode()
    assert page.evaluate(
        """async (data) => {
        const picture = new Image();
        picture.src = `data:image/gif;base64,${data}`;
        await picture.decode();
        return [picture.naturalWidth, picture.naturalHeight];
    }""",
        data,
    ) == [64, 48]
    browser.close()
