"""A folder to the Hugging Face hub, as a data set.

The token is the library's own business. The hub's address is read from HF_ENDPOINT here, as it stands when one pushes;
the library would take it as it stood when it was imported.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flyreel.errors import FlyreelError, InputError, MissingExtra

FORMAT = "huggingface"


def check(repo: str, format: str) -> None:
    """Whatever can be known to fail before anything is written."""
    if format != FORMAT:
        raise InputError(f"--push: the hub takes the format {FORMAT}, not {format}; flyreel export {FORMAT} writes it")
    hub = _library()
    try:
        hub.utils.validate_repo_id(repo)
    except ValueError:
        repo_is_good = False
    else:
        repo_is_good = repo.count("/") == 1
    if not repo_is_good:
        raise InputError(f"--push: {repo!r} is not the name of a repository; write OWNER/NAME")


def push(folder: Path, repo: str, private: bool) -> str:
    """The address of the repository that now holds the folder. Made where there is none; other files in it stay."""
    hub = _library()
    api = hub.HfApi(endpoint=os.environ.get("HF_ENDPOINT"))
    try:
        with _quiet(hub):
            url = str(api.create_repo(repo, repo_type="dataset", private=private, exist_ok=True))
            if private and not api.repo_info(repo, repo_type="dataset").private:
                raise InputError(
                    f"--push: {repo} is there already and is public; make it private first. {_kept(folder)}"
                )
            api.upload_folder(folder_path=folder, repo_id=repo, repo_type="dataset", commit_message="flyreel export")
    except FlyreelError:
        raise
    except Exception as error:  # the library's, the network's and the operating system's have no ancestor in common
        raise _told(error, repo, folder) from None
    return url


def _library() -> Any:
    try:
        import huggingface_hub
        import huggingface_hub.utils
    except ImportError:
        raise MissingExtra("--push", "fetch") from None
    return huggingface_hub


def _told(error: Exception, repo: str, folder: Path) -> FlyreelError:
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status in (401, 403):
        way_on = "set HF_TOKEN to one that may write there"
        return InputError(f"--push {repo}: the hub refuses the token ({status}); {way_on}. {_kept(folder)}")
    why = (f"{error}".strip().splitlines() or [type(error).__name__])[0][:160].rstrip(".")
    return FlyreelError(f"--push {repo}: not pushed: {why}. {_kept(folder)}")


def _kept(folder: Path) -> str:
    return f"What was written stays in {folder}"


@contextlib.contextmanager
def _quiet(hub: Any) -> Iterator[None]:
    """No progress bars and no advice on stderr."""
    shown = not hub.utils.are_progress_bars_disabled()
    hub.utils.disable_progress_bars()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        if shown:
            hub.utils.enable_progress_bars()
