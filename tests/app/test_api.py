"""Programs use the page through gradio_client: build, preview, video, export, info."""

import json

import av
import httpx
import numpy as np
import pytest
from gradio_client import handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from perse.controls import RANGES
from perse.motion.speech.loudness import Loudness
from perse.motion.speech.voice import VOICES, spoken
from perse.settings import VIDEO_SECONDS
from perse.sound import Sound

from .conftest import has_mark


def test_only_the_documented_endpoints_are_public(client):
    named = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert set(named) == {"/build", "/preview", "/video", "/export", "/info"}
    assert all(e["description"] for e in named.values())


def test_build_tells_about_the_photo_and_itself(built):
    assert len(built["avatar"]) >= 32
    assert built["build"]["gaussians"] > 5000 and built["build"]["psnr_head"] > 20
    assert any("pixels high" in hint["message"] for hint in built["quality"])


def test_preview_follows_the_controls(client, built):
    def picture(controls):
        path = client.predict(avatar=built["avatar"], controls=json.dumps(controls), size=256, background="white", api_name="/preview")
        return np.asarray(Image.open(path))

    pictures = [picture({}), picture({"styles": {"beard": {"full": 1}}})]
    assert pictures[0].shape == (256, 256, 3) and has_mark(pictures[0])
    assert np.abs(pictures[0].astype(int) - pictures[1]).max() > 60


def test_two_styles_mix(client, built):
    def picture(styles):
        path = client.predict(avatar=built["avatar"], controls=json.dumps({"styles": {"beard": styles}}), size=128, api_name="/preview")
        return np.asarray(Image.open(path)).astype(int)

    full, goatee, both = picture({"full": 1}), picture({"goatee": 1}), picture({"full": 0.6, "goatee": 0.4})
    apart = np.abs(full - goatee).mean()
    assert 0 < np.abs(both - full).mean() < apart and 0 < np.abs(both - goatee).mean() < apart


def test_info_says_what_the_portrait_does_not_allow(client, built):
    beard = client.predict(avatar=built["avatar"], api_name="/info")["categories"]["beard"]
    assert beard["axes"]["beard_full"]["available"] and not beard["axes"]["beard_shaven"]["available"]
    assert "no beard" in beard["styles"]["shaven"]["reason"]


def test_video_is_a_playable_mp4_of_the_asked_length(client, built):
    path = client.predict(
        avatar=built["avatar"], controls='{"expression":{"smile":0.5}}', motion="nod", seconds=1, fps=10, size=128, api_name="/video"
    )
    with av.open(path) as video:
        stream = video.streams.video[0]
        frames = [f.to_ndarray(format="rgb24") for f in video.decode(stream)]
        assert stream.codec_context.name == "h264" and "ynthetic" in video.metadata["comment"]
    assert len(frames) == 10 and frames[0].shape == (128, 128, 3) and has_mark(frames[0])
    assert np.abs(frames[1].astype(int) - frames[4]).mean() > 0.5


def test_looks_come_and_go_in_a_video(client, built):
    keys = '[{"seconds": 0}, {"seconds": 0.5, "look": {"head_yaw": 30}}]'
    path = client.predict(avatar=built["avatar"], motion="orbit", keys=keys, seconds=1, fps=5, size=128, api_name="/video")
    plain = client.predict(avatar=built["avatar"], motion="orbit", seconds=1, fps=5, size=128, api_name="/video")
    with av.open(path) as one, av.open(plain) as other:
        pairs = zip(one.decode(video=0), other.decode(video=0))
        apart = [np.abs(a.to_ndarray(format="rgb24").astype(int) - b.to_ndarray(format="rgb24")).mean() for a, b in pairs]
    assert len(apart) == 5 and 4 * apart[0] < apart[2]  # of the first only H.264 makes two


def heard(path) -> Sound:
    """The sound of a video."""
    with av.open(path) as video:
        resampler = av.AudioResampler("flt", "mono", 16_000)
        pieces = [piece.to_ndarray().ravel() for frame in video.decode(audio=0) for piece in resampler.resample(frame)]
    return Sound(np.concatenate(pieces), 16_000)


def agreement(one: Sound, other: Sound) -> float:
    """How far the loudness of two sounds goes the same way, as a correlation."""
    a, b = (Loudness.of(sound).values for sound in (one, other))
    count = min(len(a), len(b))
    return float(np.corrcoef(a[:count], b[:count])[0, 1])


def test_an_avatar_says_a_text(client, built, folder):
    said = "Marvellous turquoise balloons."
    path = client.predict(avatar=built["avatar"], say=said, voice="deep", fps=20, size=128, api_name="/video")
    spoke = spoken(said, "deep").sound
    assert agreement(heard(path), spoke) > 0.97
    with av.open(path) as video:
        frames = [f.to_ndarray(format="rgb24") for f in video.decode(video=0)]
    assert len(frames) == pytest.approx(20 * spoke.seconds, abs=1) and has_mark(frames[0])
    assert np.abs(frames[4].astype(int) - frames[12]).mean() > 0.3
    assert "balloons" not in (folder / "log.txt").read_text()


