"""The latent space: the portrait is its zero, amounts are continuous, categories add up, edits stay at home."""

from dataclasses import fields

import numpy as np
import pytest
import torch

from perse.attributes.catalogue import CATEGORIES
from perse.controls import Controls
from perse.errors import PerseError
from perse.render.cloud import GaussianCloud

AXES = [(category, axis, sign) for category in CATEGORIES for axis in category.axes for sign in ((1, -1) if axis.low < 0 else (1,))]
NAMES = [f"{axis.name}{'+' if sign > 0 else '-'}" for _, axis, sign in AXES]
every_axis = pytest.mark.parametrize("category, axis, sign", AXES, ids=NAMES)
SIDE, TURN = 35.0, 224

# Where an edit of a category may show, on the rest face: x0, x1, y0, y1 in eye distances (x to the subject's left).
HOME = {
    "eyebrows": (-1.05, 1.05, -0.8, 0.2),
    "eyes": (-0.9, 0.9, -0.4, 0.4),
    "nose": (-0.6, 0.6, -0.35, 0.9),
    "mouth": (-0.75, 0.75, 0.35, 1.25),
    "beard": (-1.2, 1.2, 0.05, 2.6),
    "face_shape": (-1.45, 1.45, -1.7, 1.9),
    "glasses": (-1.35, 1.35, -0.5, 0.7),
    "makeup": (-0.9, 0.9, -0.6, 1.2),
    "ears": (-1.7, 1.7, -0.75, 1.3),
    "earrings": (-1.6, 1.6, 0.0, 1.8),
}
# Categories without such a box say instead what they must leave alone.
NOT_HOME = {
    "hair": (-0.45, 0.45, -0.1, 1.0),
    "hair_colour": (-0.45, 0.45, -0.1, 1.0),
    "skin": (-0.8, 0.8, -1.1, -0.8),
    "hat": (-0.6, 0.6, 0.1, 1.1),
    "headphones": (-0.45, 0.45, 0.0, 1.0),
    "clothes": (-0.6, 0.6, -0.6, 0.9),
}


def box(avatar, limits, size: int) -> np.ndarray:
    """(size, size) bool: the pixels of a box of the face, seen from the front."""
    x0, x1, y0, y1 = limits
    corners = np.array([[x, y, 0.0] for x in (x0, x1) for y in (y0, y1)], np.float32)
    xy, _ = avatar.camera(Controls(), size, size).project(corners)
    low, high = np.floor(xy.min(0)).astype(int), np.ceil(xy.max(0)).astype(int)
    out = np.zeros((size, size), bool)
    out[max(low[1], 0) : max(high[1], 0), max(low[0], 0) : max(high[0], 0)] = True
    return out


@pytest.fixture(scope="module")
def still(picture):
    """The unedited avatar from the front and from the side."""
    return {yaw: picture(TURN, yaw=yaw) for yaw in (0.0, SIDE)}


