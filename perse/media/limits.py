"""What a stranger's clip or sound may ask of this machine. Beyond a limit it is refused in a sentence, or cut where that harms nobody."""

BYTES = 2 << 30  # of a file: minutes of 4K from a phone
STREAMS = 64  # in a file: cameras and editors write fewer than ten
SIDE = 4096  # pixels of a frame's longer side: 4K, also upright
PIXELS = 4096 * 3072  # of a frame: 4K in any shape that cameras offer
DECODED = 40_000  # frames looked at, given or skipped: ten minutes at 60 frames a second
FRAMES = 18_000  # frames given: ten minutes at 30 frames a second; longer clips are cut
SECONDS = 600.0  # of a clip or sound; longer ones are cut
RATE = 60.0  # frames a second that are given at most, by their time stamps; of faster clips some frames are skipped
# A frame is given if at least this much of 1 / rate lies between it and the one before: so a clip that is hardly faster than the rate keeps
# its even pace and all its frames.
GAP = 0.75
SAMPLE_RATES = (4_000, 384_000)  # samples a second of a sound: from telephones to studios

# Of the process that decodes.
MEMORY = 1400 << 20  # bytes of addresses, libraries included: twice what 4K takes with its reference frames (0.65 GB, AV1 of ten bits)
PATIENCE = 30  # seconds of processor time from one frame to the next: a frame of 4K takes a tenth of one
PROCESSOR = 900  # seconds of processor time altogether
THREADS = 4
