"""Small networks that an owner adds: tiny ones with the same input and output are loaded, checked on the example, used, or left aside."""

import cv2
import numpy as np
import pytest

from perse.cli import main
from perse.face.landmarks import CHIN, FACE_OUTLINE, FOREHEAD_TOP, NOSE_FRONT
from perse.face.polygons import polygon
from perse.portrait import load_portrait, networks
from perse.portrait.hair_skin_cloth import divide
from perse.portrait.matting import person_matte
from perse.portrait.networks.body_parts import load_parts
from perse.portrait.networks.identity import RAW, TEMPLATE, aligned, load_embedding
from perse.portrait.networks.matte import load_cut
from perse.portrait.networks.self_check import check_embedding, check_parts, example
from perse.pretrained import find
from tests.tiny_networks import write_embedding, write_matte, write_parts

MATTE, PARTS, FACES = "modnet", "selfie-multiclass", "sface"


@pytest.fixture(scope="module")
def known(astronaut):
    """The astronaut as the embedded part sees her, in the picture that networks are checked on."""
    portrait = load_portrait(astronaut, 512)

    def there(name: str) -> np.ndarray:
        mask = portrait.alpha if name == "alpha" else portrait.masks[name]
        return cv2.resize(mask, (len(example()[0]),) * 2, interpolation=cv2.INTER_LINEAR)

    alpha, hair, clothes = there("alpha"), there("hair"), there("clothes")
    return {"alpha": alpha, "hair": hair, "clothes": clothes, "bare": np.clip(alpha - hair - clothes, 0, 1)}


def logits(seen) -> np.ndarray:
    """What a network would give that sees parts (S, S) so."""
    none = np.zeros_like(seen["hair"])
    shares = np.stack([1 - seen["alpha"], seen["hair"], none, seen["bare"], seen["clothes"], none], -1)
    return np.log(cv2.resize(shares, (256, 256), interpolation=cv2.INTER_AREA) + 1e-4)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An owner's folder of weights; nothing in it yet."""
    monkeypatch.setenv("PERSE_WEIGHTS", str(tmp_path))
    monkeypatch.setattr(networks, "_tried", {})
    return lambda name: tmp_path / name / find(name).files[0].path


def between() -> np.ndarray:
    """A face between the two that an embedding is checked on."""
    return sum(aligned(*example(name)) for name in ("astronaut", "hopper")) / 2


def test_without_files_nothing_serves(folder, run):
    assert networks.cut() is networks.parts() is networks.embedding() is None and networks.notes() == ()
    code, out, _ = run("weights", "check")
    assert code == 0 and '"here": false' in out and '"serves"' not in out


def test_networks_that_pass_serve_and_say_so(folder, known, run):
    write_matte(folder(MATTE), known["alpha"])
    write_parts(folder(PARTS), logits(known))
    write_embedding(folder(FACES), between())
    assert networks.cut() and networks.parts() and networks.embedding()
    assert set(networks.notes()) == {
        "modnet cuts people out.",
        "selfie-multiclass tells hair from skin and clothes.",
        "sface tells people apart.",
    }
    code, out, _ = run("weights", "check", MATTE)
    assert code == 0 and '"serves": true' in out and '"overlap"' in out


@pytest.mark.parametrize("fault", ["nonsense", "another shape", "sees nothing", "sees everything", "another place", "a blur"])
def test_a_matting_network_that_fails_its_check_is_left_aside(folder, known, fault):
    opacity = known["alpha"]
    made = {
        "another shape": opacity[:256, :256],
        "sees nothing": 0 * opacity,
        "sees everything": 0 * opacity + 1,
        "another place": np.roll(opacity, 120, 1),
        "a blur": cv2.GaussianBlur(opacity, (0, 0), 60),
    }
    if fault == "nonsense":
        folder(MATTE).parent.mkdir(parents=True)
        folder(MATTE).write_bytes(b"nonsense")
    else:
        write_matte(folder(MATTE), made[fault])
    assert networks.cut() is None
    (note,) = networks.notes()
    assert note.startswith("modnet is here and does not serve: ") and "\n" not in note and note.endswith(".")


