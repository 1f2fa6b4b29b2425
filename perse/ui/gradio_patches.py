"""What has to be different in Gradio itself, for the pinned version. Each of these is tested against the running page."""

import logging
import sys
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
from gradio import networking, processing_utils, queueing, routes, utils

from ..errors import PerseError
from .failures import note_failure

MISFIT = "This call does not fit: please look at the page's API description for what it takes."


def never_fetch() -> None:
    """Gradio downloads whatever http address a stranger gives as a file. This server fetches nothing on anybody's behalf."""

    async def refuse(url: str, *args, **kwargs):
        raise PerseError("An address is not fetched: please upload the file itself.")

    def refuse_now(url: str, *args, **kwargs):
        raise PerseError("An address is not fetched: please upload the file itself.")

    processing_utils.async_ssrf_protected_get = refuse
    processing_utils.async_ssrf_protected_download = refuse
    processing_utils.ssrf_protected_download = processing_utils.save_url_to_cache = refuse_now


def never_check_itself() -> None:
    """When it starts Gradio asks its own page for an answer within three seconds, and on a busy machine ends as if there were no network."""
    networking.url_ok = lambda url: True


def tell_in_sentences() -> None:
    """A call that does not fit a component fails before our code runs: the caller gets one sentence, the log no message of it."""
    quiet = SimpleNamespace(print_exc=lambda *a, **k: note_failure(sys.exc_info()[1] or RuntimeError()))
    routes.traceback = queueing.traceback = quiet
    plain = utils.error_payload

    def payload(error, show_error):
        if not isinstance(error, utils.AppError):
            error = gr.Error(str(error) if isinstance(error, PerseError) else MISFIT)
        return plain(error, show_error)

    utils.error_payload = queueing.error_payload = payload
    # The tools' protocol logs what callers send, a photo too.
    logging.lastResort = _Wordless()
    library = logging.getLogger("mcp")
    library.handlers, library.propagate = [_Wordless()], False


class _Wordless(logging.Handler):
    """Writes who logs and how grave it is, and not what."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING:
            print(f"perse: {record.levelname.lower()} of {record.name}", file=sys.stderr, flush=True)


def forget(demo: gr.Blocks, sessions: Iterable[str], folder: Path) -> None:
    """Gradio keeps what every session's components were last sent, for an hour after it ends, and the names of files: drop them now.

    sessions: Gradio's names for the page; folder: where the visit's files lay.
    """
    holder = getattr(demo, "state_holder", None)
    for session in sessions:
        if holder is not None:
            with holder.lock:
                holder.session_data.pop(session, None)
                holder.time_last_used.pop(session, None)
        demo._queue.pending_messages_per_session.pop(session, None)
        demo._queue.pending_event_ids_session.pop(session, None)
    for names in [demo.upload_file_set, *demo.temp_file_sets, *(getattr(b, "temp_files", set()) for b in demo.blocks.values())]:
        names -= {name for name in names if str(name).startswith(str(folder))}


def path_only(component: gr.components.Component) -> None:
    """Give handlers the uploaded file's path as it is: nothing is decoded before our own checks."""
    component.preprocess = lambda payload: payload and payload.path
