"""Dual encoders from a folder: tiny random ones, saved as any other is, compared with plain transformers calls."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flyreel.errors import InputError, MissingExtra
from flyreel.video.embed.base import open_embedder
from flyreel.video.embed.hf import hf

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

WORDS = "a red square moves left and right then a blue circle stops".split()
MEAN, STD = [0.48, 0.46, 0.41], [0.27, 0.26, 0.28]


def _save(folder: Path, kind: str) -> Path:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    vocabulary = {w: i for i, w in enumerate(["<pad>", "<unk>", "<eos>", *dict.fromkeys(WORDS)])}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(single="$A <eos>", special_tokens=[("<eos>", 2)])
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", unk_token="<unk>", eos_token="<eos>", model_max_length=10
    ).save_pretrained(folder)
    shape: dict[str, Any] = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    }
    text = {**shape, "vocab_size": len(vocabulary), "max_position_embeddings": 10, "pad_token_id": 0, "eos_token_id": 2,
            "bos_token_id": 1}  # fmt: skip
    vision = {**shape, "image_size": 32, "patch_size": 8}
    torch.manual_seed(0)
    if kind == "clip":
        config = transformers.CLIPConfig(text_config=text, vision_config=vision, projection_dim=16)
        model = transformers.CLIPModel(config)
        size: dict[str, Any] = {"size": {"shortest_edge": 32}, "do_center_crop": True,
                                "crop_size": {"height": 32, "width": 32}}  # fmt: skip
    else:
        config = transformers.SiglipConfig(text_config={**text, "projection_size": 32}, vision_config=vision)
        model = transformers.SiglipModel(config)
        size = {"size": {"height": 32, "width": 32}}
    for parameter in model.parameters():  # the usual start is so small that every frame has the same vector
        torch.nn.init.normal_(parameter, std=0.2) if parameter.ndim > 1 else None
    model.save_pretrained(folder)
    kept = {**size, "image_mean": MEAN, "image_std": STD, "do_normalize": True, "rescale_factor": 1 / 255}
    (folder / "preprocessor_config.json").write_text(json.dumps(kept))
    return folder


@pytest.fixture(scope="module", params=["clip", "siglip"])
def saved(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _save(tmp_path_factory.mktemp("models") / request.param, request.param)


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / saved.name))


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (19, 32, 32, 3), dtype=np.uint8)


def plainly(folder: Path, frames: np.ndarray, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """One image and one text at a time, through the documented calls."""

    def vector(out: Any) -> np.ndarray:
        row = (out if isinstance(out, torch.Tensor) else out.pooler_output)[0]
        return (row / row.norm()).numpy()

    model = transformers.AutoModel.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    family = "Siglip" if "siglip" in folder.name else "CLIP"
    processor = getattr(transformers, f"{family}ImageProcessorPil", None)
    images, words = [], []
    with torch.no_grad():
        for frame in frames:
            if processor is not None:
                kept = json.loads((folder / "preprocessor_config.json").read_text())
                pixels = processor(**kept)(frame, return_tensors="pt")["pixel_values"]
            else:
                pixels = torch.tensor(((frame / 255 - MEAN) / STD).transpose(2, 0, 1)[None], dtype=torch.float32)
            images.append(vector(model.get_image_features(pixel_values=pixels)))
        for text in texts:
            padding = "max_length" if "siglip" in folder.name else False
            given = tokenizer(text, padding=padding, truncation=True, max_length=10, return_tensors="pt")
            asked = {"input_ids": given["input_ids"]}
            if padding is False:
                asked["attention_mask"] = given["attention_mask"]
            words.append(vector(model.get_text_features(**asked)))
    return np.stack(images), np.stack(words)


TEXTS = ["a red square moves left", "blue", "circle stops then a square moves right and left and right and left again"]


def test_vectors_are_those_of_plain_transformers_calls_one_at_a_time(saved: Path, frames: np.ndarray) -> None:
    embedder = hf(str(saved), precision="float32")
    images, texts = plainly(saved, frames, TEXTS)
    assert embedder.size == (32, 32)
    np.testing.assert_allclose(embedder.images(frames), images, atol=2e-6)
    np.testing.assert_allclose(embedder.texts(TEXTS), texts, atol=2e-6)
    assert np.abs(images[0] - images[1]).max() > 0.01, "the comparison would pass for any order"


def test_vectors_are_of_unit_length_and_float32(saved: Path, frames: np.ndarray) -> None:
    embedder = open_embedder(f"hf:{saved}")
    for vectors in (embedder.images(frames), embedder.texts(TEXTS)):
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_vector_does_not_depend_on_what_is_embedded_beside_it(
    saved: Path, frames: np.ndarray, precision: str
) -> None:
    embedder = hf(str(saved), precision=precision)
    together = embedder.images(frames)
    atol = 2e-6 if precision == "float32" else 2e-2
    for i in (0, 7, 18):
        np.testing.assert_allclose(embedder.images(frames[i : i + 1])[0], together[i], atol=atol)
    np.testing.assert_allclose(embedder.images(frames[::-1])[::-1], together, atol=atol)
    np.testing.assert_allclose(embedder.texts(TEXTS[1:2])[0], embedder.texts(TEXTS)[1], atol=atol)


@pytest.mark.parametrize(("precision", "least"), [("bfloat16", 0.999), ("int8", 0.99)])
def test_less_precision_stays_near_float32_and_says_so_in_the_id(
    saved: Path, frames: np.ndarray, precision: str, least: float
) -> None:
    exact, near = hf(str(saved), precision="float32"), hf(str(saved), precision=precision)
    assert (exact.images(frames) * near.images(frames)).sum(1).min() >= least
    assert (exact.texts(TEXTS) * near.texts(TEXTS)).sum(1).min() >= least
    assert exact.id != near.id
    assert precision in near.id


def test_nothing_in_gives_nothing_of_the_right_width_out(saved: Path, frames: np.ndarray) -> None:
    embedder = hf(str(saved))
    width = embedder.images(frames[:1]).shape[1]
    assert embedder.images(frames[:0]).shape == (0, width)
    assert embedder.texts([]).shape == (0, width)


def test_frames_of_another_size_are_refused_not_stretched(saved: Path) -> None:
    with pytest.raises(ValueError, match=r"not uint8 \(n, 32, …, 3\)"):
        hf(str(saved)).images(np.zeros((2, 32, 40, 3), np.uint8))


def test_the_id_changes_with_a_weight_and_with_the_preprocessing_and_not_with_the_place(
    saved: Path, folder: Path
) -> None:
    before = hf(str(saved)).id
    assert hf(str(folder)).id == before
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-1] ^= 0x80  # the sign of the last number
    (folder / "model.safetensors").write_bytes(weights)
    changed = hf(str(folder)).id
    assert changed != before
    kept = json.loads((folder / "preprocessor_config.json").read_text())
    (folder / "preprocessor_config.json").write_text(json.dumps({**kept, "image_mean": [0.5, 0.5, 0.5]}))
    assert hf(str(folder)).id not in (before, changed)


def test_what_transformers_5_writes_as_processor_config_is_read_too(folder: Path, frames: np.ndarray) -> None:
    before = hf(str(folder)).images(frames)
    kept = json.loads((folder / "preprocessor_config.json").read_text())
    (folder / "preprocessor_config.json").unlink()
    (folder / "processor_config.json").write_text(json.dumps({"image_processor": kept}))
    np.testing.assert_array_equal(hf(str(folder)).images(frames), before)


def test_loading_says_nothing_on_the_terminal(saved: Path, capfd: pytest.CaptureFixture[str]) -> None:
    hf(str(saved)).texts(TEXTS)
    assert capfd.readouterr() == ("", "")


class TestErrors:
    def one_line(self, rest: str) -> str:
        with pytest.raises(InputError) as caught:
            hf(rest)
        line = str(caught.value)
        assert "\n" not in line
        assert line.startswith("hf:")
        return line

    def test_no_name(self) -> None:
        assert "name a model or a folder" in self.one_line("")

    def test_a_name_the_hub_does_not_give(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def unreachable(*args: Any, **options: Any) -> str:
            raise ConnectionError("no route to host\nand more lines")

        monkeypatch.setattr("huggingface_hub.snapshot_download", unreachable)
        line = self.one_line("openai/nothing")
        assert "no such folder, and the hub does not give it (no route to host)" in line
        assert "give the folder" in line

    @pytest.mark.parametrize("rest", ["/no/such/folder/anywhere", "x" * 5000, "~nobody-here/model"])
    def test_a_name_no_hub_could_have(self, rest: str) -> None:
        assert "no such folder" in self.one_line(rest)

    def test_a_folder_without_weights(self, folder: Path) -> None:
        (folder / "model.safetensors").unlink()
        assert "no weights" in self.one_line(str(folder))

    def test_weights_that_are_cut_short(self, folder: Path) -> None:
        whole = (folder / "model.safetensors").read_bytes()
        (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
        assert "cannot be loaded" in self.one_line(str(folder))

    def test_weights_of_half_the_model_are_not_filled_up_with_noise(self, folder: Path) -> None:
        from safetensors.numpy import load_file, save_file

        weights = load_file(folder / "model.safetensors")
        half = {name: w for name, w in weights.items() if not name.startswith("vision_model")}
        save_file(half, folder / "model.safetensors", metadata={"format": "pt"})
        assert "weights are not in" in self.one_line(str(folder))

    @pytest.mark.parametrize("said", [None, "{}", '{"size": {"shortest_edge": 32}}', "[1]", "{", '{"size": "big"}'])
    def test_a_folder_that_does_not_say_how_frames_are_prepared(self, folder: Path, said: str | None) -> None:
        (folder / "preprocessor_config.json").unlink()
        if said is not None:
            (folder / "preprocessor_config.json").write_text(said)
        assert "preprocessor_config.json" in self.one_line(str(folder))

    def test_a_model_of_text_only(self, folder: Path) -> None:
        config = transformers.BertConfig(
            vocab_size=20, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
        )
        transformers.BertModel(config).save_pretrained(folder)
        assert "bert is not a model of images and texts" in self.one_line(str(folder))

    def test_a_precision_there_is_not(self, saved: Path) -> None:
        with pytest.raises(InputError, match="float8 is no precision"):
            hf(str(saved), precision="float8")

    def test_without_the_extra(self, monkeypatch: pytest.MonkeyPatch, saved: Path) -> None:
        monkeypatch.setitem(sys.modules, "transformers", None)
        with pytest.raises(MissingExtra, match=r"pip install 'flyreel\[models\]'"):
            hf(str(saved))
