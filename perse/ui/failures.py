"""What nobody foresaw: one sentence for the visitor, and a log line for the owner without anything personal."""

import sys
import traceback
from pathlib import Path

OURS = "Something went wrong on our side: please try again, or try another photo or file."


def note_failure(error: BaseException) -> str:
    """Log where an unexpected exception came from, and return the sentence for the visitor.

    Only the exception's type and the places in the code are written: its message may hold a file's name or what a file says.
    """
    places = [f"{Path(f.filename).name}:{f.lineno} {f.name}" for f in traceback.extract_tb(error.__traceback__)]
    print(f"perse: unexpected {type(error).__name__} at {' < '.join(reversed(places[-6:]))}", file=sys.stderr, flush=True)
    return OURS
