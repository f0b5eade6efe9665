"""A chat given back whole: the prompt before the answer, and turns that are made up after it.

A model that was tuned to `USER: … ASSISTANT:` and its like may say all of it. What is answered stands after the first
mark of the one who answers, and not after the last: that one may end a turn that is made up.
"""

from __future__ import annotations

import re

_STYLES = [
    (r"(?:^|(?<=[\s>\]]))(?:USER|HUMAN):|^(?:User|Human):", r"(?:^|(?<=[\s>\]]))(?:ASSISTANT|GPT):|^Assistant:"),
    (r"^###[ ]?(?:Human|User|Instruction):", r"^###[ ]?(?:Assistant|Response):"),
    (r"<\|im_start\|>user", r"<\|im_start\|>assistant"),
    (r"<\|start_header_id\|>user<\|end_header_id\|>", r"<\|start_header_id\|>assistant<\|end_header_id\|>"),
    (r"<start_of_turn>user", r"<start_of_turn>model"),
    (r"<\|user\|>", r"<\|assistant\|>"),
    (r"\[INST\]", r"\[/INST\]"),
]
"""How the one who asks is marked, and the one who answers."""

_FOLLOWED = r"[ \t]*\n(?=\s*\S)"
_WORDS = (rf"(?:^|(?<=[.!?:)>\]。！？]))user{_FOLLOWED}", r"(?<![ \t-])assistant[ \t]*$")
"""What is left of these where control tokens are not decoded. The words are also what an answer may be about, so they
mark an end only in what is known to be a chat."""

_ASKS, _ANSWERS = ([re.compile(p, re.MULTILINE) for p in side] for side in zip(*_STYLES, _WORDS, strict=True))
_SIGNS = "|".join(answers for _, answers in _STYLES)
_BEGUN = re.compile(rf"(?:\s*(?:{_SIGNS}|^assistant{_FOLLOWED}(?:\s*assistant\s*\Z)?))+", re.MULTILINE)
"""The word said again and again, and nothing else, is a loop of marks and no answer."""
_END = r"</s>|<\|(?:im_end|endoftext|eot_id|eot|end|end_of_text)\|>|<eos>|<end_of_turn>"
_FIRST = r"<s>|<bos>|<\|begin_of_text\|>|<image>|<video>"
_CHAT_OVER = re.compile("|".join([*(asks for asks, _ in _STYLES), _WORDS[0], _END]), re.MULTILINE)
_OVER = re.compile(
    "|".join([r"^[ \t]*(?:USER|HUMAN|User|Human):", *(asks for asks, _ in _STYLES[1:]), _END]), re.MULTILINE
)
"""In a reply that may be the answer alone: `It says USER: admin` is one."""
_MARKED = re.compile(rf"{_SIGNS}|{_FIRST}|{_OVER.pattern}", re.MULTILINE)
_OPENING = re.compile(rf"(?:\s|{_FIRST}|{_END})*")
_SYSTEM = re.compile(
    r"<\|im_start\|>system|<\|system\|>|<\|start_header_id\|>system|system\n|(?:System|SYSTEM):|A chat between\b"
    r"|You answer questions\b|You are an? (?:helpful|AI|assistant|expert)\b"
)
"""How a prompt begins that says first who is asked. Other words before a question may be the answer before it."""


def given_back(reply: str) -> tuple[str, str] | None:
    """The prompt that a reply begins with and what follows it; None where it begins with none."""
    begin = _OPENING.match(reply)
    start = begin.end() if begin else 0
    system = _SYSTEM.match(reply, start)
    for asks, answers in zip(_ASKS, _ANSWERS, strict=True):
        asked = asks.search(reply, start) if system else asks.match(reply, start)
        if asked and (answered := answers.search(reply, asked.end())):
            return reply[: answered.start()], without_mark(reply[answered.end() :])
    return None


def cleaned(reply: str) -> str:
    """What is answered to an open question. Where there are choices, parsing.py knows better where an answer ends.

    Nothing is left of a prompt or of control tokens alone. Of a reply of words something always is."""
    found = given_back(reply)
    begun = found[1] if found else without_mark(reply)
    said = _OPENING.sub("", begun, count=1)
    over = _CHAT_OVER.search(said, 0 if found else 1) if begun != reply else _OVER.search(said, 1)
    left = (said[: over.start()] if over else said).strip()
    return left if left or _MARKED.search(reply) else reply.strip()


def without_mark(said: str) -> str:
    mark = _BEGUN.match(said)
    return said[mark.end() :] if mark else said
