"""Speed, measured: builds, previews, videos, the rasterizer against its machine; and the contact sheet for the eye."""
