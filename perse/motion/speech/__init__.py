"""Typed text and recordings become a talking motion with sound: speech -> timed phonemes -> curves of the face."""
