"""The table of every pretrained file: where it comes from, what it may be used for, and what it must be, byte for byte. The embedded path needs none
of them; `hub.py` brings them here.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from .errors import PerseError


@dataclass(frozen=True)
class File:
    """A file of a repository: its path there, bytes, SHA-256 in hex."""

    path: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Pretrained:
    """A pinned model of the Hub, or of a place of its own.

    revision: a full commit hash; a branch or a tag would let the files change. doubts: what could not be settled, in plain words.
    small: tens of megabytes, which a machine without a GPU can use. address: where it is not on the Hub, the server; its files are at
    address/repo/revision/path.
    """

    name: str
    repo: str
    revision: str
    files: tuple[File, ...]
    licence: str
    purpose: str
    used_by: str
    doubts: str = ""
    small: bool = False
    address: str = ""

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)


# Revisions, sizes and hashes are those that several independent public projects record for these files; they were not compared with
# the Hub itself when this table was written. Whatever is fetched is compared with them, byte for byte.
MODELS: tuple[Pretrained, ...] = (
    Pretrained(
        "flux2-klein-4b",
        "black-forest-labs/FLUX.2-klein-4B",
        "e7b7dc27f91deacad38e78976d1f2b499d76a294",
        (
            File("model_index.json", 446, "51a76cb1cf3ed37423a1128c79c22faee8e6fbe7f5aaeb737f0a258930dbaac0"),
            File("scheduler/scheduler_config.json", 486, "067afb012cef64553a763447d1efd93daeffcc0123ca7e25b09f8de20b90762e"),
            File("text_encoder/config.json", 1536, "214b4c29a0d975e9fddf9994a5673f22cb2c4c5750352f9227c2c3251ebeab40"),
            File("text_encoder/generation_config.json", 214, "4347b1aeed2b2b78bc059920a0b7f5fec71482e1344952b76d7665d638d71f13"),
            File(
                "text_encoder/model-00001-of-00002.safetensors",
                4967215360,
                "8c0506e7f4936fa7e26183a4fd8da4e2bdbc5990ba64ae441f965d51228f36ea",
            ),
            File(
                "text_encoder/model-00002-of-00002.safetensors",
                3077766632,
                "82f2bd839378541b0557bfabaf37c7d3d637071fdcb73302dedd7cf61162ce07",
            ),
            File("text_encoder/model.safetensors.index.json", 32855, "06b3d5319b6d76d1a4a2433419180016cfd54ed62d086a5e6567a809f8c82634"),
            File("tokenizer/added_tokens.json", 707, "c0284b582e14987fbd3d5a2cb2bd139084371ed9acbae488829a1c900833c680"),
            File("tokenizer/chat_template.jinja", 4168, "a55ee1b1660128b7098723e0abcd92caa0788061051c62d51cbe87d9cf1974d8"),
            File("tokenizer/merges.txt", 1671853, "8831e4f1a044471340f7c0a83d7bd71306a5b867e95fd870f74d0c5308a904d5"),
            File("tokenizer/special_tokens_map.json", 613, "76862e765266b85aa9459767e33cbaf13970f327a0e88d1c65846c2ddd3a1ecd"),
            File("tokenizer/tokenizer.json", 11422654, "aeb13307a71acd8fe81861d94ad54ab689df773318809eed3cbe794b4492dae4"),
            File("tokenizer/tokenizer_config.json", 5404, "443bfa629eb16387a12edbf92a76f6a6f10b2af3b53d87ba1550adfcf45f7fa0"),
            File("tokenizer/vocab.json", 2776833, "ca10d7e9fb3ed18575dd1e277a2579c16d108e32f27439684afa0e10b1440910"),
            File("transformer/config.json", 541, "09733c74a3da6d17dd0a0472a091a8950c7c6935889c32c16cc800ede05029de"),
            File(
                "transformer/diffusion_pytorch_model.safetensors",
                7751109744,
                "9f29f9edcfdae452a653ffb51a534ca4decd389952c225724ff3b94042612a6e",
            ),
            File("vae/config.json", 821, "0d6dfb69ae95a5e2ac9836284bbb63d8b38ce67b25ba2dff380752b2a10ab948"),
            File("vae/diffusion_pytorch_model.safetensors", 168120878, "ca70d2202afe6415bdbcb8793ba8cd99fd159cfe6192381504d6c4d3036e0f04"),
        ),
        licence="Apache-2.0",
        purpose="instruction editing of the portrait: attributes, views, expressions",
        used_by="perse/synthesis/diffusion",
    ),
    Pretrained(
        "auraface",
        "fal/AuraFace-v1",
        "af6d057c9b0ec4071d4c49c80e3539258798b609",
        (File("glintr100.onnx", 260694151, "a7933ea5330113b01c9b60351d8f4c33003f145d8470ac5f0e52ee2effe25c60"),),
        licence="Apache-2.0",
        purpose="identity embedding: is a generated face still the same person",
        used_by="perse/synthesis/diffusion",
        doubts="Its card calls the training data commercial without naming it. The repository's other ONNX files are reported to be "
        "InsightFace's, which are for research only: they are never fetched.",
    ),
    # Revision, size and hash of the next two stand so in several public projects each, which pin the same files of the Hub.
    Pretrained(
        "modnet",
        "Xenova/modnet",
        "fa2fa546052fba4c08921230a26cc69a333fca12",
        (File("onnx/model.onnx", 25888640, "07c308cf0fc7e6e8b2065a12ed7fc07e1de8febb7dc7839d7b7f15dd66584df9"),),
        licence="Apache-2.0",
        purpose="matting: who of the photo is cut out",
        used_by="perse/portrait/networks",
        doubts="MODNet's photographic portrait matting, put into ONNX by Xenova. Its authors released code and models under Apache-2.0 and do not say "
        "under which terms they had the photos that it was trained on.",
        small=True,
    ),
    Pretrained(
        "sface",
        "opencv/face_recognition_sface",
        "3d7082438a6e4551e840c9b2bb60b71e8da4b524",
        (File("face_recognition_sface_2021dec.onnx", 38696353, "0ba9fbfa01b5270c96627c4ef784da859931e02f04419c829e83484087c34e79"),),
        licence="Apache-2.0",
        purpose="identity embedding: is a clip still of the same person, is a generated face still the same",
        used_by="perse/portrait/networks",
        doubts="OpenCV publishes it under Apache-2.0 and does not name its training data; SFace's paper trained on public sets for research.",
        small=True,
    ),
    # Size and hash as a dozen public projects record them; Google's storage numbers its versions.
    Pretrained(
        "selfie-multiclass",
        "image_segmenter/selfie_multiclass_256x256",
        "float32/1",
        (File("selfie_multiclass_256x256.tflite", 16371837, "c6748b1253a99067ef71f7e26ca71096cd449baefa8f101900ea23016507e0e0"),),
        licence="Apache-2.0",
        purpose="what of a person is hair, skin and clothes",
        used_by="perse/portrait/networks",
        doubts="Not on the Hub under a revision that could be shown: it comes from Google's own storage, and its hash is what pins it.",
        small=True,
        address="https://storage.googleapis.com/mediapipe-models",
    ),
)


def find(name: str) -> Pretrained:
    """A row of the table; PerseError for a name that it does not hold."""
    for model in MODELS:
        if model.name == name:
            return model
    raise PerseError(f"Unknown model {name!r}; known are: {', '.join(model.name for model in MODELS)}.")


def preload(models: Iterable[Pretrained] | None = None) -> list[str]:
    """Entries of `preload_from_hub` in a Space's front matter: repository, files and revision of each model; by default those that a GPU uses.

    Raises:
        PerseError: for a model that is not on the Hub.
    """
    models = [model for model in MODELS if not model.small] if models is None else list(models)
    if away := [model.name for model in models if model.address]:
        raise PerseError(f"{' and '.join(away)} cannot be preloaded, not being on the Hub: fetch it with `python -m perse weights fetch`.")
    return [f"{model.repo} {','.join(file.path for file in model.files)} {model.revision}" for model in models]
