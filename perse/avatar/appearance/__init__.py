"""All colour that depends on the pose: the throat's shade, closed lids, the light in a mouth and on a face."""
