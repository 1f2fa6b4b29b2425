"""Which colours the numbers of a still picture mean, where its file says so by coding-independent code points (CICP, ITU-T H.273) instead of an
embedded profile: HEIF and AVIF in a `colr` box (ISO/IEC 23008-12), PNG in a `cICP` chunk.

It needs nothing but Pillow, since the process that decodes strangers' photos has little else.
"""

from collections.abc import Iterator
from typing import NamedTuple

from PIL import ImageCms

BT709, BT2020, DISPLAY_P3 = 1, 9, 12  # primaries
PQ, HLG = 16, 18  # transfer functions
MAX_BOXES = 4096  # that are looked at in one file


class CodePoints(NamedTuple):
    """0 where a file says nothing."""

    primaries: int = 0
    transfer: int = 0


def code_points(start: bytes) -> CodePoints:
    """Of the picture that a file shows first; start: the file's beginning. What makes no sense says nothing."""
    try:
        if start[4:8] == b"ftyp":
            return _of_heif(start)
        if start[:8] == b"\x89PNG\r\n\x1a\n":
            return _of_png(start)
    except IndexError:
        pass
    return CodePoints()


def _of_png(data: bytes) -> CodePoints:
    at = 8
    while at + 12 <= len(data) and (name := data[at + 4 : at + 8]) != b"IDAT":
        if name == b"cICP":
            return CodePoints(data[at + 8], data[at + 9])
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    return CodePoints()


def _of_heif(data: bytes) -> CodePoints:
    """Of the primary item, or of the tiles that it is put together from. Other items have colours of their own: a gain map's tell how an HDR
    screen shows the same photo."""
    meta = next((body for name, body in _boxes(data) if name == b"meta"), b"")[4:]
    inside = dict(_boxes(meta))
    properties = dict(_boxes(inside.get(b"iprp", b"")))
    colours = [_nclx(body) if name == b"colr" else None for name, body in _boxes(properties.get(b"ipco", b""))]
    head = inside.get(b"pitm", b"")
    primary = int.from_bytes(head[4 : 6 if head[:1] == b"\0" else 8], "big")
    has = _associations(properties.get(b"ipma", b""))
    for item in (primary, *_tiles(inside.get(b"iref", b""), primary)):
        for index in has.get(item, ()):
            if 0 < index <= len(colours) and (found := colours[index - 1]) is not None:
                return found
    return CodePoints()


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and body of the boxes one after the other (ISO/IEC 14496-12, 4.2); the last may be cut off."""
    at = 0
    for _ in range(MAX_BOXES):
        size, head = int.from_bytes(data[at : at + 4], "big"), 8
        if size == 1:
            size, head = int.from_bytes(data[at + 8 : at + 16], "big"), 16
        end = at + size if size else len(data)
        if at + head > len(data) or end < at + head:
            return
        yield data[at + 4 : at + 8], data[at + head : end]
        at = end


def _nclx(body: bytes) -> CodePoints | None:
    return CodePoints(int.from_bytes(body[4:6], "big"), int.from_bytes(body[6:8], "big")) if body[:4] == b"nclx" else None


def _associations(body: bytes) -> dict[int, list[int]]:
    """Item -> its properties, counted from 1 (ISO/IEC 23008-12, 9.3)."""
    if len(body) < 8:
        return {}
    wide, long, at = 2 if body[0] < 1 else 4, 2 if body[3] & 1 else 1, 8
    found: dict[int, list[int]] = {}
    for _ in range(min(int.from_bytes(body[4:8], "big"), MAX_BOXES)):
        item, count = int.from_bytes(body[at : at + wide], "big"), body[at + wide]
        at += wide + 1
        essential = 1 << (8 * long - 1)
        found[item] = [int.from_bytes(body[at + long * i : at + long * (i + 1)], "big") & ~essential for i in range(count)]
        at += long * count
    return found


def _tiles(body: bytes, item: int) -> list[int]:
    """The items that a derived one is made from."""
    wide = 2 if body[:1] == b"\0" else 4
    for name, links in _boxes(body[4:]):
        if name == b"dimg" and int.from_bytes(links[:wide], "big") == item:
            return [int.from_bytes(links[at : at + wide], "big") for at in range(wide + 2, len(links), wide)][:1]
    return []


COLOURANTS = {
    BT2020: {b"rXYZ": (0.67348, 0.27904, -0.00193), b"gXYZ": (0.16567, 0.67534, 0.02998), b"bXYZ": (0.12505, 0.04561, 0.79685)},
    DISPLAY_P3: {b"rXYZ": (0.51512, 0.2412, -0.00105), b"gXYZ": (0.29198, 0.69225, 0.04189), b"bXYZ": (0.1571, 0.06657, 0.78407)},
}


def profile(primaries: int) -> bytes:
    """An ICC profile of sRGB's curve with other primaries, adapted to D50: SMPTE EG 432-1 or ITU-R BT.2020, which COLOURANTS has."""
    made = bytearray(
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes().replace("sRGB".encode("utf-16-be"), "wide".encode("utf-16-be"))
    )
    for entry in range(132, 132 + 12 * int.from_bytes(made[128:132], "big"), 12):
        if (colour := COLOURANTS[primaries].get(bytes(made[entry : entry + 4]))) is not None:
            at = int.from_bytes(made[entry + 4 : entry + 8], "big") + 8
            made[at : at + 12] = b"".join(round(x * 65536).to_bytes(4, "big", signed=True) for x in colour)
    return bytes(made)
