"""A whole small build with an editor whose edits are known: the avatar obeys the visitor's own words."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from perse.attributes.catalogue import BY_NAME
from perse.cli import main
from perse.controls import Controls
from perse.errors import BuildCancelled, PerseError
from perse.fitting.schedule import Schedule
from perse.pipeline import PersePipeline
from perse.renderer import Renderer
from perse.synthesis.base import Plan
from perse.synthesis.diffusion import DiffusionSynthesizer
from perse.synthesis.diffusion.editor import EditorGone
from perse.synthesis.diffusion.weighting import DIFFUSION, PROCEDURAL
from perse.texture.bake import bake

pytestmark = pytest.mark.slow


def only(name: str, *axes: str):
    """A category of the catalogue with these axes only."""
    category = BY_NAME[name]
    return replace(
        category,
        axes=tuple(a for a in category.axes if a.name in axes),
        styles=tuple(s for s in category.styles if {k for k, _ in s.at} <= set(axes)),
    )


HAIR = only("hair_colour", "hair_dark", "hair_blond")
CUT = only("hair", "hair_volume")
FEW = (CUT, only("hair_colour", "hair_dark"), only("nose", "nose_length"), only("glasses", "glasses_round"))


@pytest.fixture(scope="module")
def editor(stub, paint, looks, astronaut_portrait):
    def beach(image, mask, seed):
        return np.where(astronaut_portrait.alpha[..., None] > 0.5, image, np.float32([0.1, 0.4, 0.9]))

    return stub({"curly red hair": paint("hair"), "black hair": paint("hair", (0.10, 0.08, 0.07)), "a longer nose": beach, **looks})


@pytest.fixture(scope="module")
def made(editor, astronaut_portrait):
    """The avatar and its pipeline."""
    pipeline = PersePipeline(DiffusionSynthesizer(editor, tries=2), torch.device("cpu"))
    small = replace(
        Schedule.for_budget(20),
        gaussians=9000,
        source_frames=4,
        amounts=(0.5, 1.0),
        source_steps=25,
        lessons=40,
        photo_size=256,
        clip_size=160,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Schedule, "for_budget", staticmethod(lambda seconds, seed=0: replace(small, seed=seed)))
        words = ["curly red hair", "hair: black hair", "hair: like nothing on earth"]
        return pipeline.build(astronaut_portrait, budget=900, seed=0, categories=FEW, describe=words), pipeline


def redness(picture: np.ndarray, where: np.ndarray) -> float:
    picture = picture.astype(np.float32) / 255
    return float((picture[..., 0] - picture[..., 1:].mean(-1))[where].mean())


def test_the_report_says_what_was_made_and_what_was_not(made, editor):
    report = made[0].report.build
    synthesis = report["synthesis"]
    assert report["synthesizer"] == "diffusion" and synthesis["editor"] == "stub"
    assert set(synthesis["edits"]) == {"hair_as_curly_red_hair +", "hair_as_black_hair +", "hair_dark +"}
    assert synthesis["missing"] == ["hair_as_like_nothing_on_earth"]
    assert "too little" in synthesis["dropped"]["hair_as_like_nothing_on_earth +"]
    assert "outside the region" in synthesis["dropped"]["nose_length +"]
    assert not any(key.startswith("glasses") for key in [*synthesis["edits"], *synthesis["dropped"]]), "objects are not painted"
    assert {"head left", "head right", "smile"} <= set(synthesis["looks"]) and 0 < synthesis["painted"] < 1
    assert synthesis["interpolated"] >= 2
    tries = [r.seed for r in editor.asked if "longer nose" in r.prompt]
    assert len(tries) == 2 and tries[0] != tries[1]
    assert editor.asked[0].prompt.count("curly red hair") == 1, "the visitor's own words come first"


@pytest.mark.parametrize("yaw", [0, 30, -30])
def test_the_avatar_obeys_the_words_from_every_side(made, yaw):
    avatar, _ = made
    renderer = Renderer(avatar, 192)
    plain = renderer.frame(Controls(yaw=yaw))
    red = renderer.frame(Controls(yaw=yaw, styles={"hair": {"curly_red_hair": 1.0}}))
    change = np.abs(red.astype(int) - plain).max(-1)
    where = change > 40
    assert 0.04 < where.mean() < 0.4
    assert redness(red, where) - redness(plain, where) > 0.2
    half = redness(renderer.frame(Controls(yaw=yaw, styles={"hair": {"curly_red_hair": 0.5}})), where)
    assert redness(plain, where) < half - 0.05 < half + 0.05 < redness(red, where)


def test_the_words_stay_out_of_the_face(made, astronaut_portrait):
    avatar, _ = made
    renderer = Renderer(avatar, 192)
    plain, red = (renderer.frame(Controls(styles=s)).astype(int) for s in ({}, {"hair": {"curly_red_hair": 1.0}}))
    xy, _ = avatar.camera(Controls(), 192, 192).project(avatar.rig.vertices[[1, 4, 13, 152, 50, 280]])
    for x, y in xy.astype(int):
        assert np.abs(red - plain)[y - 2 : y + 3, x - 2 : x + 3].max() < 12


def test_the_words_survive_saving_and_loading(made, tmp_path):
    avatar, pipeline = made
    pipeline.save(avatar, tmp_path / "a.safetensors")
    loaded = pipeline.load(tmp_path / "a.safetensors")
    hair = pipeline.info(loaded)["categories"]["hair"]
    assert hair["styles"]["curly_red_hair"]["label"] == "Curly red hair" and "hair_as_curly_red_hair" in hair["axes"]
    assert "like_nothing_on_earth" not in hair["styles"] and len(hair["styles"]["curly_red_hair"]["latent"]) == hair["dim"]
    controls = Controls(yaw=10, styles={"hair": {"curly_red_hair": 1.0}})
    first, second = (Renderer(a, 128).frame(controls).astype(int) for a in (avatar, loaded))
    assert np.abs(first - second).mean() < 1
    pipeline.save(loaded, tmp_path / "b.safetensors")
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()


@pytest.fixture(scope="module")
def taught(stub, paint, looks, astronaut_portrait, rig):
    """Clips of one category made outside of a build."""
    editor = stub({"black hair": paint("hair", (0.10, 0.08, 0.07)), "blond hair": paint("hair", (0.95, 0.80, 0.40), 0.8), **looks})
    plan = Plan(size=96, source_frames=4, amounts=(0.5, 1.0), seed=1)
    texture = bake(astronaut_portrait, rig)
    return list(DiffusionSynthesizer(editor, tries=1).clips(astronaut_portrait, rig, texture, [HAIR, CUT], plan)), texture, editor


def test_photo_over_diffusion_over_procedural(taught):
    clips, _texture, _ = taught
    assert 1 > DIFFUSION > PROCEDURAL > 0
    weights = {frame.weight for frame in clips[0].frames}
    assert weights == {DIFFUSION, PROCEDURAL}, "views of both kinds show the person"
    by_axis = {}
    for clip in clips[1:]:
        for frame, latent in zip(clip.frames, clip.latents, strict=True):
            for k in np.flatnonzero(latent):
                by_axis.setdefault((CUT if clip.category == CUT.name else HAIR).axes[k].name, set()).add((clip.kind, frame.weight))
    assert {w for kind, w in by_axis["hair_dark"] if kind == "edit"} == {DIFFUSION}
    assert "hair_volume" not in by_axis, "refused, and the catalogue's own edit moves the surface alone, which needs no picture"
    assert ("interpolated", DIFFUSION) in by_axis["hair_dark"]


def test_generated_pictures_teach_the_portrait_s_own_view(taught, astronaut_portrait):
    clips, _texture, _ = taught
    index = HAIR.axis_index("hair_dark")
    clip = next(c for c in clips if c.kind == "edit" and c.latents[0][index] > 0)
    frame = clip.frames[-1]
    assert clip.latents[-1][index] == 1 and not frame.weights.any() and not frame.head.any()
    assert frame.image.shape == (96, 96, 3) and (frame.image.max(-1).astype(int) <= frame.alpha.astype(int) + 2).mean() > 0.999
    dark = (frame.before.kept < 55) & (frame.alpha > 250)
    assert 0.05 < dark.mean() < 0.5 and np.median(frame.image[dark]) < 70
    between = [z for clip in clips if clip.kind == "interpolated" for f, z in zip(clip.frames, clip.latents) if f.weight == DIFFUSION]
    assert between and all(np.abs(z).sum() == pytest.approx(1) and np.count_nonzero(z) == 2 for z in between)


def test_the_same_seed_asks_the_same(stub, astronaut_portrait, rig, texture):
    def asked(seed):
        editor = stub({})
        plan = Plan(size=48, source_frames=2, seed=seed)
        next(DiffusionSynthesizer(editor, tries=1).clips(astronaut_portrait, rig, texture, [HAIR], plan))
        return [(r.prompt, r.seed) for r in editor.asked]

    first = asked(1)
    assert len(first) >= 12 and asked(1) == first
    assert not {seed for _, seed in asked(2)} & {seed for _, seed in first}


def test_without_the_editor_the_build_goes_on_procedurally(astronaut_portrait, rig):
    class Gone:
        name, batch = "gone", 4

        def edit(self, requests, tick):
            raise EditorGone("No GPU was lent.")

    texture = bake(astronaut_portrait, rig)
    plan = Plan(size=48, source_frames=2, amounts=(1.0,))
    clips = list(DiffusionSynthesizer(Gone()).clips(astronaut_portrait, rig, texture, [BY_NAME["nose"], BY_NAME["beard"]], plan))
    assert {c.kind for c in clips} == {"source", "edit", "interpolated"}
    synthesis = plan.report
    assert synthesis["edits"] == [] and "No GPU was lent." in synthesis["dropped"].values()


def test_a_cancelled_build_stops_between_two_pictures(stub, astronaut_portrait, rig, texture):
    editor, calls = stub({}), []

    def progress(share, text):
        calls.append(text)
        if len(calls) == 4:
            raise BuildCancelled()

    with pytest.raises(BuildCancelled):
        list(DiffusionSynthesizer(editor).clips(astronaut_portrait, rig, texture, [HAIR], Plan(size=48), progress))
    assert len(editor.asked) <= 2 * editor.batch


def test_words_need_a_synthesizer_that_reads(pipeline, astronaut_portrait):
    with pytest.raises(PerseError, match="diffusion synthesizer"):
        pipeline.build(astronaut_portrait, describe=["curly red hair"])


def test_the_command_line_tells_in_one_line_that_words_need_it(astronaut, tmp_path, capsys):
    astronaut.save(tmp_path / "photo.png")
    code = main(
        [
            "build",
            str(tmp_path / "photo.png"),
            "-o",
            str(tmp_path / "a.safetensors"),
            "--synthesizer",
            "procedural",
            "--device",
            "cpu",
            "--describe",
            "curly red hair",
        ]
    )
    error = [line for line in capsys.readouterr().err.splitlines() if "note:" not in line]
    assert code == 2 and len(error) == 1 and "diffusion synthesizer" in error[0]
    assert not (tmp_path / "a.safetensors").exists()
