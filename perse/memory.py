"""What nobody needs any more leaves this process: objects that hold one another, and memory that the allocator keeps for later.

A build leaves half a gigabyte of each behind; Python would find the first when it has made many more objects, and the second stays in the
heap of the thread that has ended.
"""

import atexit
import ctypes
import gc
import threading
import time

CALM = 1.0  # seconds from the first to the collection: visits often end together
_due, _started, _tidying = threading.Event(), threading.Lock(), threading.Lock()
ARENAS = 2  # heaps that threads allocate from; the library's own 8 for each core keep what every thread that ended has left in its own
# Bytes that a heap keeps for the next picture, and from which an array is no part of a heap (32 MiB is the library's most). By itself the
# library gives the memory of every picture back and fetches it anew, page by page: 4 of 10 ms of a picture of 512 pixels.
KEPT, APART = 128 << 20, 32 << 20
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # malloc.h's
_library = ctypes.CDLL(None)
_trim, _option = getattr(_library, "malloc_trim", None), getattr(_library, "mallopt", None)  # the GNU library's


def keep_heaps() -> None:
    """Memory of one picture serves the next."""
    if _trim is not None and _option is not None:
        _option(_M_TRIM_THRESHOLD, KEPT)
        _option(_M_MMAP_THRESHOLD, APART)


def share_heaps() -> None:
    """All threads of this process allocate from few heaps. Call before there are many threads."""
    if _trim is not None and _option is not None:
        _option(_M_ARENA_MAX, ARENAS)


def tidy() -> None:
    """Now, in this thread: some milliseconds, during which no other Python runs."""
    gc.collect()
    if _trim is not None:
        _trim(0)


def tidy_soon() -> None:
    """In a thread of its own, within two seconds or so."""
    _due.set()
    if _started.acquire(blocking=False):
        atexit.register(_tidying.acquire)  # a thread that the interpreter stops in the middle of native code takes the process down
        threading.Thread(target=_run, name="perse-tidy", daemon=True).start()


def settle() -> None:
    """Call once when the program is complete: what is there now stays, and is not looked through again."""
    tidy()
    gc.freeze()


def _run() -> None:
    while _due.wait():
        time.sleep(CALM)
        _due.clear()
        with _tidying:
            tidy()
