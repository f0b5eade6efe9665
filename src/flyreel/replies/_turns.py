"""Where a reply stops being the answer to this question.

Some models go on: they make up the next question, its options and its answer, or play the other side. What follows the
first answer there is cut. An echo of the question before any answer is none: it is skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

_LABEL = r"(?:question|next question|new question|another question|options|choices|user|human|\[inst\]|query|input)"
_TURN = re.compile(
    r"(?im)<\|im_start\|>(?!assistant)|<\|start_header_id\|>(?!assistant)|<start_of_turn>user|\[INST\]|<\|user\|>"
    rf"|^[#>*_ \t-]{{0,12}}{_LABEL}(?:[ \t]{{0,3}}(?:no\.?|#)?[ \t]?\d{{1,3}})?[ \t*_]{{0,5}}"
    r"(?::|[.)](?=[ \t])|$)|^[#*_ \t]{0,8}Q[ \t]?\d{0,3}:"
    r"|^[#*_ \t]{0,8}\d{1,2}[.)][ \t][^\n]{0,300}\?[ \t*_]{0,5}$"
    r"|^[^\n]{3,300}\?[ \t*_]{0,5}\n[ \t\n]{0,3}[(*_]{0,4}A[.):]"
)
_IN_A_LINE = re.compile(r"(?<=\s)(?:USER|HUMAN):")
"""On its own: what `_TURN` finds may begin before it, with the line."""
_STOP = re.compile(r"</s>|<\|(?:im_end|endoftext|eot_id|eot|end|end_of_text)\|>|<eos>|<end_of_turn>")
_RULE = re.compile(r"(?m)^[ \t]{0,4}(?:-{3,99}|_{3,99}|\*{3,99}|={3,99})[ \t]{0,4}$")


def turns(text: str, choices: Iterable[str] = ()) -> list[str]:
    """The text cut before every sign of another turn or question, and after every sign that ends one.

    Where a choice itself says `USER:`, one in the middle of a line is that choice's."""
    said_by_one = any(re.search(r"(?:USER|HUMAN):", choice) for choice in choices)
    starts = [m.start() for p in ((_TURN,) if said_by_one else (_TURN, _IN_A_LINE)) for m in p.finditer(text)]
    at = sorted({0, *starts, *(m.end() for m in _STOP.finditer(text)), len(text)})
    return [text[start:end] for start, end in pairwise(at)]


def parts(text: str) -> list[str]:
    """The text between ruled lines."""
    return _RULE.split(text)
