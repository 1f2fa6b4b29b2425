"""Self-reenactment of a real clip: how much the avatar looks and moves like the person."""

from .reenact import evaluate

__all__ = ["evaluate"]
