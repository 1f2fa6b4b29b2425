"""Strangers' pictures, clips and sound: opened and decoded in a child process of limited means."""
