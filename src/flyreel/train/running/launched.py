"""Whether several processes were launched: torchrun and `accelerate launch` tell before anybody has joined a group."""

from __future__ import annotations

import os


def count() -> int:
    return int(os.environ.get("WORLD_SIZE", "1"))


def on_this_machine() -> int:
    """Which of those on this machine this one is, and so which GPU is its own."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def is_first() -> bool:
    """The one that writes and speaks."""
    return count() <= 1 or int(os.environ.get("RANK", "0")) == 0
