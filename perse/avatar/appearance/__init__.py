"""Colour that depends on the pose: shades, closed lids, a driver's light. `effect` says what all of them have in common."""
