"""What every saved file says of itself: that it is synthetic, in a sentence for people, by IPTC's Digital Source Type in XMP for machines.

Where the XMP packet goes follows Adobe's "XMP Specification Part 3: Storage in Files" (2020); WebM has no place for one and gets a tag.
"""

import os
import shutil
from pathlib import Path

from PIL import Image

# The term for media that a model makes which was derived from sampled content: an avatar is fitted to a photo and renders every pixel of
# the person. The list's terms for composites and enhancements are for captured media with altered parts; here the subject itself is made,
# also where it is set back into its photo, and nobody shall take it for the captured part.
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"

_WEBP_XMP, _WEBP_ALPHA = 0x04, 0x10  # flags of a WebP's first chunk, by its container specification
_MP4_XMP = bytes.fromhex("BE7ACFCB97A942E89C71999491E3AFAC")
# Players that know no XMP take its bytes for lengths of blocks: wherever they land in this, they end at its last byte.
_GIF_TRAILER = b"\x01" + bytes(range(255, -1, -1)) + b"\x00"


def sentence(kind: str) -> str:
    """For people. kind: "picture", "video", "3D head"."""
    return f"Synthetic {kind} of a person, made by PERSE"


def tags(kind: str) -> dict[str, str]:
    """For files that hold names and values."""
    return {"comment": sentence(kind), "DigitalSourceType": SOURCE_TYPE}


def xmp(kind: str) -> bytes:
    """The XMP packet, UTF-8."""
    return f"""<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/"
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    xmp:CreatorTool="PERSE"
    Iptc4xmpExt:DigitalSourceType="{SOURCE_TYPE}">
   <dc:description><rdf:Alt><rdf:li xml:lang="x-default">{sentence(kind)}</rdf:li></rdf:Alt></dc:description>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>""".encode()


def mark_video(path: str | Path, container: str) -> None:
    """Write into a finished video file (container "mp4", "gif" or "webp"; others are left alone) what its encoder cannot: XMP, and a GIF's
    comment. The file is never held in memory."""
    packet = xmp("video")
    if container == "mp4":
        with open(path, "ab") as file:  # behind all that a player reads
            file.write((8 + len(_MP4_XMP) + len(packet)).to_bytes(4, "big") + b"uuid" + _MP4_XMP + packet)
    elif container == "gif":
        note = sentence("video").encode("ascii")
        blocks = b"\x21\xfe" + bytes([len(note)]) + note + b"\x00" + b"\x21\xff\x0bXMP DataXMP" + packet + _GIF_TRAILER
        beside = Path(f"{path}+")
        try:
            with open(path, "rb") as old, open(beside, "wb") as new:
                start = old.read(13)
                palette = old.read(3 << ((start[10] & 7) + 1) if start[10] & 0x80 else 0)  # the one for all frames
                new.write(start + palette + blocks)
                shutil.copyfileobj(old, new)
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)
    elif container == "webp":
        _mark_webp(Path(path), packet)


def _mark_webp(path: Path, packet: bytes) -> None:
    """A chunk of XMP at the end; the first chunk says that it is there."""
    with open(path, "r+b") as file:
        head = file.read(30)
        if head[12:16] != b"VP8X":  # a single frame: the encoder has left out what only others need
            width, height = _webp_size(path)
            rest = head[12:] + file.read()
            size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
            clear = rest[:4] == b"VP8L" or rest[:4] == b"ALPH"
            head = head[:12] + b"VP8X" + (10).to_bytes(4, "little") + bytes([_WEBP_ALPHA * clear, 0, 0, 0]) + size
            file.seek(0)
            file.write(head + rest)
        file.seek(20)
        file.write(bytes([head[20] | _WEBP_XMP]))
        file.seek(0, os.SEEK_END)
        file.write(b"XMP " + len(packet).to_bytes(4, "little") + packet + b"\0" * (len(packet) % 2))
        length = file.tell() - 8
        file.seek(4)
        file.write(length.to_bytes(4, "little"))


def _webp_size(path: Path) -> tuple[int, int]:
    with Image.open(path) as image:
        return image.size
