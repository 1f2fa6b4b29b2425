"""The face as a table: landmarks and regions by number, what is measured between them, how faces are laid over one another."""
