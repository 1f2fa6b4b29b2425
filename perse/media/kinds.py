"""Which kind of file a stranger's clip or sound is, told by its first bytes; its name tells nothing."""

from dataclasses import dataclass

HEAD = 1024  # bytes that `sniff` wants to see
# Boxes that a QuickTime or MP4 file begins with.
BOXES = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot")
TS_PACKET, TS_SYNC = 188, 0x47


@dataclass(frozen=True)
class Kind:
    """name: what people call it; demuxer: FFmpeg's name; pictures: whether it may hold any."""

    name: str
    demuxer: str
    pictures: bool = True


MP4 = Kind("MP4, MOV", "mov")
MATROSKA = Kind("WebM, MKV", "matroska")
AVI = Kind("AVI", "avi")
GIF = Kind("GIF", "gif")
TRANSPORT = Kind("MPEG-TS", "mpegts")
OGG = Kind("OGG", "ogg")
WAV = Kind("WAV", "wav", pictures=False)
MP3 = Kind("MP3", "mp3", pictures=False)
AAC = Kind("AAC", "aac", pictures=False)
FLAC = Kind("FLAC", "flac", pictures=False)
KINDS = (MP4, MATROSKA, AVI, GIF, TRANSPORT, OGG, WAV, MP3, AAC, FLAC)

# Decoders that may run: what phones, cameras, browsers and editors write in those files.
DECODERS = (
    "h264",
    "hevc",
    "libdav1d",
    "av1",
    "vp8",
    "vp9",
    "mpeg4",
    "msmpeg4",
    "h263",
    "mpeg2video",
    "mpeg1video",
    "mjpeg",
    "gif",
    "png",
    "prores",
    "theora",
    "rawvideo",
    "aac",
    "mp3",
    "mp3float",
    "mp2",
    "mp2float",
    "opus",
    "libopus",
    "vorbis",
    "flac",
    "alac",
    "ac3",
    "eac3",
    "amrnb",
    "amrwb",
    "libopencore_amrnb",
    "libopencore_amrwb",
    "adpcm_ms",
    "adpcm_ima_wav",
    "adpcm_ima_qt",
    "pcm_alaw",
    "pcm_mulaw",
    "pcm_u8",
    "pcm_s8",
    "pcm_s16le",
    "pcm_s16be",
    "pcm_s24le",
    "pcm_s24be",
    "pcm_s32le",
    "pcm_s32be",
    "pcm_f32le",
    "pcm_f32be",
    "pcm_f64le",
    "pcm_f64be",
)


def sniff(head: bytes) -> Kind | None:
    """The kind of a file by its first HEAD bytes; None if it is none of KINDS."""
    if head[4:8] in BOXES:
        return MP4
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return MATROSKA
    if head.startswith(b"RIFF") and head[8:12] in (b"AVI ", b"WAVE"):
        return AVI if head[8:12] == b"AVI " else WAV
    if head.startswith((b"GIF87a", b"GIF89a")):
        return GIF
    if head.startswith(b"OggS"):
        return OGG
    if head.startswith(b"fLaC"):
        return FLAC
    if head.startswith(b"ID3"):
        return MP3
    # A transport stream repeats its first byte with every packet; in front of each, cameras write four bytes of time.
    if any(
        len(head) > start + 3 * size and all(head[start + i * size] == TS_SYNC for i in range(4))
        for start, size in ((0, TS_PACKET), (4, TS_PACKET + 4))
    ):
        return TRANSPORT
    if len(head) > 1 and head[0] == 0xFF and head[1] >> 5 == 0b111 and head[1] >> 3 & 0b11 != 0b01:  # a frame of MPEG sound, by its layer
        return {0b00: AAC, 0b01: MP3, 0b10: MP3}.get(head[1] >> 1 & 0b11)
    return None