@pytest.fixture(scope="module", autouse=True)
def unmoved():
    """A camera that makes no way for tall styles (tests/avatar/test_headroom.py): what is asked here is what an edit does to the head."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("perse.renderer.framed", lambda avatar, controls, width, height: avatar.camera(controls, width, height))
        yield


@every_axis
def test_an_edit_shows_grows_and_stays_at_home(avatar, picture, still, category, axis, sign):
    if axis.name in avatar.report.build.get("limits", {}):
        pytest.skip("this portrait does not offer it")
    under = {} if axis.needs is None else {axis.needs: 1.0}
    if under:
        still = {yaw: picture(TURN, yaw=yaw, attributes=under) for yaw in still}

    def changed(amount: float, yaw: float) -> np.ndarray:
        return np.abs(picture(TURN, yaw=yaw, attributes={**under, axis.name: sign * amount}) - still[yaw]).max(-1)

    full, side = changed(1.0, 0.0), changed(1.0, SIDE)
    yaw = SIDE if side.sum() > 10 * full.sum() else 0.0  # a ponytail hangs behind the head
    change = {amount: changed(amount, yaw) for amount in (0.25, 0.5, 0.75)} | {1.0: side if yaw else full}
    # A visible effect, from the front or from the side: at least 12 grey levels somewhere, not in single pixels.
    seen = np.maximum(full, side)
    assert seen.max() > 12 / 255 and (seen > 6 / 255).sum() >= 10
    # The slider does something all the way, and never turns back.
    total = [float(c.sum()) for c in change.values()]
    assert total[0] > 0 and all(b > 0.98 * a for a, b in zip(total, total[1:])), total
    assert total[1] < 0.97 * total[3]
    # Almost nothing happens elsewhere.
    if category.name in HOME:
        home = box(avatar, HOME[category.name], TURN)
        assert full[~home].sum() < 0.02 * full.sum() + 1e-3
        assert full[~home].mean() < 1 / 255
    else:
        elsewhere = box(avatar, NOT_HOME[category.name], TURN)
        assert elsewhere.any() and full[elsewhere].mean() < min(1.5 / 255, 0.2 * full.max())


@every_axis
def test_amounts_are_continuous(avatar, category, axis, sign):
    def change(amount):
        z = torch.zeros(category.dim)
        z[category.axis_index(axis.name)] = amount
        return avatar.space({category.name: z})

    def seen(change, name):
        values = torch.zeros(1) if change is None else getattr(change, name)
        return (avatar.opacities + values).clamp(0, 0.99) if name == "opacity" else values

    # Ten steps of a hundredth: no step is much larger than its share of the whole way. What grows has a front, which passes
    # a Gaussian within a quarter of the way, or less where the slider's pace hurries on.
    for start in (0.0, 0.45, 0.9):
        steps = [change(sign * (start + k / 100)) for k in range(11)]
        for name in ("color", "opacity", "log_scale", "shape"):
            values = [seen(step, name) for step in steps]
            way = max(float((b - a).abs().max()) for a, b in zip(values, values[1:]))
            all_the_way = (seen(change(float(sign)), name) - seen(None, name)).abs()
            whole = float(all_the_way.max())
            # What is clipped half way is even stubble within a fifth of the way; a tail grows from crown to chest in the time of a fringe.
            # Where a hat's last amounts change nothing but the sizes of what it covers, the slider's pace hurries through them.
            if name == "opacity" and category.name == "hat":
                # The front of a hat, which grows from its rim, is narrow where the slider hurries: it passes few at a time.
                few = max(float((b - a).abs().mean()) for a, b in zip(values, values[1:]))
                assert few <= 0.2 * float(all_the_way.mean())
            else:
                assert way <= {"opacity": 0.55, "log_scale": 0.2}.get(name, 0.08) * whole + 0.05


def test_zero_is_the_portrait_to_the_last_bit(avatar):
    with torch.no_grad():
        rest = avatar(Controls())
        zero = avatar(
            Controls(
                attributes={axis.name: 0.0 for _, axis, _ in AXES},
                latents={c.name: (0.0,) * c.dim for c in CATEGORIES},
                styles={c.name: {s.name: 0.0 for s in c.styles} for c in CATEGORIES},
            )
        )
    for field in fields(GaussianCloud):
        assert torch.equal(getattr(rest, field.name), getattr(zero, field.name)), field.name
    assert avatar.space({c.name: torch.zeros(c.dim) for c in CATEGORIES}) is None


def test_categories_add_up_in_any_order(avatar):
    edits = {"nose_width": -0.7, "beard_full": 0.6, "jaw_width": 0.8, "hair_red": 1.0, "lip_red": 0.5}
    with torch.no_grad():
        one, other = (avatar(Controls(attributes=dict(items))) for items in (edits.items(), reversed(edits.items())))
        parts = [avatar.space(avatar.state(Controls(attributes={k: v})).latents) for k, v in edits.items()]
        whole = avatar.space(avatar.state(Controls(attributes=edits)).latents)
    torch.testing.assert_close(one.means, other.means, atol=1e-6, rtol=0)
    torch.testing.assert_close(one.colors, other.colors, atol=1e-6, rtol=0)
    for name in ("color", "opacity", "log_scale", "shape"):
        torch.testing.assert_close(getattr(whole, name), sum(getattr(p, name) for p in parts), atol=1e-5, rtol=0)


@pytest.mark.parametrize("axis", [axis for _, axis, sign in AXES if sign < 0], ids=lambda a: a.name)
def test_two_sided_axes_have_two_different_ends(picture, axis):
    rest = picture(128, yaw=20)
    plus, minus = (picture(128, yaw=20, attributes={axis.name: amount}) - rest for amount in (1.0, -1.0))
    assert np.abs(plus - minus).mean() > max(np.abs(plus).mean(), np.abs(minus).mean())
    # Opposite, on the whole: what one end adds the other takes away.
    assert (plus * minus).sum() < 0.5 * np.sqrt((plus**2).sum() * (minus**2).sum())


@pytest.mark.parametrize("category", CATEGORIES, ids=lambda c: c.name)
def test_styles_attributes_and_raw_latents_are_the_same_space(avatar, category):
    for style in category.styles:
        code = avatar.space.style_code(category.name, style.name)
        with torch.no_grad():
            states = [
                avatar.state(Controls(**controls)).latents[category.name]
                for controls in (
                    dict(styles={category.name: {style.name: 0.5}}),
                    dict(attributes={k: 0.5 * v for k, v in style.at}),
                    dict(latents={category.name: tuple(float(0.5 * x) for x in code)}),
                )
            ]
        for state in states:
            torch.testing.assert_close(state, torch.from_numpy(0.5 * code))


def test_amounts_end_where_their_axis_ends(avatar):
    over = avatar.state(Controls(attributes={"nose_width": 2.0, "beard_full": 2.0})).latents
    under = avatar.state(Controls(attributes={"nose_width": -2.0, "beard_full": -2.0})).latents
    assert float(over["nose"].max()) == 1.0 and float(over["beard"].max()) == 1.0
    assert float(under["nose"].min()) == -1.0 and float(under["beard"].min()) == 0.0


@pytest.mark.parametrize(
    "controls, told",
    [
        (dict(attributes={"nose_widht": 1.0}), "nose_widht"),
        (dict(styles={"beard": {"handlebar": 1.0}}), "handlebar"),
        (dict(styles={"tattoo": {"anchor": 1.0}}), "tattoo"),
        (dict(latents={"nose": (1.0,)}), "nose"),
        (dict(latents={"tattoo": (1.0,)}), "tattoo"),
        (dict(expression={"sneeze": 1.0}), "sneeze"),
    ],
)
def test_unknown_names_are_told(avatar, controls, told):
    with pytest.raises(PerseError, match=told):
        avatar.state(Controls(**controls))


def test_any_colour_goes_with_any_cut(avatar):
    """Dye adds to a cut what it does alone, also on the hair that the cut brings, and is gone where the cut takes the hair off."""

    def changed(**attributes):
        return avatar.space(avatar.state(Controls(attributes={name: float(x) for name, x in attributes.items()})).latents).color

    red, long = changed(hair_red=1), avatar.space.axes["hair_long"]
    brought = long.gaussians[avatar.opacities[long.gaussians] == 0]
    assert len(brought) > 500 and (red[brought].abs().max(1).values > 0.02).float().mean() > 0.9
    for cut in ("hair_long", "hair_fringe", "hair_short"):
        assert torch.allclose(changed(hair_red=1, **{cut: 1}), red + changed(**{cut: 1}), atol=1e-5), cut
    bald, half, clipped = changed(hair_bald=1), changed(hair_red=1, hair_bald=0.5), changed(hair_bald=0.5)
    basis = avatar.space.axes["hair_bald"]
    sure = basis.gaussians[basis.weight > 0.99]
    assert torch.allclose(changed(hair_red=1, hair_bald=1)[sure], bald[sure], atol=0.01)
    assert torch.allclose(half[sure], (0.5 * red + clipped)[sure], atol=0.01)


def test_looks_of_the_time_when_colour_and_cut_were_one_category_still_open(avatar):
    def latents(**given):
        return {name: z.numpy() for name, z in avatar.state(Controls(**given)).latents.items() if z.any()}

    now = latents(styles={"hair_colour": {"red": 0.5}, "hair": {"long": 1.0}})
    assert set(now) == {"hair_colour", "hair"}
    former = latents(styles={"hair": {"red": 0.5, "long": 1.0}})
    attributes = latents(attributes={"hair_red": 0.5, "hair_long": 1.0})
    for found in (former, attributes):
        assert set(found) == set(now) and all(np.array_equal(found[name], now[name]) for name in now)
    with pytest.raises(PerseError, match="mauve"):
        avatar.state(Controls(styles={"hair": {"mauve": 1.0}}))


def test_gradients_reach_latents_and_bases(avatar):
    z = torch.tensor([0.5] * avatar.space.categories["nose"].dim, requires_grad=True)
    state = avatar.state(Controls())
    state.latents = {"nose": z}
    avatar.cloud(state).means.square().sum().backward()
    assert z.grad is not None and z.grad.abs().min() > 0


def pair(avatar, first, second):
    """Of two hats: a function from their amounts to the change."""
    category = avatar.space.categories["hat"]

    def change(a, b):
        z = torch.zeros(category.dim)
        z[category.axis_index(first)], z[category.axis_index(second)] = a, b
        return avatar.space({"hat": z})

    return change


def test_half_way_between_two_hats_half_of_each_is_seen(avatar, picture):
    names = ("hat_cap", "hat_cowboy")
    change = pair(avatar, *names)
    # Each alone, and both in full, are what they were without the other.
    for a, b in ((1, 0), (0, 1), (0.5, 0), (1, 1)):
        one, other = change(a, 0), change(0, b)
        alone = sum(c.opacity for c in (one, other) if c is not None)
        assert torch.allclose(change(a, b).opacity, alone, atol=1e-4), (a, b)
    bare, first, second, half = (
        picture(TURN, attributes=dict(zip(names, amounts))) for amounts in ((0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (0.5, 0.5))
    )
    wanted = (first + second) / 2
    assert np.abs(half - wanted).mean() < 0.5 * np.abs(bare - wanted).mean(), "not two halves that have not grown yet"


def test_the_way_between_two_hats_is_continuous(avatar):
    change = pair(avatar, "hat_cap", "hat_cowboy")
    at = [change(1 - t, t) for t in np.linspace(0.0, 1.0, 101)]
    opacities = torch.stack([(avatar.opacities + c.opacity).clamp(0, 0.99) for c in at])
    assert float((opacities[1:] - opacities[:-1]).abs().mean(1).max()) < 0.02


def test_middles_are_no_part_of_what_only_moves_or_needs_another(avatar):
    hat = avatar.space.categories["hat"]
    z = torch.zeros(hat.dim)
    z[hat.axis_index("hat_beanie")] = z[hat.axis_index("hat_blue")] = 0.5
    assert set(avatar.space.powers("hat", z)) == {"hat_beanie", "hat_blue"}
    nose = avatar.space.categories["nose"]
    assert not avatar.space.powers("nose", torch.full((nose.dim,), 0.5)), "what only moves the surface paints nothing"
