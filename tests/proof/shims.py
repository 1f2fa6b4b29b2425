"""Real faults that need another C library in front: a wall clock that jumps, and an FFmpeg without encoders."""

import mmap
import shutil
import struct
import subprocess
from pathlib import Path

CLOCK = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile long long *jump;

__attribute__((constructor)) static void start(void) {
    const char *path = getenv("PROOF_CLOCK");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *page = file < 0 ? MAP_FAILED : mmap(0, 8, PROT_READ, MAP_SHARED, file, 0);
    if (page != MAP_FAILED) jump = page;
    if (file >= 0) close(file);
}

int clock_gettime(clockid_t which, struct timespec *now) {
    int failed = syscall(SYS_clock_gettime, which, now);
    if (!failed && jump && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) now->tv_sec += *jump;
    return failed;
}

time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return 0;
}
"""
# PyAV asks for an encoder by this name and, if there is none, by the codec's number.
ENCODERS = "void *avcodec_find_encoder_by_name(const char *name) { return 0; }\nvoid *avcodec_find_encoder(int id) { return 0; }\n"


def shim(source: str, folder: Path, name: str) -> dict[str, str] | None:
    """Environment of a process with this C source in front of all its libraries; None where no compiler is."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        return None
    library = folder / f"{name}.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-w", "-x", "c", "-", "-o", str(library)], input=source, text=True, check=True)
    return {"LD_PRELOAD": str(library)}


class Clock:
    """The wall clock of the processes that have `environment`; `jump(seconds)` puts it so far from the real one."""

    def __init__(self, folder: Path):
        path = folder / "clock"
        path.write_bytes(bytes(8))
        with path.open("r+b") as file:
            self._page = mmap.mmap(file.fileno(), 8)
        self.environment = shim(CLOCK, folder, "clock")
        if self.environment is not None:
            self.environment["PROOF_CLOCK"] = str(path)

    def jump(self, seconds: int) -> None:
        self._page[:] = struct.pack("<q", seconds)