@pytest.mark.parametrize("fault", ["hair for clothes", "skin everywhere", "nobody"])
def test_a_network_of_parts_that_fails_its_check_is_left_aside(tmp_path, known, fault):
    seen = known
    wrong = {
        "hair for clothes": seen | {"hair": seen["clothes"], "clothes": seen["hair"]},
        "skin everywhere": seen | {"hair": 0 * seen["hair"], "clothes": 0 * seen["hair"], "bare": seen["alpha"]},
        "nobody": {name: 0 * mask for name, mask in seen.items()},
    }[fault]
    with pytest.raises(ValueError):
        check_parts(load_parts(write_parts(tmp_path / "parts.tflite", logits(wrong))))
    assert check_parts(load_parts(write_parts(tmp_path / "parts.tflite", logits(seen))))["hair"] > 0.6


def test_an_embedding_has_to_tell_two_people_apart(tmp_path):
    figures = check_embedding(load_embedding(write_embedding(tmp_path / "faces.onnx", between())))
    assert figures["same"] > 0.5 > figures["other"]
    alike = write_embedding(tmp_path / "alike.onnx", np.zeros((112, 112, 3)))  # all faces are alike before nothing
    with pytest.raises(ValueError, match="two people are alike"):
        check_embedding(load_embedding(alike))


def test_networks_see_what_they_were_trained_on(tmp_path, monkeypatch):
    """A matting network and one of parts: RGB in [-1, 1], the whole picture. A face embedding: as its row says."""
    seen = []

    class Spy:
        def __init__(self, path):
            pass

        def __call__(self, batch):
            seen.append(batch)
            return {"out": np.zeros((1, 256, 256, 6), np.float32)} if batch.ndim == 3 else np.zeros((1, 1, 512, 512), np.float32)

    monkeypatch.setattr("perse.portrait.networks.matte.OnnxNetwork", Spy)
    monkeypatch.setattr("perse.portrait.networks.identity.OnnxNetwork", Spy)
    monkeypatch.setattr("perse.portrait.networks.body_parts.Network", Spy)
    picture, landmarks = np.zeros((300, 300, 3), np.float32), example()[1]
    picture[..., 0], picture[:150, :, 2] = 1.0, 0.5
    load_cut(tmp_path)(picture)
    assert seen[-1].shape == (1, 3, 512, 512) and [seen[-1][0, c, 0, 0] for c in range(3)] == [1, -1, 0] and seen[-1][0, 2, -1, 0] == -1
    load_parts(tmp_path)(picture, landmarks)
    assert seen[-1].shape == (256, 256, 3) and list(seen[-1][0, 0]) == [1, -1, 0]
    load_embedding(tmp_path, RAW)(picture, landmarks)
    assert seen[-1].shape == (1, 3, 112, 112) and seen[-1][0, 0].max() == 255 and seen[-1][0, 1].max() == 0
    load_embedding(tmp_path)(picture, landmarks)
    assert seen[-1][0, 0].max() == 1 and seen[-1][0, 1].max() == -1


