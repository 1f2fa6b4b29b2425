"""The half of `Pictures` that runs in a child process (see `perse.child`): small JPEGs of a stranger's camera, one after the other."""

import io

from PIL import Image, JpegImagePlugin  # noqa: F401  (registered before the process is confined)


def work(job: dict, file, send) -> None:
    """file: for each picture four bytes that say how long it is, least first, and the JPEG. For each {"size": [width, height]} with its RGB,
    or {} for what is none of at most `side` pixels a side."""
    while len(length := file.read(4)) == 4:
        data = file.read(int.from_bytes(length, "little"))
        try:
            with Image.open(io.BytesIO(data), formats=("JPEG",)) as picture:
                if max(picture.size) > job["side"] or min(picture.size) < 1:
                    raise ValueError
                size, pixels = picture.size, picture.convert("RGB").tobytes()
        except (OSError, ValueError, SyntaxError, EOFError, Image.DecompressionBombError):
            send({})
        else:
            send({"size": size}, pixels)
