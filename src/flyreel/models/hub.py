"""Models of the Hugging Face hub, or of a folder that one was saved to: where its files are, what they are known by,
and peace on stderr."""

from __future__ import annotations

import contextlib
import hashlib
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

from flyreel.errors import InputError, MissingExtra
from flyreel.models.catalog import sha256_of

FILES = ["*.json", "*.jinja", "*.txt", "*.model", "model*.safetensors"]


def folder_of(option: str, name: str) -> Path:
    """`option` is what the user wrote before the colon, for error lines. Downloads where there is no such folder."""
    if not name:
        raise InputError(f"{option}: name a model or a folder, as in {option}:NAME")
    with contextlib.suppress(OSError, RuntimeError):  # too long for a file's name; ~ of nobody
        if (folder := Path(name).expanduser()).is_dir():
            return folder
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        raise MissingExtra(option, "models") from None
    try:
        with quiet():
            found = Path(snapshot_download(name, allow_patterns=FILES, etag_timeout=5))
            if not any(found.glob("*.safetensors")):
                found = Path(snapshot_download(name, allow_patterns=[*FILES, "pytorch_model*.bin"], etag_timeout=5))
        return found
    except Exception as error:  # no such name, no network, a private model: each is its own exception
        raise InputError(
            f"{option}:{name}: no such folder, and the hub does not give it ({brief(error)}); "
            "check the name, or give the folder of a downloaded model"
        ) from None


def digest_of(named: Iterable[Path], settings: Iterable[Path] = ()) -> str:
    """Of the names and contents of files, in this order. `settings` count by their place, and as empty where there are
    none."""
    digest = hashlib.sha256()
    for path in named:
        digest.update(f"{path.name} {sha256_of(path)}\n".encode())
    for path in settings:
        digest.update(hashlib.sha256(path.read_bytes() if path.is_file() else b"").digest())
    return digest.hexdigest()


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No progress bars and no advice on stderr; what matters in it is checked and said in one line."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()


def brief(error: Exception) -> str:
    return (f"{error}".strip().splitlines() or [type(error).__name__])[0][:120]


def whole(what: str, folder: Path, missing: Iterable[str]) -> None:
    """Weights that a file lacks: transformers fills them with noise and goes on."""
    if names := sorted(missing):
        raise InputError(
            f"{what}: {len(names)} weights are not in {folder} ({names[0]} …): it was trained for another "
            "task, or is damaged; name another model, or download it again"
        )
