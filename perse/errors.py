"""The one exception a visitor may see."""


class PerseError(ValueError):
    """Bad input, described in one sentence that tells the visitor what to do.

    The command line prints it and exits with 2; the page shows it as a message.
    """


class BuildCancelled(Exception):
    """Raised inside a build when its caller asked for it to stop."""
