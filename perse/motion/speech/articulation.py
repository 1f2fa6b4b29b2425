"""How phonemes are made: what lips, jaw and tongue do for each, as numbers.

The classes are those that lip-readers tell apart (Fisher 1968, "Confusions among visually perceived consonants"); the numbers are this
project's own, set by eye on rendered faces.
"""

from dataclasses import dataclass

import numpy as np

# What is blended between neighbours. Each runs from 0 to 1 and becomes blendshape weights in `mouth.py`.
CHANNELS = ("jaw", "spread", "round", "push", "teeth", "tongue")


@dataclass(frozen=True)
class Shape:
    """The mouth that a sound wants.

    jaw: how far it drops; spread: corners apart; round: lips drawn together; push: lips forward, as a funnel; teeth: how far they are
    bared; tongue: how far its tip comes between them. firm: how much the sound insists on its jaw against its neighbours, lips: on the
    rest, both against 1 of a plain vowel. place: "lips" must meet, or the lower lip must meet the upper "teeth", whatever the neighbours.
    """

    jaw: float
    spread: float = 0.0
    round: float = 0.0
    push: float = 0.0
    teeth: float = 0.0
    tongue: float = 0.0
    firm: float = 1.0
    lips: float = 1.0
    place: str = ""

    @property
    def targets(self) -> np.ndarray:
        """(CHANNELS,)"""
        return np.array([getattr(self, name) for name in CHANNELS])


REST = Shape(0.0, firm=0.8, lips=0.5)
LIPS_MEET = Shape(0.05, firm=1.2, lips=0.25, place="lips")
LIP_AND_TEETH = Shape(0.08, teeth=0.1, firm=1.2, lips=0.6, place="teeth")
TONGUE_SHOWS = Shape(0.33, teeth=0.35, tongue=1.0, firm=1.7, lips=1.1)
TIP = Shape(0.12, teeth=0.2, firm=0.6, lips=0.25)
TIP_SEEN = Shape(0.19, teeth=0.2, tongue=0.35, firm=0.7, lips=0.3)
HISS = Shape(0.04, spread=0.25, teeth=0.6, firm=1.3, lips=0.7)
HUSH = Shape(0.09, round=0.15, push=0.8, teeth=0.35, firm=1.2, lips=1.3)
BACK = Shape(0.16, firm=0.4, lips=0.15)
BREATHED = Shape(0.2, firm=0.2, lips=0.1)
BUNCHED = Shape(0.12, round=0.3, push=0.35, firm=0.8, lips=0.8)
KISS = Shape(0.07, round=0.95, push=0.15, firm=1.0, lips=1.5)

EE = Shape(0.15, spread=0.6, teeth=0.5)
IH = Shape(0.2, spread=0.35, teeth=0.3, firm=0.9, lips=0.8)
EH = Shape(0.28, spread=0.25, teeth=0.2)
AE = Shape(0.42, spread=0.3, teeth=0.25, firm=1.2)
AH = Shape(0.48, teeth=0.05, firm=1.3)
UH = Shape(0.32, firm=1.0, lips=0.7)
SCHWA = Shape(0.17, firm=0.5, lips=0.4)
AW = Shape(0.36, round=0.3, push=0.4, firm=1.2)
OH = Shape(0.24, round=0.6, push=0.2, lips=1.2)
OO = Shape(0.09, round=0.95, push=0.1, lips=1.4)
HOOK = Shape(0.16, round=0.5, push=0.15)
FRONT_ROUND = Shape(0.12, round=0.75, push=0.25, lips=1.3)
ER = Shape(0.18, round=0.3, push=0.3)

_SYMBOLS = {
    LIPS_MEET: "p b m ɓ ʙ pʰ p͈",
    LIP_AND_TEETH: "f v ɱ ʋ ɸ β",
    TONGUE_SHOWS: "θ ð",
    TIP: "t d n ɾ T ʈ ɖ ɗ ɳ ɲ r tʰ t͈ ɽ ɟ c",
    TIP_SEEN: "l ɫ ʎ ɮ",
    HISS: "s z ʦ ʣ ɕ ʑ s͈ t͡ɕ t͡ɕʰ t͡ɕ͈ ʨ ʥ ç",
    HUSH: "ʃ ʒ ʧ ʤ t͡ʃ d͡ʒ ʂ ʐ S",
    BACK: "k g ɡ ŋ kʰ k͈ x q ɣ χ ʁ ʀ ɴ ɰ ʝ",
    BREATHED: "h ʔ ɦ ħ",
    BUNCHED: "ɹ ɻ",
    KISS: "w ɥ",
    EE: "i j ĩ ì ǐ",
    IH: "ɪ ɨ ᵻ",
    EH: "ɛ e ẽ",
    AE: "æ",
    AH: "a ɑ à ã ä å ɒ",
    UH: "ʌ ɐ",
    SCHWA: "ə ᵊ ɘ ɤ ɯ",
    AW: "ɔ",
    OH: "o õ ɵ",
    OO: "u ũ ʉ",
    HOOK: "ʊ",
    FRONT_ROUND: "y ø œ ʏ",
    ER: "ɝ ɚ ɜ",
}
SHAPES: dict[str, Shape] = {symbol: shape for shape, symbols in _SYMBOLS.items() for symbol in symbols.split()}
# Sounds that glide from one shape to another, as recognisers and as the voice's own alphabet write them.
GLIDES = {
    "eɪ": "ɛi", "A": "ɛi", "aɪ": "ai", "I": "ai", "aʊ": "aʊ", "W": "aʊ", "oʊ": "oʊ", "O": "oʊ", "Q": "ʌʊ", "ɔɪ": "ɔi", "Y": "ɔi",
    "ɪə": "ɪə", "eə": "ɛə", "ɯi": "ɯi", "ja": "ia", "je": "iɛ", "jo": "io", "ju": "iu", "jʌ": "iʌ", "wa": "wa", "we": "wɛ", "wi": "wi",
    "wʌ": "wʌ",
}  # fmt: skip
GLIDED = 0.6  # share of a glide that its first shape takes
VOWELS = frozenset("iɪɨɛeæaɑɒʌɐəɘɤɯɔoɵuʉʊyøœʏɝɚɜᵊᵻĩìǐẽàãäåõũ")


def is_vowel(symbol: str) -> bool:
    """Whether a phoneme is one, gliding ones included."""
    return symbol in GLIDES or symbol in VOWELS


def shape_of(symbol: str) -> Shape | None:
    """What a phoneme wants that is no glide; None for what is none: tones, lengths and the like."""
    return SHAPES.get(symbol)
