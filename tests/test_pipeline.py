"""The object behind page, command line and API: pictures in every framing, videos whole or not at all, one instance."""

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from perse.avatar.backdrop import remember
from perse.controls import Controls
from perse.errors import BuildCancelled, PerseError
from perse.media import Clip, read_sound
from perse.motion.motion import Motion
from perse.motion.presets import preset_motion
from perse.pipeline import PersePipeline, choose_device
from perse.portrait import head_mask
from perse.render.picture import encode_picture
from perse.renderer import Renderer, parse_color
from perse.sound import Sound


def test_one_pipeline_a_process(pipeline):
    assert PersePipeline.from_pretrained(device="cpu") is pipeline
    assert PersePipeline.from_pretrained("auto", "cpu") is pipeline
    assert choose_device("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_pictures_are_the_same_every_time_and_from_every_thread(pipeline, avatar):
    controls = Controls(expression={"smile": 0.5}, styles={"hair_colour": {"red": 1.0}}, yaw=10)
    first = pipeline.render(avatar, controls, 128)
    results = [None] * 4

    def work(i):
        results[i] = pipeline.render(avatar, controls, 128)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert first.dtype == np.uint8 and all(np.array_equal(first, r) for r in results)


def test_rendering_leaves_the_avatar_alone(pipeline, avatar):
    before = {k: v.clone() for k, v in avatar.state_dict().items()}
    pipeline.render(avatar, Controls(styles={"beard": {"full": 1.0}}, expression={"blink": 1.0}), 96, "transparent")
    assert all(torch.equal(v, before[k]) for k, v in avatar.state_dict().items())


def test_sizes_agree(avatar):
    """A small picture is a large one seen from further away, not another view."""
    small, large = (Renderer(avatar, n, "black").frame().astype(float) for n in (128, 512))
    shrunk = large.reshape(128, 4, 128, 4, 3).mean((1, 3))
    assert np.corrcoef(small.ravel(), shrunk.ravel())[0, 1] > 0.975
    assert np.corrcoef(np.roll(small, 4, 1).ravel(), shrunk.ravel())[0, 1] < 0.97


def test_transparent_and_coloured_backgrounds_are_the_same_person(avatar):
    clear = Renderer(avatar, 128, "transparent").frame().astype(float)
    alpha = clear[..., 3:] / 255
    for name, color in (("white", 255.0), ("black", 0.0)):
        solid = Renderer(avatar, 128, name).frame().astype(float)
        assert np.abs(clear[..., :3] * alpha + (1 - alpha) * color - solid).max() < 3
    assert 0.2 < (alpha > 0.5).mean() < 0.9


def test_the_original_background_is_the_photo(avatar, astronaut, astronaut_portrait):
    whole = Renderer(avatar, background="original", framing="source").frame().astype(float)
    photo = np.asarray(astronaut).astype(float)
    assert whole.shape == photo.shape
    crop = astronaut_portrait.crop
    outside = np.ones(photo.shape[:2], bool)
    outside[max(0, int(crop.y0)) : int(crop.y0 + crop.side) + 1, max(0, int(crop.x0)) : int(crop.x0 + crop.side) + 1] = False
    if outside.any():
        assert np.abs(whole - photo)[outside].mean() < 3  # only JPEG comes between
    assert np.abs(whole - photo).mean() < 5
    small = Renderer(avatar, 128, "original", "source").frame().astype(float)
    reduced = whole.reshape(128, 4, 128, 4, 3).mean((1, 3))
    aside = min(np.abs(np.roll(small, by, axis) - reduced).mean() for by in (-1, 1) for axis in (0, 1))
    assert small.shape == (128, 128, 3) and np.abs(small - reduced).mean() < min(4, aside / 2)  # the same, smaller, at its place
    assert Renderer(avatar, 2048, "original", "source").frame().shape == whole.shape  # never larger than the photo
    turned = Renderer(avatar, background="original", framing="source").frame(Controls(head_yaw=25)).astype(float)
    assert np.abs(turned - whole).mean() > 2


def test_an_avatar_without_its_photo_says_so(avatar):
    source, avatar.source = avatar.source, None
    try:
        for arguments in (dict(background="original"), dict(framing="source")):
            with pytest.raises(PerseError, match="photo"):
                Renderer(avatar, **arguments)
    finally:
        avatar.source = source


def test_a_video_has_the_frames_of_its_motion(pipeline, avatar, tmp_path):
    shares = []
    motion = preset_motion("shake", Controls(styles={"glasses": {"round": 1.0}}), 1.0, 12)
    pipeline.video(avatar, motion, tmp_path / "v.mp4", 128, progress=shares.append)
    frames = [pixels.astype(float) for _, pixels in Clip(tmp_path / "v.mp4")]
    assert len(frames) == 12 and shares == [(i + 1) / 12 for i in range(12)]
    for i in (0, 5):
        assert np.abs(frames[i] - Renderer(avatar, 128).frame(motion.at(i))).mean() < 5


def test_a_video_has_the_sound_of_its_motion_where_its_format_has_any(pipeline, avatar, tmp_path):
    sound = Sound(np.random.default_rng(0).uniform(-0.5, 0.5, 24_000).astype(np.float32), 24_000)
    motion = replace(preset_motion("shake", Controls(), 1.0, 12), sound=sound)
    assert pipeline.video(avatar, motion, tmp_path / "v.webm", 64) == ()
    assert np.abs(read_sound(tmp_path / "v.webm")).mean() > 0.1
    (note,) = pipeline.video(avatar, motion, tmp_path / "v.gif", 64)
    assert "no sound" in note and len(list(Clip(tmp_path / "v.gif"))) == 12
    assert pipeline.video(avatar, replace(motion, sound=None), tmp_path / "v.gif", 64) == ()


def test_a_film_that_a_card_gives_up_is_drawn_on_the_cpu(pipeline, avatar, tmp_path, monkeypatch):
    from perse.avatar.avatar import Avatar

    def place(self, device):
        raise torch.AcceleratorError("CUDA error: out of memory")

    monkeypatch.setattr(Avatar, "place", place)
    on_card = PersePipeline(pipeline.synthesizer, torch.device("cuda"))
    notes = on_card.video(avatar, preset_motion("shake", Controls(), 0.3, 12), tmp_path / "v.mp4", 64)
    assert "drawn on the CPU" in notes[-1] and (tmp_path / "v.mp4").stat().st_size > 1000


def test_a_cancelled_or_failed_video_leaves_nothing(pipeline, avatar, tmp_path):
    motion = preset_motion("shake", Controls(), 1.0, 12)
    done = []
    with pytest.raises(BuildCancelled):
        pipeline.video(avatar, motion, tmp_path / "v.mp4", 64, progress=done.append, cancelled=lambda: len(done) > 3)

    def fails(i):
        if i == 3:
            raise PerseError("sneezed")
        return Controls()

    with pytest.raises(PerseError, match="sneezed"):
        pipeline.video(avatar, Motion(6, 12.0, fails), tmp_path / "v.mp4", 64)
    with pytest.raises(PerseError, match="transparent"):
        pipeline.video(avatar, motion, tmp_path / "v.mp4", 64, "transparent")
    assert list(tmp_path.iterdir()) == []


def test_colours():
    assert parse_color("white") == (1, 1, 1) and parse_color("#ff8000") == (1, 128 / 255, 0)
    for text in ("", "#", "#12345", "#gggggg", "red ", "#12 456", "#+1+2+3", "rgb(1,2,3)"):
        with pytest.raises(PerseError, match="background"):
            parse_color(text)


@pytest.mark.parametrize("suffix, magic", [(".png", b"\x89PNG"), (".jpg", b"\xff\xd8"), (".JPEG", b"\xff\xd8"), (".webp", b"RIFF")])
def test_pictures_are_marked_as_synthetic(suffix, magic):
    data = encode_picture(np.zeros((8, 8, 3), np.uint8), suffix)
    assert data.startswith(magic)
    if suffix != ".webp":
        assert b"Synthetic picture" in data


def test_the_head_mask_leaves_clothes_out(astronaut_portrait):
    mask = head_mask(astronaut_portrait)
    assert mask.min() >= 0 and mask.max() <= 1
    assert (mask * astronaut_portrait.masks["face"]).sum() > 0.95 * astronaut_portrait.masks["face"].sum()
    assert (mask * astronaut_portrait.masks["clothes"]).sum() < 0.3 * astronaut_portrait.masks["clothes"].sum()
    source = remember(astronaut_portrait)
    assert source.background[:2] == b"\xff\xd8" and source.size == (512, 512)


@pytest.mark.slow
@pytest.mark.parametrize("patience, seconds", [(1.0, 10.0), (2.5, 10.0), (20.0, None), (100, None), (float("inf"), None)])
def test_much_patience_asks_no_clock(pipeline, astronaut_portrait, monkeypatch, patience, seconds):
    """So that a seed gives one avatar, whatever machine it is built on."""

    class Asked(Exception):
        pass

    def timetable(schedule, given, limit, **more):
        raise Asked(given)

    monkeypatch.setattr("perse.pipeline.Timetable", timetable)
    with pytest.raises(Asked) as asked:
        pipeline.build(astronaut_portrait, budget=10.0, patience=patience)
    assert asked.value.args == (seconds,)


def test_kernels_are_there_before_a_build_is_timed(pipeline, astronaut_portrait, monkeypatch):
    """On a fresh machine compiling would pass for slowness, and cost the face its steps."""
    seen = []

    def timetable(*args, **more):
        seen.append("timed")
        raise BuildCancelled()

    monkeypatch.setattr("perse.pipeline.compile_ahead.ready", lambda: seen.append("ready"))
    monkeypatch.setattr("perse.pipeline.Timetable", timetable)
    for patience in (2.5, float("inf")):
        with pytest.raises(BuildCancelled):
            pipeline.build(astronaut_portrait, budget=10.0, patience=patience, progress=lambda share, text, picture: seen.append(text))
    assert seen == ["Warming up", "ready", "timed", "timed"]
