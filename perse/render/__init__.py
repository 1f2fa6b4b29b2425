"""Pictures from geometry: cameras, Gaussian clouds, the rasterizers, textured meshes, video and .ply files.

Each part is imported from its own module (`from perse.render.rasterize import rasterize`), so that a caller pays
only for what it uses. Nothing here knows about faces, fitting or the web page.
"""
