"""How Gaussians are born from a portrait, and what each of them may learn."""
