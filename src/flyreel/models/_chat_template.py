"""What a model is given for the messages of a call: a prompt by its own chat template, and the pictures.

Templates differ in what they take: a system role or none, a message as a list of parts or as one text. What one cannot
take it drops silently as often as it refuses, so a rendering counts only if every text is in it and the pictures have
left a mark. Without any template the prompt is the oldest of them: USER: … ASSISTANT:, or what BLIP-2 reads.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from PIL import Image

from flyreel.errors import Refused
from flyreel.models.call import Call
from flyreel.models.control_tokens import plain
from flyreel.models.hub import brief

Film = tuple[Image.Image, ...]
Part = str | Image.Image | Film


@dataclass(frozen=True, eq=False)
class Turn:
    role: str
    parts: tuple[Part, ...]

    @property
    def texts(self) -> list[str]:
        return [p for p in self.parts if isinstance(p, str)]


@dataclass(frozen=True, eq=False)
class Reader:
    """The processor, which is None for a model of text alone, and the tokenizer that it holds."""

    processor: Any
    tokenizer: Any

    @property
    def image_token(self) -> str:
        return str(getattr(self.processor, "image_token", None) or "<image>")  # some hold more than its text

    @property
    def video_token(self) -> str:
        return getattr(self.processor, "video_token", None) or "<video>"

    @property
    def places_picture(self) -> bool:
        """BLIP-2's processor puts the one picture that it takes before the text, whatever the text says."""
        return hasattr(self.processor, "num_query_tokens")

    def clean(self, text: str) -> str:
        return plain(self.tokenizer, text, (self.image_token, self.video_token) if self.processor else ())


def inputs(reader: Reader, call: Call, film: bool) -> dict[str, Any]:
    """All that the model is called with, as tensors. With `film`, pictures in a row are one video."""
    turns = _turns(reader, call, film)
    prompt, templated = _prompt(reader, turns)
    begin = reader.tokenizer.bos_token
    # A template that writes the first token itself would have it twice.
    begun = (templated and reader.processor is None) or bool(begin and prompt.startswith(begin))
    given: dict[str, Any] = {"return_tensors": "pt", **({"add_special_tokens": False} if begun else {})}
    if reader.processor is None:
        return dict(reader.tokenizer(prompt, return_token_type_ids=False, **given))
    parts = [p for turn in turns for p in turn.parts]
    pictures = [p for p in parts if isinstance(p, Image.Image)]
    if reader.places_picture and len(pictures) != 1:  # it would look at the first and say nothing of the others
        raise Refused("takes-one-picture", f"and was shown {len(pictures)}")
    if pictures:
        given["images"] = [pictures]
    if films := [p for p in parts if isinstance(p, tuple)]:
        given |= {"videos": [np.stack([np.asarray(frame) for frame in film]) for film in films]}
        given["do_sample_frames"] = False  # they have been chosen
    return dict(reader.processor(text=[prompt], **given))


def _turns(reader: Reader, call: Call, film: bool) -> list[Turn]:
    there = {m.address: m for m in call.media}

    def read(part: dict[str, Any]) -> Part:
        if part["type"] == "text":
            return reader.clean(str(part["text"]))
        if part["type"] != "image_url":
            raise Refused("not-a-picture", f"{part['type']}: a model in this process is shown frames, not files")
        address = part["image_url"]["url"]
        if address not in there:
            raise Refused("no-such-picture", address[:80])
        try:
            return Image.open(io.BytesIO(there[address].data)).convert("RGB")
        except (OSError, ValueError, Image.DecompressionBombError) as error:
            raise Refused("unreadable-picture", brief(error)) from None

    turns = []
    for message in call.messages:
        content = message.get("content") or ""
        listed = [{"type": "text", "text": content}] if isinstance(content, str) else content
        parts = [read(part) for part in listed]
        turns.append(Turn(message["role"], tuple(_rolled(parts) if film else parts)))
    return turns


def _rolled(parts: Sequence[Part]) -> Iterator[Part]:
    """A picture that stands alone stays a picture."""
    for pictured, run in groupby(parts, lambda p: isinstance(p, Image.Image)):
        some = list(run)
        if pictured and len(some) > 1:
            yield tuple(p for p in some if isinstance(p, Image.Image))
        else:
            yield from some


def _prompt(reader: Reader, turns: Sequence[Turn]) -> tuple[str, bool]:
    """And whether a template made it."""
    holders = [h for h in (reader.processor, reader.tokenizer) if getattr(h, "chat_template", None)]
    if not holders:
        return _untemplated(reader, turns), False
    ways = [turns, _folded(turns)] if any(t.role == "system" for t in turns) else [turns]
    why = "not all that is said comes through its chat template"
    for said in ways:
        for holder in holders:
            for listed in (True, False) if reader.processor is not None else (False,):
                try:
                    if (prompt := _rendered(reader, holder, said, listed)) is not None:
                        return prompt, True
                except Exception as error:  # templates raise what they like, and their engine more
                    why = brief(error)
    raise Refused("chat-template", why)


def _rendered(reader: Reader, holder: Any, turns: Sequence[Turn], listed: bool) -> str | None:
    """None where something was left out."""

    def applied(turns: Sequence[Turn]) -> str:
        messages = [{"role": t.role, "content": _listed(t) if listed else _joined(reader, t)} for t in turns]
        return holder.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)

    prompt = applied(turns)
    if not all(text.strip() in prompt for turn in turns for text in turn.texts):
        return None
    if listed and any(str(_listed(turn)) in prompt for turn in turns):  # it took the list for a text
        return None
    blind = [Turn(turn.role, tuple(turn.texts)) for turn in turns]
    if any(len(b.parts) < len(t.parts) for b, t in zip(blind, turns, strict=True)) and applied(blind) == prompt:
        return None
    return prompt


def _listed(turn: Turn) -> list[dict[str, str]]:
    return [
        {"type": "text", "text": p} if isinstance(p, str) else {"type": "video" if isinstance(p, tuple) else "image"}
        for p in turn.parts
    ]


def _joined(reader: Reader, turn: Turn) -> str:
    return "\n".join(
        p if isinstance(p, str) else reader.video_token if isinstance(p, tuple) else reader.image_token
        for p in turn.parts
    )


def _folded(turns: Sequence[Turn]) -> list[Turn]:
    """What the system says as the beginning of what the user says, for templates that know no system."""
    system = tuple(p for turn in turns if turn.role == "system" for p in turn.parts)
    first, *rest = [turn for turn in turns if turn.role != "system"] or [Turn("user", ())]
    if first.role != "user":
        return [Turn("user", system), first, *rest]
    texts = "\n\n".join(p for p in (*system, *first.parts[:1]) if isinstance(p, str))
    begun = first.parts[1:] if first.parts and isinstance(first.parts[0], str) else first.parts
    return [Turn("user", (texts, *begun)), *rest]


def _untemplated(reader: Reader, turns: Sequence[Turn]) -> str:
    if reader.places_picture:
        return f"Question: {' '.join(text for turn in turns for text in turn.texts)} Answer:"
    names = {"system": "", "user": "USER: "}
    return " ".join([*(names.get(t.role, "ASSISTANT: ") + _joined(reader, t) for t in turns), "ASSISTANT:"])
