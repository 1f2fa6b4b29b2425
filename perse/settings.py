"""What may be asked for, by visitors and programs: numbers that the page shows before anything heavy is loaded."""

DEFAULT_BUDGET = 30.0  # seconds of a build
MIN_BUDGET, MAX_BUDGET = 10.0, 3600.0
SIZES = (64, 2048)  # side of a picture, pixels
