"""Photos as nobody should send them, for the tests and for longer runs: `photos(rng)` makes a new set with every generator."""

import io
import struct
import zlib
from collections.abc import Iterator
from functools import cache

import numpy as np
import pillow_heif
import skimage.data
from PIL import Image, PngImagePlugin

KINDS = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "AVIF": "avif", "HEIF": "heic"}
THIN = [(25_600, 64), (128, 30_000), (64, 40_000), (1, 500), (3_000, 500)]
REFUSED = ("GIF", "TIFF", "BMP", "ICO", "PPM", "TGA", "JPEG2000", "PCX", "EPS", "PDF", "DDS", "SGI", "IM")

pillow_heif.register_heif_opener(thumbnails=False)


def photos(rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    """(name, file) of every sort; what the names say is drawn anew by `rng` where it is a matter of chance."""
    yield from _damaged(rng)
    yield from _sizes(rng)
    yield from _bombs()
    yield from _odd_but_good()
    yield from _metadata(rng)
    yield from _polyglots(rng)
    yield from _others(rng)


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    """A picture as a file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@cache
def face(side: int = 192) -> Image.Image:
    """A small photo of a face, public domain."""
    return Image.fromarray(skimage.data.astronaut()[:300, 80:380]).resize((side, side))


@cache
def good(kind: str) -> bytes:
    """The small photo in one of KINDS."""
    return encoded(face(), kind)


def chunk(name: bytes, data: bytes) -> bytes:
    """Of a PNG file."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, depth: int = 8, colour: int = 2, body: bytes | None = None, before: bytes = b"") -> bytes:
    """A PNG file of any declared size, with `before` between its header and its data; black if `body` is None."""
    if body is None:
        bits = depth * {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
        body = bytes((1 + (width * bits + 7) // 8) * height)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + before + chunk(b"IDAT", zlib.compress(body, 9)) + chunk(b"IEND", b"")


def _damaged(rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    for kind, suffix in KINDS.items():
        data = good(kind)
        for share in (0.001, 0.02, *rng.uniform(0, 1, 4), 0.999):
            yield f"truncated at {share:.3f}.{suffix}", data[: int(share * len(data))]
        for count in (1, 1, 2, 4, 16, 256):
            flipped = bytearray(data)
            # Headers decide what a decoder believes: half of the damage goes there.
            for at in np.where(rng.random(count) < 0.5, rng.integers(0, min(600, len(data)), count), rng.integers(0, len(data), count)):
                flipped[at] ^= 1 << rng.integers(8)
            yield f"{count} bits flipped.{suffix}", bytes(flipped)
        a, b = sorted(rng.integers(0, len(data), 2))
        yield f"hole.{suffix}", data[:a] + data[b:]
        yield f"doubled.{suffix}", data[:b] + data[a:]
        yield f"zeros.{suffix}", data[:a] + bytes(int(b - a)) + data[b:]
        fields = bytearray(data)
        at = int(rng.integers(0, min(400, len(data) - 4)))
        fields[at : at + 4] = rng.choice([b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\0"])
        yield f"huge field.{suffix}", bytes(fields)


def _sizes(rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    for kind, suffix in KINDS.items():
        yield f"1 px.{suffix}", encoded(face(1), kind)
        yield f"tiny.{suffix}", encoded(face(int(rng.integers(2, 64))), kind)
    for width, height in THIN:
        yield f"{width} x {height}.png", png(width, height)
        yield f"{width} x {height}.jpg", encoded(Image.new("RGB", (width, height)), "JPEG")
    yield "nothing wide.png", png(0, 300, body=b"")


def _bombs() -> Iterator[tuple[str, bytes]]:
    for side in (7_000, 20_000, 60_000, (1 << 31) - 1):
        yield f"declares {side}.png", png(side, side, body=bytes(10_000))
    yield "unpacks to more than it declares.png", png(200, 200, body=bytes(30_000_000))
    for width, height in ((65_500, 65_500), (6_000, 6_000), (65_500, 64)):
        jpeg = bytearray(good("JPEG"))
        frame = jpeg.index(b"\xff\xc0")
        jpeg[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
        yield f"declares {width} x {height}.jpg", bytes(jpeg)
    for side in (16_384, 1 << 24, 6_000):
        canvas = (side - 1).to_bytes(3, "little") * 2
        body = b"VP8X" + struct.pack("<I", 10) + b"\0\0\0\0" + canvas + good("WEBP")[12:]
        yield f"declares {side}.webp", b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body
    lossless = bytearray(encoded(face(), "WEBP", lossless=True))
    at = lossless.index(b"VP8L") + 9
    lossless[at : at + 4] = b"\xff\xff\xff\x0f"  # 16,384 x 16,384
    yield "declares 16384, lossless.webp", bytes(lossless)
    for kind in ("AVIF", "HEIF"):
        for side in (30_000, 0xFFFFFFFF, 6_000, 100, 4_000):  # the last ones unlike what the stream holds
            data = bytearray(good(kind))
            at = data.index(b"ispe") + 8
            data[at : at + 8] = struct.pack(">II", side, side)
            yield f"declares {side}.{KINDS[kind]}", bytes(data)
    scans = encoded(face(), "JPEG", progressive=True)
    last = scans.rindex(b"\xff\xda")
    yield "3000 scans.jpg", scans[:last] + scans[last:-2] * 3000 + scans[-2:]


def _odd_but_good() -> Iterator[tuple[str, bytes]]:
    frames = [face().rotate(angle) for angle in range(30)]
    for kind in ("PNG", "WEBP", "AVIF"):
        yield f"animated.{KINDS[kind]}", encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=40)
    many = pillow_heif.from_pillow(face())
    for frame in frames[1:12]:
        many.add_from_pillow(frame)
    buffer = io.BytesIO()
    many.save(buffer)
    yield "several.heic", buffer.getvalue()
    yield "two pictures.mpo", encoded(frames[0], "MPO", save_all=True, append_images=frames[1:3])
    grey = np.asarray(face().convert("L")).astype(np.uint16) * 257
    yield "16 bit grey.png", encoded(Image.fromarray(grey), "PNG")
    deep = np.repeat(grey[..., None], 3, 2).astype(">u2").reshape(192, -1)
    yield "16 bit colour.png", png(192, 192, 16, body=b"".join(b"\0" + row.tobytes() for row in deep))
    yield "16 bit grey with alpha.png", png(192, 192, 16, colour=4)
    for depth in (1, 2, 4):
        yield f"{depth} bit.png", png(200, 200, depth, colour=0)
    yield "palette without one.png", png(200, 200, colour=3)
    yield "palette that is too short.png", png(200, 200, colour=3, body=b"\7" * 201 * 200, before=chunk(b"PLTE", b"\1\2\3"))
    yield "palette with half transparent colours.png", encoded(face().quantize(32), "PNG", transparency=bytes(range(0, 256, 8)))
    yield "invisible.png", encoded(Image.new("RGBA", (200, 200)), "PNG")
    yield "grey.jpg", encoded(face().convert("L"), "JPEG")
    yield "cmyk.jpg", encoded(face().convert("CMYK"), "JPEG")
    yield "alpha.avif", encoded(face().convert("RGBA"), "AVIF")


def _metadata(rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    def exif(entries: list[bytes], tail: bytes = b"", following: int = 0) -> bytes:
        return b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">H", len(entries)) + b"".join(entries) + struct.pack(">I", following) + tail

    def entry(tag: int, kind: int, count: int, value: bytes) -> bytes:
        return struct.pack(">HHI", tag, kind, count) + value

    for value in (0, 9, 65_535):
        yield f"orientation {value}.jpg", encoded(face(), "JPEG", exif=exif([entry(0x112, 3, 1, struct.pack(">HH", value, 0))]))
    for name, block in {
        "orientation is text": exif([entry(0x112, 2, 4, b"six\0")]),
        "orientation is a division by zero": exif([entry(0x112, 5, 1, struct.pack(">I", 26))], bytes(8)),
        "orientation has a million values": exif([entry(0x112, 3, 1_000_000, struct.pack(">I", 8))]),
        "exif that follows itself": exif([entry(0x8769, 4, 1, struct.pack(">I", 8))], following=8),
        "exif that claims all of itself a thousand times": exif([entry(tag, 7, 60_000, bytes(4)) for tag in range(1000)], bytes(48_000)),
        "exif of noise": b"Exif\0\0" + rng.bytes(60_000),
        "exif that ends": b"Exif\0\0MM\0*\xff\xff\xff\xff",
    }.items():
        yield f"{name}.jpg", encoded(face(), "JPEG", exif=block)
        yield f"{name}.webp", encoded(face(), "WEBP", exif=block)
        yield f"{name}.avif", good("AVIF").replace(b"Exif", b"exif") + block
    giant = exif([entry(tag, 7, 9_000_000, bytes(4)) for tag in range(5000)], bytes(9_000_000))
    yield "giant exif.png", png(200, 200, before=chunk(b"eXIf", giant[6:]))
    yield "giant profile.jpg", encoded(face(), "JPEG", icc_profile=bytes(8_000_000))
    yield "profile of noise.jpg", encoded(face().convert("CMYK"), "JPEG", icc_profile=rng.bytes(5_000))
    yield "profile that unpacks to 50 MB.png", png(200, 200, before=chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(50_000_000), 9)))
    bomb = zlib.compress(bytes(50_000_000), 9)
    yield "text that unpacks to 50 MB.png", png(200, 200, before=chunk(b"zTXt", b"Comment\0\0" + bomb))
    yield "international text that unpacks to 50 MB.png", png(200, 200, before=chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + bomb))
    megabyte = chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(1_000_000), 9))
    yield "200 texts of a megabyte.png", png(200, 200, before=megabyte * 200)
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Raw profile type exif", "\nexif\n  8\n" + "zz" * 40)
    yield "profile that is no hexadecimal.png", encoded(face(), "PNG", pnginfo=notes)
    yield "a hundred thousand chunks.png", png(200, 200, before=chunk(b"prVt", b"") * 100_000)
    yield "twenty thousand comments.jpg", good("JPEG")[:2] + b"\xff\xfe\0\x04ab" * 20_000 + good("JPEG")[2:]


def _polyglots(rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    heads = {
        "pdf": b"%PDF-1.7\n1 0 obj\n",
        "html": b"<html><script>alert(1)</script>",
        "zip": b"PK\x03\x04" + bytes(26),
        "gif": b"GIF89a" + bytes(7),
        "mp4": b"\0\0\0\x18ftypisom" + bytes(12),
        "ps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 200 200\n",
    }
    for name, head in heads.items():
        for kind in rng.choice(list(KINDS), 2, replace=False):
            yield f"{name} in front.{KINDS[kind]}", head + good(kind)
            yield f"{name} behind.{KINDS[kind]}", good(kind) + head
    for kind, suffix in zip(KINDS, [*list(KINDS.values())[1:], "jpg"], strict=True):
        yield f"wrong suffix, {kind}.{suffix}", good(kind)
    yield "jpeg in png.png", good("PNG")[:8] + good("JPEG")
    yield "png in jpeg.jpg", good("JPEG")[:20] + good("PNG")


def _others(rng: np.random.Generator) -> Iterator[tuple[str, bytes]]:
    for kind in REFUSED:
        yield f"another format.{kind.lower()}", encoded(face(), kind)
    yield "script.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 200 200\n(%pipe%touch owned) (w) file\n"
    yield "vector.svg", b"<svg xmlns='http://www.w3.org/2000/svg' width='200' height='200'><image href='file:///etc/passwd'/></svg>"
    yield "layers.psd", b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 200, 200, 8, 3) + bytes(200)
    yield "movie.heic", b"\0\0\0\x18ftypmsf1" + bytes(12)
    for name, data in {
        "empty": b"",
        "one byte": b"\xff",
        "zeros": bytes(5_000),
        "text": b"photo\n" * 200,
        "noise": rng.bytes(5_000),
        "start only": b"\xff\xd8",
        "png start only": b"\x89PNG\r\n\x1a\n",
        "riff": b"RIFF\xff\xff\xff\xffWEBPVP8X",
    }.items():
        yield f"{name}.jpg", data