def test_what_a_matting_network_sees_is_cut_out(astronaut_portrait):
    portrait, points = astronaut_portrait, astronaut_portrait.landmarks
    size = len(portrait.image)
    lock = np.zeros((size, size), np.float32)
    cv2.circle(lock, (int(0.12 * size), int(0.35 * size)), int(0.05 * size), 1.0, -1)
    cv2.line(
        lock, (int(0.12 * size), int(0.35 * size)), (size // 2, int(0.35 * size)), 1.0, max(3, size // 20)
    )  # it hangs together with her
    asked = np.maximum(portrait.alpha, lock)
    own, _ = person_matte(portrait.image, points, portrait.alpha, None)
    with_it, _ = person_matte(portrait.image, points, portrait.alpha, None, lambda picture: asked)
    middle = np.s_[int(0.34 * size) : int(0.36 * size), int(0.11 * size) : int(0.13 * size)]
    assert with_it[middle].mean() > 0.8 > 0.2 > own[middle].mean()
    # One that sees another person, or not the face, is not believed.
    for wrong in (np.roll(asked, size // 2, 1), asked * (1 - polygon(points, FACE_OUTLINE, size))):
        again, _ = person_matte(portrait.image, points, portrait.alpha, None, lambda picture: wrong)  # noqa: B023
        np.testing.assert_array_equal(again, own)


def test_what_a_network_sees_as_hair_is_hair(astronaut_portrait):
    """Her shoulder, say: colours alone say cloth, and where the network is not sure they still do."""
    portrait, points = astronaut_portrait, astronaut_portrait.landmarks
    size, height = len(portrait.image), points[CHIN, 1] - points[FOREHEAD_TOP, 1]
    seen = np.stack([portrait.masks["hair"], portrait.masks["skin"] + portrait.masks["neck"], portrait.masks["clothes"]])
    x, y = int(points[CHIN, 0]), min(size - 1, int(points[CHIN, 1] + 0.6 * height))
    around = np.s_[y - 5 : y + 5, x - 5 : x + 5]
    _, _, own = divide(portrait.foreground, portrait.alpha, points)
    _, _, same = divide(portrait.foreground, portrait.alpha, points, seen)
    assert own[around].mean() > 0.9 and same[around].mean() > 0.9
    bare = seen.copy()
    bare[1, int(points[CHIN, 1]) :], bare[2, int(points[CHIN, 1]) :] = bare[2, int(points[CHIN, 1]) :], 0
    _, neck, clothes = divide(portrait.foreground, portrait.alpha, points, bare)
    assert neck[around].mean() > 0.8 and clothes[around].mean() < 0.2
    unsure = np.full_like(seen, 1 / 3)
    _, _, colours = divide(portrait.foreground, portrait.alpha, points, unsure)
    assert colours[around].mean() > 0.8


def test_what_is_worn_counts_as_what_it_hangs_before(tmp_path):
    """A hat is hair, glasses are skin, a necklace is cloth."""
    thing = np.full((256, 256, 6), -9.0)
    thing[..., 5] = 9.0
    picture, landmarks = example()
    shares = load_parts(write_parts(tmp_path / "parts.tflite", thing))(picture, landmarks)
    x, y = landmarks[NOSE_FRONT, :2].astype(int)
    assert shares[1, y, x] > 0.9 and shares[0, 5, x] > 0.9 and shares[2, -5, x] > 0.9
    np.testing.assert_allclose(shares.sum(0), 1, atol=1e-3)


def test_a_whole_portrait_with_all_of_them(folder, known, astronaut, hopper):
    """The networks know the astronaut alone: she is as she was, and of somebody else they are not believed."""
    plain = [load_portrait(person, 256) for person in (astronaut, hopper)]
    write_matte(folder(MATTE), known["alpha"])
    write_parts(folder(PARTS), logits(known))
    assert networks.cut() is not None and networks.parts() is not None
    again = load_portrait(astronaut, 256)
    assert np.abs(again.alpha - plain[0].alpha).mean() < 0.01
    assert all(np.abs(again.masks[name] - plain[0].masks[name]).mean() < 0.02 for name in ("hair", "skin", "clothes"))
    folder(PARTS).unlink()
    assert np.abs(load_portrait(hopper, 256).alpha - plain[1].alpha).max() == 0


def test_the_face_is_laid_on_the_template(astronaut_portrait):
    landmarks = astronaut_portrait.landmarks
    marked = np.zeros_like(astronaut_portrait.image)
    eyes = [landmarks[[33, 133], :2].mean(0), landmarks[[362, 263], :2].mean(0)]
    for point in eyes:
        cv2.circle(marked, tuple(int(v) for v in point), 6, (1, 1, 1), -1)
    face = aligned(marked, landmarks)[..., 0]
    assert face.shape == (112, 112)
    for x, y in TEMPLATE[:2]:
        assert face[int(y) - 2 : int(y) + 3, int(x) - 2 : int(x) + 3].max() > 0.6
    assert 0.001 < face.mean() < 0.05
    # Turned and larger it is the same face.
    turned = np.rot90(astronaut_portrait.image).repeat(2, 0).repeat(2, 1)
    side = astronaut_portrait.image.shape[1]
    moved = np.stack([landmarks[:, 1], side - landmarks[:, 0]], 1) * 2
    assert np.abs(aligned(turned, moved) - aligned(astronaut_portrait.image, landmarks)).mean() < 0.03


def test_the_command_refuses_an_unknown_name(capsys):
    assert main(["weights", "check", "nobody"]) == 2
    assert "Unknown model" in capsys.readouterr().err
