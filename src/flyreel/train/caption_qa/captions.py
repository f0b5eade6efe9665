"""Captions of keyframes, asked of a model through ledger and limits: a frame is captioned once ever.

What came back stands in captions.jsonl, failures too, a line a question. A run that was cut off goes on with what
stands there and asks nothing, so that a frame that failed does not change the run in the middle. Only what failed for
a passing reason is asked for once more, by the same command, and nothing is learnt before (`again`).
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flyreel.engine.calls import Caller
from flyreel.engine.local import run
from flyreel.engine.stage import Context, Drop
from flyreel.errors import InputError, ModelError, Retryable
from flyreel.models import roles
from flyreel.models.call import Call, Media, Model
from flyreel.models.prompts import load, quote
from flyreel.tables import write_jsonl
from flyreel.train.data import Frames, Sample

TOKENS = 80
"""Of a caption at most."""
Row = dict[str, Any]


@dataclass(frozen=True)
class Captions:
    """`captioner`: what it was asked for as, its label and its identity. `rows` by question; a frame that failed and
    may go better the next time says `again`."""

    captioner: dict[str, str]
    rows: dict[str, Row]

    def of(self, id: str) -> list[tuple[float, str]] | str:
        """Times and captions in order, or in one word why there are none."""
        row = self.rows[id]
        told = [(f["time"], f["caption"]) for f in row.get("frames", ()) if "caption" in f]
        return told or row.get("failure") or "no-captions"

    def counts(self) -> dict[str, Any]:
        """Of pictures; one that two questions share is one."""
        seen = {f["picture"]: f.get("failure") for row in self.rows.values() for f in row.get("frames", ())}
        failed = Counter(reason for reason in seen.values() if reason)
        return {"pictures": len(seen), "captioned": len(seen) - failed.total(), "failed": dict(failed)}

    @property
    def again(self) -> dict[str, str]:
        """Questions that are to be asked once more, and in one word why."""
        return {id: f["failure"] for id, row in self.rows.items() for f in row.get("frames", ()) if f.get("again")}

    def settled(self) -> Captions:
        """What failed twice has failed."""
        plain = {
            id: {**row, "frames": [{k: v for k, v in f.items() if k != "again"} for f in row["frames"]]}
            for id, row in self.rows.items() if "frames" in row
        }  # fmt: skip
        return Captions(self.captioner, {**self.rows, **plain})


def captioner(text: str, known: roles.Settings) -> roles.Spec:
    if not text and "captioner" not in known.roles:
        raise InputError(
            "caption-qa needs a model that describes pictures: --set captioner=hf:Salesforce/blip2-opt-2.7b, "
            "--set captioner=http://localhost:8000/v1, or [models.captioner] in flyreel.toml"
        )
    return roles.parse(text or "captioner", known)


def seeing(model: Model) -> Model:
    if not model.sees:
        raise InputError(f"{model.label} is a model of text and sees no pictures: give --set captioner= one that does")
    return model


def call(picture: Media, question: str = "") -> Call:
    """With a question, the caption is of what bears on it. An answer is never part of it, nor is any other text."""
    *before, last = load("flyreel.train", "caption").messages(question=question, quote=quote)
    content = [picture.part, {"type": "text", "text": last["content"]}]
    return Call((*before, {**last, "content": content}), {"max_tokens": TOKENS, "temperature": 0.0}, media=(picture,))


async def caption(ask: Callable[[Call], Any], picture: Media, question: str = "") -> str:
    text = " ".join((await ask(call(picture, question))).text.split())
    if not text:
        raise ModelError("empty-caption")
    return text


async def captions(caller: Caller, pictures: Sequence[Media], question: str = "") -> list[str | None]:
    """For an answer that somebody waits for: what may go better next time is raised, so that no half-blind answer is
    kept; a picture that is refused for good is None."""
    found = await asyncio.gather(*(caption(caller.ask, p, question) for p in pictures), return_exceptions=True)
    for one in found:
        if isinstance(one, BaseException) and (isinstance(one, Retryable) or not isinstance(one, ModelError)):
            raise one
    return [one if isinstance(one, str) else None for one in found]


def ask(
    caller: Caller, samples: Sequence[Sample], frames: Frames, about_question: bool, say: Callable[[str], None]
) -> dict[str, Row]:
    """Frames are decoded as they are asked for: no more of them are in memory than there are questions in flight."""

    async def put(sample: Sample, context: Context) -> Row:
        row: Row = {"question": sample.item.id, "clip": sample.item.video.name if sample.item.video else ""}
        seen = await asyncio.to_thread(frames.of, sample)
        if seen is None:
            return {**row, "failure": frames.broken.get(str(sample.item.video), "unreadable-clip")}
        wanted = sample.item.question if about_question else ""

        async def one(number: int, time: float, picture: Media) -> Row:
            frame: Row = {"frame": number, "time": float(f"{time:.1f}"), "picture": picture.digest}
            try:
                return {**frame, "caption": await caption(context.ask, picture, wanted)}
            except ModelError as error:
                return {**frame, "failure": error.reason, **({"again": True} if isinstance(error, Retryable) else {})}

        told = [one(*which) for which in zip(seen.numbers, seen.times, seen.media, strict=True)]
        return {**row, "frames": await asyncio.gather(*told)}

    async def everything() -> dict[str, Row]:
        try:
            outcomes = await run(put, samples, Context(caller), _Told(say))
        finally:
            await caller.model.close()
        told = [(o.item.item.id, o.value) for o in outcomes]
        return {id: {"question": id, "failure": v.reason} if isinstance(v, Drop) else v for id, v in told}

    return asyncio.run(everything())


@dataclass
class _Told:
    """A line each tenth of the way."""

    say: Callable[[str], None]
    tenths: int = 0

    def advance(self, done: int, total: int, context: Context) -> None:
        if (now := 10 * done // total) > self.tenths:
            self.tenths = now
            tally = context.caller.tally
            failed = f", {tally.failures.total():,} failed" if tally.failures else ""
            self.say(f"captions: {done:,} of {total:,} questions; {tally.sent:,} asked, "
                     f"{tally.from_ledger:,} known{failed}")  # fmt: skip


def write(path: Path, told: Captions) -> None:
    write_jsonl(path, [{"captioner": told.captioner}, *told.rows.values()])


def kept(path: Path) -> Captions | None:
    """What a run that was cut off has found out already."""
    try:
        first, *rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return Captions(dict(first["captioner"]), {row["question"]: row for row in rows})
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: cannot be read: {error}; remove it: nothing is asked twice") from None


def about(model: Model, text: str) -> Mapping[str, str]:
    return {"asked_as": text, "label": model.label, "identity": model.identity}
