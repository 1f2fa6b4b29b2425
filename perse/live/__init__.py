"""The live avatar: an avatar small enough to be sent to a browser and posed there. `docs/live_format.md` is its file, `player` draws it."""
