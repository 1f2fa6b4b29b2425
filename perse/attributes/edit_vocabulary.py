"""What an attribute does to a head, as data: the vocabulary that catalogue entries are written in.

Positions are those of the mean face in eye distances (x to the subject's left, y down, z backwards); colours of
`Recolor` are CIE Lab. A synthesizer reads these and acts; nothing here computes.
"""

from dataclasses import dataclass

Point = tuple[float, ...]


@dataclass(frozen=True)
class Sculpt:
    """Landmarks moved at amount 1, mirrored to the right side; spread over the surface within `radius`.

    moves: landmark -> (dx, dy, dz), written for the subject's left half and the midline.
    scale: groups of landmarks scaled about their common centre: (landmarks, (sx, sy, sz)) with 0 = unchanged.
    pinned: landmarks that stay. inside: how the inside of the mouth moves along.
    """

    moves: tuple[tuple[int, Point], ...] = ()
    scale: tuple[tuple[tuple[int, ...], Point], ...] = ()
    radius: float = 0.5
    pinned: tuple[int, ...] = ()
    inside: Point = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class EyeSize:
    """Lids and eyeball scaled about the eye's centre by 1 + amount * `by`."""

    by: float


@dataclass(frozen=True)
class EyeSpacing:
    """Lids and eyeballs moved apart by amount * `by` each."""

    by: float


@dataclass(frozen=True)
class Ears:
    """The shell around the ears: grown by a share of `size`, pushed off the head by `out`."""

    size: float = 0.0
    out: float = 0.0


@dataclass(frozen=True)
class HairVolume:
    """The hair part of the shell pushed outwards by amount * `by` eye distances.

    most: thickness of hair, eye distances, beyond which it is pushed no further; region: "hair", or a part of it.
    """

    by: float
    most: float = 9.0
    region: str = "hair"


@dataclass(frozen=True)
class Tuck:
    """The hair drawn in towards the skull, as by a haircut or under a hat.

    keep: share of the hair's thickness that is left; region: "hair", or a part of it; strands beyond the outline vanish.
    early: 1 = in step with the amount, 2 = nearly done at the half, so that nothing pokes through what comes on top; at_crown: the same on top of the
    head, of what goes under a hat, which is closed last.
    most: thickness that is left at most, eye distances.
    """

    keep: float
    region: str = "hair"
    early: float = 1.0
    most: float = 9.0
    at_crown: float | None = None


# What is built over hair that is drawn in has to know how far it is.
UNDER_HAT = Tuck(0.30, "under_hat", early=2.0, most=0.08, at_crown=0.5)
PINNED = Tuck(0.75, "pinned", most=0.16)


@dataclass(frozen=True)
class Recolor:
    """A region's colour moved in Lab at amount 1.

    to: colour whose chroma the region takes, its lightness moved towards it by at most `lightness` (contrast kept);
    shift: plain displacement instead. contrast: factor on the lightness' spread around the region's mean.
    """

    region: str
    to: Point | None = None
    shift: Point | None = None
    lightness: float = 25.0
    contrast: float = 1.0
    strength: float = 1.0


@dataclass(frozen=True)
class Dye:
    """Hair in another colour: that of the photo, of which a texel at the hairline has only a share, and the strands that edits bring.

    to: CIE Lab of the hair's middle tone; shift: plain displacement instead. deep, light: how far its deepest shade and its highlights lie
    from that, L*. roots: share of the way to a lighter tone by which roots stay behind.
    """

    to: Point | None = None
    shift: Point | None = None
    deep: float = 20.0
    light: float = 20.0
    roots: float = 0.0


@dataclass(frozen=True)
class Tint:
    """The colour of strands or objects of one kind ("hair", "hat", "glasses" ...), as `Recolor` on a region."""

    kind: str
    to: Point | None = None
    shift: Point | None = None
    lightness: float = 25.0


@dataclass(frozen=True)
class Detail:
    """A region's fine detail (pores, lines) strengthened by amount * `by`; negative smooths. size: eye distances."""

    region: str
    by: float
    size: float = 0.03


@dataclass(frozen=True)
class Bare:
    """Hair of a region replaced by the person's skin, on the bust by what lies beside it.

    share: of the hair that goes, the rest is stubble. cropped: half way to it hair is stubble, too, and not hair as faint as that.
    """

    region: str
    share: float = 1.0
    cropped: bool = False


@dataclass(frozen=True)
class Pupil:
    """Pupil widened by 1 + amount * `by`."""

    by: float


@dataclass(frozen=True)
class Paint:
    """A pattern on the skin: `kind` names the painter in synthesis/paint.py; shift: its colour's displacement in Lab."""

    kind: str
    shift: Point


@dataclass(frozen=True)
class Strands:
    """Facial hair: strands on a region.

    length (eye distances), density (strands per squared eye distance), width of a strand on average; cover: how much of the skin finer
    hair hides in the region's midst; lift: how far strands stand off (0 lies flat, 1 stands up); opacity: of one strand; pieces: Gaussians a strand;
    kind: what tints it; heavy: how much of their way strands turn down by their weight; varied: how much they differ in colour, of what a beard's do.
    """

    region: str
    length: float
    density: float
    width: float = 0.008
    cover: float = 0.3
    lift: float = 0.35
    opacity: float = 0.9
    pieces: int = 2
    kind: str = "beard"
    heavy: float = 0.35
    varied: float = 1.0


@dataclass(frozen=True)
class Locks:
    """Strands of hair on the head: `kind` names the cut in edits/head_hair.py; count of strands, width of one."""

    kind: str
    count: int
    width: float = 0.02


@dataclass(frozen=True)
class Prop:
    """An object: `kind` names the builder in synthesis/props.py, `color` its RGB."""

    kind: str
    color: Point


Edit = Sculpt | EyeSize | EyeSpacing | Ears | HairVolume | Tuck | Recolor | Dye | Tint | Detail | Bare | Pupil | Paint | Strands | Locks | Prop


@dataclass(frozen=True)
class Axis:
    """One direction of a category's latent space: what a slider moves along.

    low is -1 for two-sided axes, else 0; high is 1. regions: atlas regions that the edit owns; prompt: the same edit
    in words, for an instruction-driven image editor. needs: the axis of the same category without which this one has
    nothing to act on or to show (a frame's colour needs a frame, a bun needs hair that is combed back).
    """

    name: str
    label: str
    help: str
    edits: tuple[Edit, ...]
    regions: tuple[str, ...]
    low: float = 0.0
    prompt: str = ""

    high: float = 1.0
    needs: str | None = None


@dataclass(frozen=True)
class Style:
    """A named point in a category's latent space: coordinates along its axes."""

    name: str
    label: str
    at: tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Category:
    """One facial attribute with a latent vector of its own; the source portrait is its zero."""

    name: str
    label: str
    axes: tuple[Axis, ...]
    styles: tuple[Style, ...]

    @property
    def dim(self) -> int:
        """Length of the category's latent vector."""
        return len(self.axes)

    def axis_index(self, name: str) -> int:
        """Position of an axis in the latent vector; ValueError if the category has no such axis."""
        return [a.name for a in self.axes].index(name)


def axis(name: str, label: str, help: str, edits: Edit | tuple[Edit, ...], regions: tuple[str, ...], low: float = 0.0, prompt: str = "",
         needs: str | None = None) -> Axis:
    """An `Axis`, of one edit or several."""
    return Axis(name, label, help, edits if isinstance(edits, tuple) else (edits,), regions, low, prompt, needs=needs)


def style(name: str, label: str, **at: float) -> Style:
    """A `Style` from its coordinates."""
    return Style(name, label, tuple(at.items()))
