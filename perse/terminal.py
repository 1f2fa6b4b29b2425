"""What is printed, on any terminal."""

import io
import sys


def print_anything() -> None:
    """Print, from here on, a character that the terminal's encoding lacks as its code: `print` would end the program."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
