"""Speech as plain values: a sound, and what is said in it when."""

from dataclasses import dataclass

from ...sound import Sound

# How the phonemes were found, and what people are told of it.
TYPED, RECOGNISED, HEARD = "typed", "recognised", "heard"
WAYS = {
    TYPED: "The mouth follows the phonemes that the voice speaks.",
    RECOGNISED: "The mouth follows the phonemes that were recognised in the recording.",
    HEARD: "No phonemes were recognised with confidence: the mouth follows loudness and spectrum, as it does for any language.",
}


@dataclass(frozen=True)
class Phone:
    """One phoneme: symbol of the International Phonetic Alphabet, seconds, stress of its syllable (0 none, 1 secondary, 2 primary)."""

    symbol: str
    start: float
    end: float
    stress: int = 0


@dataclass(frozen=True)
class Speech:
    """A sound, its phonemes in the order of time without those of silence, which of WAYS found them, and whether the recording was
    longer than it might be and has been cut."""

    sound: Sound
    phones: tuple[Phone, ...]
    way: str
    cut: bool = False
