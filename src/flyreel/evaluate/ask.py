"""One question about one video, with the frames that the answer rests on."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flyreel.engine.callers import Terms, open_callers
from flyreel.engine.local import stops_at_once
from flyreel.errors import InputError
from flyreel.evaluate.answering import read
from flyreel.evaluate.pictures import Choosing, Pictures, pictures
from flyreel.evaluate.scores import letter
from flyreel.evaluate.showing import SENDS, TOKENS, Item, show, spoken
from flyreel.evaluate.views import VIEWS
from flyreel.formats.subtitles import parse_cues, read_lines
from flyreel.models import roles
from flyreel.models.catalog import Say
from flyreel.replies.chat import cleaned
from flyreel.tables import atomic, writable


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line. Replies are kept in `calls` where one is named."""

    video: Path
    question: str
    model: str
    choices: tuple[str, ...] = ()
    subtitles: Path | None = None
    choosing: Choosing = field(default_factory=Choosing)
    send: str = "frames"
    tokens: int = TOKENS
    out: Path | None = None


@dataclass(frozen=True)
class Answered:
    reply: str
    choice: int | None
    failure: str | None
    model: str
    seen: Pictures | None
    written: list[Path]

    def json(self, asked: Request) -> dict[str, Any]:
        frames = zip(self.seen.numbers, self.seen.times, strict=True) if self.seen else ()
        return {
            "video": str(asked.video),
            "question": asked.question,
            "choices": list(asked.choices),
            "model": self.model,
            "reply": self.reply,
            "answer": self.choice,
            "failure": self.failure,
            "frames": [{"frame": n, "time": round(t, 4)} for n, t in frames],
            "pictures": [str(p) for p in self.written],
        }


def run(asked: Request, say: Say) -> Answered:
    _check(asked)
    cues = _cues(asked.subtitles)
    item = Item("asked", asked.question, asked.choices, cues, asked.video)
    seen = pictures(asked.video, asked.question, asked.choosing) if asked.send == "frames" else None
    made = show(item, VIEWS["full"], seen, asked.send, asked.tokens)
    with ExitStack() as stack:
        spec = roles.parse(asked.model, roles.settings(Path()))
        if spec.local:
            raise InputError(
                f"local:{spec.local} is a model of text and sees no frames: --model hf:NAME, run:FOLDER or an address"
            )
        terms = Terms(asked.out / "calls" if asked.out else None)
        (caller,) = open_callers({"model": [spec]}, roles.settings(Path()), terms, say, stack)["model"]
        if not caller.model.sees:
            raise InputError(
                f"{caller.model.label} is a model of text and sees no frames: --model hf:NAME, run:FOLDER or an address"
            )

        async def put() -> str:
            try:
                return (await caller.ask(made.call)).text
            finally:
                await caller.model.close()

        with stops_at_once():
            reply = asyncio.run(put())
    said = read(reply, asked.choices, question=item.id, model=caller.model.label)
    choice = said.answer if isinstance(said.answer, int) else None
    return Answered(reply, choice, said.failure, caller.model.label, seen, _write(seen, asked.out))


def _check(asked: Request) -> None:
    if not asked.question.strip():
        raise InputError("the question is empty")
    bare = {choice.strip() for choice in asked.choices}
    if len(asked.choices) == 1 or len(bare) < len(asked.choices) or "" in bare:
        raise InputError("--choice: give two or more, all different, or none")
    if asked.send not in SENDS:
        raise InputError(f"--send {asked.send}: frames or video")
    asked.choosing.check(used=asked.send == "frames")


def _cues(subtitles: Path | None) -> tuple[Mapping[str, Any], ...]:
    if subtitles is None:
        return ()
    if not subtitles.is_file():
        raise InputError(f"{subtitles}: no such file")
    lines, _ = read_lines(subtitles)
    cues, problems = parse_cues(lines)
    if not cues:
        raise InputError(f"{subtitles}: no subtitle in it" + (f": {problems[0]}" if problems else ""))
    return spoken([cue.model_dump() for cue in cues])


def _write(seen: Pictures | None, out: Path | None) -> list[Path]:
    """The pictures as they were sent, in place of those of the question before."""
    if seen is None or out is None:
        return []
    writable(out)
    for old in out.iterdir():
        if re.fullmatch(r"frame-\d{4,}\.jpg", old.name) and old.is_file():
            old.unlink()
    written: list[Path] = []
    for number, media in zip(seen.numbers, seen.media, strict=True):
        path = out / f"frame-{number:04d}.jpg"
        with atomic(path) as temporary:
            temporary.write_bytes(media.data)
        written.append(path)
    return written


def lines(answered: Answered, choices: Sequence[str]) -> list[str]:
    if answered.choice is not None:
        found = [f"{letter(answered.choice)}) {choices[answered.choice]}"]
    elif choices:
        found = [answered.reply.strip(), f"  the reply commits to none of the choices ({answered.failure})"]
    else:
        found = [cleaned(answered.reply) or "(an empty reply)"]
    if answered.seen:
        at = ", ".join(f"{n} ({t:.1f} s)" for n, t in zip(answered.seen.numbers, answered.seen.times, strict=True))
        found.append(f"  {answered.model} was shown frames {at}")
    return found + ([f"  pictures: {answered.written[0].parent}"] if answered.written else [])
