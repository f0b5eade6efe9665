"""Is a question answered with what it was made for? Somebody who reads the description and the question says.

A question that was asked badly is answered with something else. `--qa model` asks a language model; `--qa hf:NAME` of
the hub or `hf:FOLDER` a model trained for it: one that points at a span of the description (trained on SQuAD, most
often), or a sequence-to-sequence one that reads `question: …  context: …`; its configuration says which.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from flyreel.audit.likeness import Form
from flyreel.engine.local import run
from flyreel.engine.stage import Context, Drop
from flyreel.errors import InputError
from flyreel.generate.method import Setting
from flyreel.generate.pretrained import BATCH, Pretrained, encoded, fitted, opened, plain, quiet, settings, written
from flyreel.generate.replies import fields, quoted, value
from flyreel.models.call import Call
from flyreel.models.prompts import load

AGREED = 0.5
NONE = "none"
TOKENS = 32
WINDOW, STRIDE = 384, 128
"""Tokens that a model which points is shown at once, and by how many two such windows overlap."""
SPAN = 30
"""Tokens of an answer, at most."""

_PAIRS = "in out|on off|up down|over under|before after|from to|with without"
_OPPOSITES = {a: b for pair in _PAIRS.split("|") for a, b in (pair.split(), pair.split()[::-1])}
_SAME_WAY = {"into": "in", "onto": "on"}


@dataclass(frozen=True)
class Asked:
    """A question about a text. `start` and `end` are where its answer stands: too long a text is shown around it."""

    text: str
    question: str
    start: int = 0
    end: int = 0


def agrees(found: str, answer: str) -> bool:
    """By the content words they share, stemmed: F1 above one half.

    Containment would agree with whoever copies the whole description; one half itself is "red car" beside "red ball".
    Up the stairs is not down the stairs, though they share all their content words.
    """
    one, other = Form.of(found), Form.of(answer)
    a, b = (one.content, other.content) if one.content and other.content else (one.words, other.words)
    shared = 2 * len(a & b) > AGREED * (len(a) + len(b))
    return shared and one.negations == other.negations and not _another_way(one, other)


def _another_way(a: Form, b: Form) -> bool:
    """Both say a direction, and none of them is the same or one is the other's opposite."""
    one, other = ({_SAME_WAY.get(w, w) for w in form.ordered} & _OPPOSITES.keys() for form in (a, b))
    if not one or not other:
        return False
    return one.isdisjoint(other) or any(_OPPOSITES[w] in other - one for w in one - other)


async def answers(asked: Sequence[Asked], setting: Setting) -> list[str | Drop]:
    """What the reader named by `setting.qa` answers to each; a call that failed has answered nothing."""
    who, _, name = (setting.qa or "").partition(":")
    if who == "model" and not name:
        return await _by_model(asked, setting)
    if who == "hf":
        return list(_by_weights(asked, name))
    raise InputError(f"--qa {setting.qa}: write model, hf:NAME or hf:FOLDER")


async def _by_model(asked: Sequence[Asked], setting: Setting) -> list[str | Drop]:
    caller = setting.verifier or setting.generator
    if caller is None:
        raise InputError("--qa model needs a model that answers: --verifier http://localhost:8000/v1")

    async def stage(one: Asked, context: Context) -> str | Drop:
        return said((await context.ask(reading(one, setting.seed))).text)

    return [o.value for o in await run(stage, asked, Context(caller), setting.progress("read"))]


def reading(one: Asked, seed: int) -> Call:
    schema = fields(answer={"type": "string"})
    messages = load("flyreel.generate", "read").messages(text=one.text, question=one.question, quote=quoted)
    return Call(messages, {"max_tokens": TOKENS, "temperature": 0.0}, schema, sample=seed)


