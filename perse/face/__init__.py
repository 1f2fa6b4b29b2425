"""The face as a table: landmarks and outlines by name, what is measured between them, how faces are laid over one another."""