def test_an_avatar_speaks_a_recording_that_is_gone_afterwards(client, built, folder, tmp_path):
    recording = tmp_path / "someones-voice.wav"
    recording.write_bytes(spoken("Could you open the window, please?", "bright").sound.wav())
    asked = dict(avatar=built["avatar"], speech=handle_file(str(recording)), size=128, format="webm", api_name="/video")
    with pytest.raises(AppError, match="your voice, or that you have the person's permission"):
        client.predict(**asked)
    assert not list(folder.rglob("someones-voice*")), "refused: gone"
    assert agreement(heard(client.predict(**asked, consent=True)), spoken("Could you open the window, please?", "bright").sound) > 0.9
    assert not list(folder.rglob("someones-voice*")), "used: gone"


def test_every_video_format_says_that_it_is_synthetic(client, built):
    short = dict(avatar=built["avatar"], motion="nod", seconds=0.5, fps=10, size=128, api_name="/video")
    with av.open(client.predict(format="webm", **short)) as video:
        assert "ynthetic" in {k.lower(): v for k, v in video.metadata.items()}["comment"]
    with Image.open(client.predict(format="gif", **short)) as gif:
        assert b"ynthetic" in gif.info["comment"] and gif.n_frames == 5
        assert has_mark(np.asarray(gif.convert("RGB")))
    with Image.open(client.predict(format="webp", background="transparent", **short)) as webp:
        assert b"ynthetic" in webp.info["xmp"] and webp.n_frames == 5
        assert np.asarray(webp.convert("RGBA"))[0, 0, 3] == 0, "beside the head there is nothing"


def test_export_gives_a_ply(client, built):
    with open(client.predict(avatar=built["avatar"], api_name="/export"), "rb") as file:
        head = file.read(400)
    assert head.startswith(b"ply\nformat binary_little_endian") and b"opacity" in head


def test_info_lists_names(client, built):
    info = client.predict(avatar=built["avatar"], api_name="/info")
    assert "full" in info["categories"]["beard"]["styles"] and "smile" in info["expressions"] and "turntable" in info["motions"]
    assert set(info["voices"]) == set(VOICES)
    assert info["ranges"]["yaw"] == list(RANGES["yaw"]) and info["limits"]["video"]["seconds"] == list(VIDEO_SECONDS)


@pytest.mark.parametrize(
    "name, arguments, sentence",
    [
        ("/build", {"consent": False}, "permission"),
        ("/build", {"consent": True, "budget": 100_000}, "budget"),
        ("/build", {"consent": True, "seed": 10**300}, "seed"),
        ("/preview", {"avatar": "nobody"}, "no longer here"),
        ("/preview", {"controls": "{"}, "JSON"),
        ("/preview", {"size": 100_000}, "size"),
        ("/video", {"motion": "moonwalk"}, "moonwalk"),
        ("/video", {"keys": "[]"}, "list of 2"),
        ("/video", {"seconds": 4000}, "length"),
        ("/video", {"say": "Hello", "voice": "nobody"}, "Unknown voice 'nobody'"),
        ("/video", {"say": "你好，很高兴认识你"}, "reads English only"),
        ("/video", {"say": "☺ ☺"}, "nothing to say"),
        ("/video", {"say": "again and " * 400}, "takes longer to say"),
        ("/video", {"format": "exe"}, "exe"),
        ("/export", {"format": "../../x"}, "format"),
    ],
)
def test_bad_calls_get_one_clear_sentence(client, built, astronaut, name, arguments, sentence):
    base = {"photo": handle_file(str(astronaut))} if name == "/build" else {"avatar": built["avatar"]}
    with pytest.raises(AppError, match=sentence):
        client.predict(**(base | arguments), api_name=name)


def test_what_is_no_recording_is_one_clear_sentence_and_gone(client, built, folder, tmp_path):
    noise = tmp_path / "no-voice.wav"
    for data, sentence in ((b"RIFFnothing", "no-voice.wav"), (Sound(np.zeros(24_000, np.float32), 24_000).wav(), "Nothing can be heard")):
        noise.write_bytes(data)
        with pytest.raises(AppError, match=sentence):
            client.predict(avatar=built["avatar"], speech=handle_file(str(noise)), consent=True, size=128, api_name="/video")
    noise.write_bytes(spoken("Hello").sound.wav())
    with pytest.raises(AppError, match="one of a text to say and a recording"):
        client.predict(avatar=built["avatar"], say="Hi", speech=handle_file(str(noise)), consent=True, api_name="/video")
    assert not list(folder.rglob("no-voice*"))


def test_a_file_of_the_server_is_no_photo(client, astronaut):
    for path in ("/etc/hostname", "https://example.com/me.jpg"):
        with pytest.raises(Exception, match="403|upload"):
            client.predict(photo={"path": path, "meta": {"_type": "gradio.FileData"}}, consent=True, api_name="/build")


def test_each_build_is_a_visit_of_its_own_and_a_refused_one_leaves_nothing(client, server, astronaut, folder):
    def visits():
        return httpx.get(f"{server}/perse/health").json()["visits"]

    before = visits()
    with pytest.raises(AppError, match="permission"):
        client.predict(photo=handle_file(str(astronaut)), consent=False, api_name="/build")
    data = astronaut.read_bytes()
    assert visits() == before and not [p for p in folder.rglob("*.png") if p.read_bytes() == data]
