"""The embedder that ships with the package: what it promises whatever its weights are, and that it needs no torch."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from flyreel.errors import InputError
from flyreel.evaluate.retrieval import score
from flyreel.toybox import draw, queries, telling, world
from flyreel.toybox.questions import questions
from flyreel.toybox.staging import Staging
from flyreel.video.embed import toyclip as module
from flyreel.video.embed.base import open_embedder
from flyreel.video.embed.toyclip import BATCH, SIZE, VOCABULARY, WORDS, ToyClip, padded, tokens, toyclip

PACKAGED = Path(str(files("flyreel.video.embed") / "weights" / "toyclip.safetensors"))
TEXTS = ["who jumps?", "the red star hides behind the tree", "", "...", "Pip " * 200, "谁", "unheard of words"]


@pytest.fixture(scope="module")
def packaged() -> ToyClip:
    return toyclip()


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (BATCH + 3, *SIZE, 3), dtype=np.uint8)


def test_the_packaged_weights_are_small(packaged: ToyClip) -> None:
    assert packaged.parameters <= 1_500_000
    assert PACKAGED.stat().st_size <= 4_000_000
    assert all(np.isfinite(w).all() for w in packaged.weights.values())


def test_vectors_have_unit_length_in_one_space(packaged: ToyClip, frames: np.ndarray) -> None:
    seen, told = packaged.images(frames), packaged.texts(TEXTS)
    assert (seen.dtype, told.dtype) == (np.float32, np.float32)
    assert seen.shape == (len(frames), told.shape[1])
    for vectors in (seen, told):
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)


def test_extreme_pictures_have_vectors_too(packaged: ToyClip) -> None:
    flat = np.stack([np.full((*SIZE, 3), value, dtype=np.uint8) for value in (0, 127, 255)])
    assert np.allclose(np.linalg.norm(packaged.images(flat), axis=1), 1.0, atol=1e-5)


def test_no_vector_depends_on_its_neighbours(packaged: ToyClip, frames: np.ndarray) -> None:
    """Frames come in batches and texts are padded to the longest: neither may show in the vectors."""
    whole = packaged.images(frames)
    assert np.allclose(
        whole, np.concatenate([packaged.images(frames[i : i + 1]) for i in range(len(frames))]), atol=1e-5
    )
    assert np.allclose(whole[::-1], packaged.images(frames[::-1]), atol=1e-5)
    assert np.allclose(packaged.texts(TEXTS), np.concatenate([packaged.texts([t]) for t in TEXTS]), atol=1e-5)


def test_nothing_in_is_nothing_out(packaged: ToyClip) -> None:
    width = packaged.texts(["a"]).shape[1]
    assert packaged.images(np.empty((0, *SIZE, 3), np.uint8)).shape == (0, width)
    assert packaged.texts([]).shape == (0, width)


def test_different_words_and_orders_are_different_vectors(packaged: ToyClip) -> None:
    told = packaged.texts(["Pip chases Mo", "Mo chases Pip", "Pip carries Mo", "pip CHASES, mo!"])
    assert np.abs(told[0] - told[1]).max() > 1e-3, "who does it to whom is lost"
    assert np.abs(told[0] - told[2]).max() > 1e-3
    assert np.array_equal(told[0], told[3]), "case and punctuation are no words"


def spoken() -> set[str]:
    """Every word it is trained on or asked with: captions, noise and all, and queries and questions, of many scenes."""
    texts: list[str] = []
    for seed in range(6):
        scenes = list(world.scenes(seed, 40))
        random_ = random.Random(seed)
        for noise in (None, *telling.NOISES):
            texts += [c.text for c in telling.captions(scenes, noise, 1.0 if noise else 0.0, seed)]
        texts += [q.text for scene in scenes for q in queries.of_scene(scene, random_)]
        texts += questions(seed, 40, 8, faults=0.0).texts
    constants = (*world.NAMES, *world.SHAPES, *world.COLOURS, *world.SIZES, *world.PLACES, *world.LIGHTS, *world.PROPS,
                 *world.THINGS, *world.VERBS)  # fmt: skip
    return set(re.findall(r"[a-z]+", " ".join([*texts, *constants]).lower()))


def test_no_two_words_of_toybox_fall_together() -> None:
    words = spoken()
    assert len(words) > 100, "the words were not gathered"
    by_hash: dict[int, list[str]] = {}
    for word in sorted(words):
        (number,) = tokens(word)
        by_hash.setdefault(number, []).append(word)
    assert [together for together in by_hash.values() if len(together) > 1] == []
    assert min(by_hash) >= 1 and max(by_hash) < VOCABULARY, "0 is for padding"


def test_words_are_told_apart_the_same_way_on_every_machine() -> None:
    """Weights are trained on these numbers: if one changes, the packaged weights mean nothing."""
    assert tokens("Pip jumps") == tokens("pip... JUMPS!") != tokens("jumps Pip")
    assert tokens("Pip jumps") == [module._hashed("pip"), module._hashed("jumps")]
    other = "from flyreel.video.embed.toyclip import tokens; print(*tokens('the red star hides'))"
    there = subprocess.run([sys.executable, "-c", other], capture_output=True, text=True, check=True, timeout=60)
    assert [int(n) for n in there.stdout.split()] == tokens("the red star hides")


def test_a_text_has_at_most_so_many_words_and_at_least_a_pad() -> None:
    assert tokens("") == tokens("?!") == [0]
    assert len(tokens("word " * 1000)) == WORDS
    assert padded(["a b c", "", "a"]).shape == (3, 3)
    assert padded([]).shape == (0, 1)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (None, "cannot read"),
        (b"", "not a safetensors file"),
        (b"not weights at all, but a text of some length\n" * 9, "not a safetensors file"),
        ("truncated", "not a safetensors file"),
        ("foreign", "another model"),
        ("partial", "another model"),
        ("misshapen", "another model"),
        ("bfloat16", "safetensors"),
    ],
)
def test_weights_that_cannot_be_used_are_one_line(tmp_path: Path, data: bytes | str | None, says: str) -> None:
    path = tmp_path / "w.safetensors"
    if isinstance(data, bytes):
        path.write_bytes(data)
    elif data == "truncated":
        path.write_bytes(PACKAGED.read_bytes()[:-1000])
    elif data == "foreign":
        save_file({"vision.weight": np.zeros((2, 2), np.float32)}, path)
    elif data == "partial":
        save_file({"image.place": np.zeros((2, 2), np.float32), "text.words": np.zeros((2, 2), np.float32)}, path)
    elif data == "misshapen":
        save_file({name: np.zeros((2, 2), np.float32) for name in toyclip().weights}, path)
    elif data == "bfloat16":
        header = json.dumps({"image.place": {"dtype": "BF16", "shape": [1], "data_offsets": [0, 2]}}).encode()
        path.write_bytes(len(header).to_bytes(8, "little") + header + b"\0\0")
    with pytest.raises(InputError, match=says) as caught:
        open_embedder(f"toyclip:{path}")
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_a_folder_and_an_impossible_name_are_one_line(tmp_path: Path) -> None:
    for name in (str(tmp_path), "x" * 5000, "nul\0byte"):
        with pytest.raises(InputError, match="toyclip:"):
            toyclip(name)


def test_the_id_is_of_the_weights_and_of_nothing_else(packaged: ToyClip, tmp_path: Path) -> None:
    """Cached vectors are found by the id: other weights under the same name must not find them."""
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(PACKAGED.read_bytes())
    assert open_embedder(f"toyclip:{copy}").id == packaged.id == open_embedder("toyclip").id
    changed = {name: w.astype(np.float16) for name, w in packaged.weights.items()}
    changed["image.head.bias"] = changed["image.head.bias"] + np.float16(0.5)
    save_file(changed, copy)
    assert toyclip(str(copy)).id != packaged.id


def test_no_torch_is_needed() -> None:
    program = """
import sys
sys.modules["torch"] = None  # an import of it fails
import numpy as np
from flyreel.video.embed.base import open_embedder
e = open_embedder("toyclip")
print(e.images(np.zeros((2, *e.size, 3), np.uint8)).shape, e.texts(["who jumps?"]).shape)
assert not [m for m in sys.modules if m.startswith(("torch.", "transformers"))]
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr


def test_the_packaged_weights_know_toybox_a_little(packaged: ToyClip) -> None:
    """A very loose floor, on 30 unseen scenes: it tells trained weights from random or broken ones, and no more.

    How good the weights are is for benchmarks/toyclip_retrieval.py to say.
    """
    scenes = list(world.scenes(90_417, 30))
    clips = []
    for scene in scenes:
        staging = Staging(scene)
        times = (np.arange(6) + 0.5) / 6 * scene.duration
        pictures = np.stack([draw.picture(scene, staging.at(float(t)), SIZE) for t in times])
        clips.append(packaged.images(pictures).mean(axis=0))
    similarity = packaged.texts([telling.caption(s) for s in scenes]) @ np.stack(clips).T
    found = score(similarity, range(30))
    assert found.at[1] > 5 * found.chance[1]
