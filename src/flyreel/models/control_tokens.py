"""Text from data, so written that no tokenizer takes a stretch of it for a control token.

"</s>" in a description would end it, and "<image>" in a question would be one picture more than there are.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any

_MARKED = re.compile(r"[<\[].+[>\]]", re.S)


def plain(tokenizer: Any, text: str, also: tuple[str, ...] = ()) -> str:
    """The text with a space inside all that looks like a control token, as it stands or as tokenizers normalise it.

    `also` are tokens that control something here, whether or not the tokenizer says so.
    """
    controls = _controls(tokenizer, also)
    seen = "".join(c for c in unicodedata.normalize("NFKC", text) if unicodedata.category(c) != "Cf")
    if not controls.search(seen):
        return text
    while controls.search(seen):  # what is left when one is broken up may be one too
        seen = controls.sub(lambda m: f"{m[0][0]} {m[0][1:]}", seen)
    return seen


@cache
def _controls(tokenizer: Any, also: tuple[str, ...]) -> re.Pattern[str]:
    """What in a text would be read as a control token."""
    added = {t for t in tokenizer.get_added_vocab() if _MARKED.fullmatch(t)}
    tokens = {*also, *tokenizer.all_special_tokens, *added}
    longest_first = sorted((t for t in tokens if len(t) > 1), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)", re.I)
