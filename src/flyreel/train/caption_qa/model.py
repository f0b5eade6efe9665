"""A finished caption-qa run as a model: what the pictures of a call show is asked of the captioner, the rest is read.

Captions go through the run's own ledger, so that a picture that was described in training, or for another question, is
not described again. Nothing is drawn: temperature and sample of a call change nothing. The run itself is free, as any
model in this process; what a paid captioner costs is in no budget and no total of whoever asks, but in that ledger.
"""

from __future__ import annotations

import asyncio
import hashlib
import weakref
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch

from flyreel.engine.budget import Budget
from flyreel.engine.calls import Caller, Limits
from flyreel.errors import FlyreelError, InputError, ModelError, Refused
from flyreel.models import roles
from flyreel.models._in_thread import Answered, InThread
from flyreel.models.call import Call, Model
from flyreel.models.ledger import Ledger
from flyreel.models.prompts import digest
from flyreel.train.asked import Asked, read_call
from flyreel.train.caption_qa import captions as captioning
from flyreel.train.caption_qa import reader as reading
from flyreel.train.caption_qa.reader import Reader
from flyreel.train.caption_qa.text import fitted, heard, in_time, pieces, reply, spans
from flyreel.train.runs import read as facts_of


def opened_run(folder: Path, captioner: str = "") -> Model:
    facts = facts_of(folder)
    settings = facts["settings"]
    reader = reading.opened(str(folder / "model"))
    reader.model.to("cuda" if torch.cuda.is_available() else "cpu")
    if settings["blind"]:
        return CaptionQa(folder.name, reader, settings)
    known = roles.settings(Path())
    who, spec = _contacted(folder, facts["about"]["captioner"], captioner, known)
    captioning.seeing(who)
    calls = Path(settings["calls"]) if settings["calls"] and Path(settings["calls"]).is_dir() else folder / "calls"
    another = not _same(who, facts["about"]["captioner"])
    return CaptionQa(folder.name, reader, settings, Captioner(who, spec, calls), another)


class Captioner:
    """With its ledger, which is opened for the first picture and not for each: opening reads every key."""

    def __init__(self, model: Model, spec: roles.Spec, calls: Path) -> None:
        self.model, self._spec, self._calls = model, spec, calls
        self._caller: Caller | None = None
        self._open = ExitStack()
        weakref.finalize(self, self._open.close)

    def of(self, asked: Asked, about_question: bool) -> list[str | None]:
        return asyncio.run(self._asked(asked, asked.question if about_question else ""))

    async def _asked(self, asked: Asked, question: str) -> list[str | None]:
        try:
            if self._caller is None:
                ledger = self._open.enter_context(Ledger(self._calls))
                self._caller = Caller(
                    self.model, Limits(self._spec.in_flight, self._spec.rate, self._spec.tries), ledger, Budget()
                )
            return await captioning.captions(self._caller, asked.media, question)
        except ModelError:
            raise
        except FlyreelError as error:
            raise Refused("captioner", str(error)) from None
        finally:
            await self.model.close()

    def close(self) -> None:
        """It may be asked again."""
        self._caller = None
        self._open.close()


class CaptionQa(InThread):
    """`another`: its captions are not by whom it learnt from, which its label says."""

    def __init__(
        self, name: str, reader: Reader, settings: Mapping[str, Any], who: Captioner | None = None,
        another: bool = False,
    ) -> None:  # fmt: skip
        parts = [
            reader.digest,
            digest("flyreel.train"),
            f"{who.model.identity} {who.model.name}" if who else "",
            repr(sorted(_told(settings).items())),
        ]
        identity = "sha256:" + hashlib.sha256("\n".join(parts).encode()).hexdigest()
        super().__init__(name, identity, who is not None, self._answered)
        self._reader, self._settings, self._who = reader, settings, who
        self._by = f" (captioned by {who.model.label})" if who and another else ""

    @property
    def label(self) -> str:
        return f"{self.name}{self._by}"

    async def close(self) -> None:
        """Once no call is under way, which would wait for the ledger for ever."""
        await asyncio.to_thread(self._let_go)

    def _let_go(self) -> None:
        with self._lock:
            if self._who:
                self._who.close()

    def _answered(self, call: Call) -> Answered:
        put, how, tokenizer = read_call(call), self._settings, self._reader.tokenizer
        seen = self._described(put) if self._who and put.media else []
        lines = in_time(
            spans([text for text, _ in seen], [time for _, time in seen if time is not None], how["alike"]),
            heard(put.before) if how["dialogue"] and not how["blind"] else (),
        )
        prompt = fitted(pieces(tokenizer, put.question, put.choices, lines), how["tokens"])
        if prompt is None:
            raise Refused("too-long", f"the question alone is more than {how['tokens']:,} tokens")
        (said,) = reading.written(self._reader, [prompt], min(call.output_tokens_most, reading.LONGEST_ANSWER))
        return Answered(reply(said.text, put.choices), len(prompt), said.tokens, said.ended)

    def _described(self, put: Asked) -> list[tuple[str, float | None]]:
        """Captions and times of the pictures in the order in which they stand in the call."""
        assert self._who is not None
        told = self._who.of(put, self._settings["about_question"])
        times = put.times if len(put.times) == len(told) else [None] * len(told)
        found = [(text, time) for text, time in zip(told, times, strict=True) if text]
        if not found:
            raise Refused("no-captions", f"{self._who.model.label} describes none of {len(told)} pictures")
        return found


def _told(settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that an answer depends on."""
    return {name: settings[name] for name in ("about_question", "alike", "dialogue", "tokens", "blind")}


def _same(who: Model, learnt_from: Mapping[str, str]) -> bool:
    return (who.label, who.identity) == (learnt_from["label"], learnt_from["identity"])


def _contacted(
    folder: Path, learnt_from: Mapping[str, str], captioner: str, known: roles.Settings
) -> tuple[Model, roles.Spec]:
    """The captioner named here, or the one it learnt from. Where that is gone, or another answers in its place, it is
    [models.captioner] of flyreel.toml, and nobody whom nobody named."""
    if captioner:
        return _there(captioner, known)
    asked_as = learnt_from["asked_as"]
    if asked_as == "captioner" and asked_as not in known.roles:
        raise InputError(
            f"run:{folder}: learnt from [models.captioner] of flyreel.toml, where it is no more; add it there"
        )
    try:
        who, spec = _there(asked_as, known)
        if asked_as in known.roles or _same(who, learnt_from):
            return who, spec
        other = f"as {who.label}" if who.label != learnt_from["label"] else "with other weights"
        why = f"{asked_as} was {learnt_from['label']} when it learnt, and answers now {other}"
    except InputError as error:
        why = str(error).partition(". ")[0]
    if asked_as != "captioner" and "captioner" in known.roles:
        return _there("captioner", known)
    raise InputError(
        f"run:{folder}: its captioner {why}; start it, or name another as [models.captioner] in flyreel.toml"
    )


def _there(text: str, known: roles.Settings) -> tuple[Model, roles.Spec]:
    """In a thread: a run is opened within the event loop of whoever asks it."""
    spec = captioning.captioner(text, known)
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(roles.connect(spec, known))).result(), spec
