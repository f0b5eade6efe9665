"""Questions by a sequence-to-sequence model that was trained to write them, such as a T5 fine-tuned on SQuAD.

`--asker t5:NAME` of the hub or `t5:FOLDER`, with `?style=` for the form its answers are marked in:

    highlight        generate question: A man <hl> plays chess <hl> in the park.      (the default)
    answer-context   answer: plays chess  context: A man plays chess in the park.

Which one a model reads cannot be told from its files: its card says it, and names often do (-hl, -ap). In the wrong one
it writes questions about something else. The highlight stands where the candidate stands, so of a word that comes twice
the one that is meant is marked. `<hl>` is one token where the tokenizer has it, as it does for models trained with it;
otherwise it is plain text, since a token that is new to a model means nothing to it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flyreel.engine.stage import Drop
from flyreel.errors import InputError
from flyreel.generate.askers.base import Sheet, asker
from flyreel.generate.language.candidates import Candidate
from flyreel.generate.method import Setting
from flyreel.generate.pretrained import HIGHLIGHT, encoded, fitted, opened, plain, written

STYLES = ("highlight", "answer-context")
_PREFIX = re.compile(r"^(?:\s*question\s*:)+\s*", re.I)


def origin(setting: Setting) -> dict[str, str]:
    """The model's name, without the folder it lies in here."""
    name, _ = named(setting.asker)
    return {"model": Path(name).name or name}


@asker("t5", origin=origin)
async def t5(sheets: Sequence[Sheet], setting: Setting) -> list[list[str | Drop]]:
    """A sequence-to-sequence model trained to write questions: t5:NAME or t5:FOLDER, with ?style=answer-context."""
    name, style = named(setting.asker)
    with_ = opened("t5", name, "AutoModelForSeq2SeqLM")
    prompts = [
        [prompt(with_.tokenizer, sheet.text, c, style, with_.limit) for c in sheet.candidates] for sheet in sheets
    ]
    texts = iter(written(with_, [ids for some in prompts for ids in some if ids is not None]))
    too_long = Drop("answer-too-long", f"more than {with_.limit} tokens")
    return [[too_long if ids is None else cleaned(next(texts)) for ids in some] for some in prompts]


def named(asked: str) -> tuple[str, str]:
    """(model, style) of `t5:NAME?style=STYLE`."""
    name, mark, option = asked.partition(":")[2].partition("?")
    style = option.removeprefix("style=") if mark else STYLES[0]
    if style not in STYLES or (mark and not option.startswith("style=")):
        raise InputError(f"--asker {asked}: after the question mark comes style={' or style='.join(STYLES)}")
    return name, style


def prompt(tokenizer: Any, text: str, candidate: Candidate, style: str, limit: int) -> list[int] | None:
    """Token ids, with as much of the text around the answer as fits; None where the answer alone does not."""

    def highlighted(before: str, answer: str, after: str) -> list[int]:
        said = (plain(tokenizer, part).strip() for part in (before, answer, after))
        return encoded(tokenizer, "generate question: {} {hl} {} {hl} {}".format(*said, hl=HIGHLIGHT))

    def beside(before: str, answer: str, after: str) -> list[int]:
        context = plain(tokenizer, before + answer + after)
        return encoded(tokenizer, f"answer: {plain(tokenizer, answer)}  context: {context}")

    make = highlighted if style == "highlight" else beside
    return fitted(make, text, candidate.start, candidate.end, limit)


def cleaned(text: str) -> str | Drop:
    """The question in what the model wrote."""
    question = " ".join(_PREFIX.sub("", text).split())
    return question if question.endswith("?") and len(question) > 1 else Drop("not-a-question", question)