def said(text: str) -> str | Drop:
    try:
        answer = value(text)["answer"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return Drop("malformed", text[:120].encode(errors="replace").decode())
    if not isinstance(answer, str):
        return Drop("not-text", repr(answer)[:120])
    return " ".join(answer.encode(errors="replace").decode().split()) or NONE


def _by_weights(asked: Sequence[Asked], name: str) -> Sequence[str | Drop]:
    config = settings("hf", name)
    made_for = (getattr(config, "architectures", None) or [""])[0]
    if config.is_encoder_decoder and not made_for.endswith("ForQuestionAnswering"):
        return _told(opened("hf", name, "AutoModelForSeq2SeqLM"), asked)
    return _pointed(opened("hf", name, "AutoModelForQuestionAnswering"), asked)


def _told(with_: Pretrained, asked: Sequence[Asked]) -> list[str | Drop]:
    prompts = [_prompt(with_, one) for one in asked]
    texts = iter(written(with_, [ids for ids in prompts if ids is not None], beams=1))
    return [_TOO_LONG if ids is None else next(texts) or NONE for ids in prompts]


def _prompt(with_: Pretrained, one: Asked) -> list[int] | None:
    question = plain(with_.tokenizer, one.question)

    def make(before: str, answer: str, after: str) -> list[int]:
        context = plain(with_.tokenizer, before + answer + after)
        return encoded(with_.tokenizer, f"question: {question}  context: {context}")

    return fitted(make, one.text, one.start, one.end, with_.limit)


_TOO_LONG = Drop("question-too-long")


def _pointed(with_: Pretrained, asked: Sequence[Asked]) -> list[str | Drop]:
    """The best span of all windows, or none where every window rather points at its first token, as models that were
    trained on questions without an answer do."""
    import torch

    if not with_.tokenizer.is_fast:
        raise InputError("--qa: the model's tokenizer does not tell where its tokens stand; name another model")
    found: list[str | Drop] = []
    for at in range(0, len(asked), BATCH):
        some = asked[at : at + BATCH]
        texts = [plain(with_.tokenizer, one.text) for one in some]
        questions = [plain(with_.tokenizer, one.question) for one in some]
        windows = [_windows(with_, q, t) for q, t in zip(questions, texts, strict=True)]
        given = [w for of_one in windows for w in of_one]
        if given:
            with torch.inference_mode(), quiet():
                starts, ends = _logits(with_, given)
        row = 0
        for text, of_one in zip(texts, windows, strict=True):
            if not of_one:
                found.append(_TOO_LONG)
                continue
            span = _best([(w, starts[row + i], ends[row + i]) for i, w in enumerate(of_one)])
            found.append(" ".join(text[span[0] : span[1]].split()) if span else NONE)
            row += len(of_one)
    return found


@dataclass(frozen=True, eq=False)
class _Window:
    """Ids and, where the model was trained with them, types; for each token its characters where it is of the text."""

    ids: list[int]
    types: list[int] | None
    places: list[tuple[int, int] | None]


def _windows(with_: Pretrained, question: str, text: str) -> list[_Window]:
    """None where the question leaves no room for the text."""
    length = min(WINDOW, with_.limit)
    taken = len(with_.tokenizer(question, "", verbose=False)["input_ids"])
    stride = min(STRIDE, (length - taken) // 2)
    if stride < 1:
        return []
    cut = with_.tokenizer(
        question, text, truncation="only_second", max_length=length, stride=stride,
        return_overflowing_tokens=True, return_offsets_mapping=True, verbose=False,
    )  # fmt: skip
    windows = []
    for i, ids in enumerate(cut["input_ids"]):
        owners = cut.sequence_ids(i)
        places = [p if o == 1 and p[1] > p[0] else None for p, o in zip(cut["offset_mapping"][i], owners, strict=True)]
        types = cut["token_type_ids"][i] if "token_type_ids" in cut else None
        windows.append(_Window(ids, types, places))
    return windows


def _logits(with_: Pretrained, windows: Sequence[_Window]) -> tuple[np.ndarray, np.ndarray]:
    import torch

    width = max(len(w.ids) for w in windows)
    pad = with_.tokenizer.pad_token_id or 0
    tensors = {
        "input_ids": [w.ids + [pad] * (width - len(w.ids)) for w in windows],
        "attention_mask": [[1] * len(w.ids) + [0] * (width - len(w.ids)) for w in windows],
    }
    if windows[0].types is not None:
        tensors["token_type_ids"] = [(w.types or []) + [0] * (width - len(w.ids)) for w in windows]
    out = with_.model(**{name: torch.tensor(rows, device=with_.device) for name, rows in tensors.items()})
    return out.start_logits.float().cpu().numpy(), out.end_logits.float().cpu().numpy()


def _best(windows: Sequence[tuple[_Window, np.ndarray, np.ndarray]]) -> tuple[int, int] | None:
    """The characters of the span with the largest sum of its two logits that runs forwards, within the text."""
    best, span, nothing = -np.inf, None, np.inf
    for window, starts, ends in windows:
        nothing = min(nothing, float(starts[0] + ends[0]))
        of_text = [i for i, place in enumerate(window.places) if place]
        for i in of_text:
            last = [j for j in of_text if i <= j < i + SPAN]
            j = last[int(np.argmax(ends[last]))]
            if (score := float(starts[i] + ends[j])) > best:
                first_place, last_place = window.places[i], window.places[j]
                assert first_place and last_place
                best, span = score, (first_place[0], last_place[1])
    return span if best >= nothing else None
