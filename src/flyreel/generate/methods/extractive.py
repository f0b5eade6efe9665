"""Questions whose answers stand in a description: a candidate is taken out, and somebody asks for it.

Wrong choices are answers to the other clips' questions (matching.py), so a call with few clips has few. A question's id
counts the candidates of its clip, asked for or not: it stays the same whatever is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flyreel.columns import present
from flyreel.engine.stage import Drop
from flyreel.generate.askers.base import Sheet, askers
from flyreel.generate.descriptions import Answer, read, slots
from flyreel.generate.language import model
from flyreel.generate.language.candidates import Candidate, candidates
from flyreel.generate.matching import Hand, Slot, deal
from flyreel.generate.method import Dropped, Made, Setting, method
from flyreel.generate.roundtrip import Asked, agrees, answers
from flyreel.generate.scene import Scene
from flyreel.generate.sieve import Sieve
from flyreel.models.call import Call


@dataclass(frozen=True)
class Told:
    """One description of a scene, and what it holds."""

    scene: Scene
    cue: Mapping[str, Any]
    sheet: Sheet


@dataclass(frozen=True)
class Draft:
    """A question with its answer, before it has choices."""

    id: str
    told: Told
    candidate: Candidate
    question: str

    def drop(self, why: Drop) -> Dropped:
        return Dropped(self.told.scene.clip, why.reason, why.detail, self.question)


def calls(scenes: Iterable[Scene], setting: Setting) -> Iterator[Call]:
    """What the asker would send, for a forecast. What a reader would be asked depends on the replies."""
    if of_asker := askers.get(setting.asker.partition(":")[0]).facts.get("calls"):
        for scene in scenes:
            yield from of_asker([told.sheet for told in _read([scene], setting, Made())], setting)


@method("extractive", letter="x", calls=calls)
async def extractive(scenes: Sequence[Scene], setting: Setting) -> Made:
    """Stretches of the descriptions asked for: living things, nouns, verbs, prepositional phrases, colours."""
    made = Made()
    asker = askers.get(setting.asker.partition(":")[0])
    told = _read(scenes, setting, made)
    written = await asker.make([t.sheet for t in told], setting)
    drafts = _sieved(told, written, made)
    if setting.qa is not None:
        drafts = await _agreed(drafts, setting, made)
    origin = {
        "name": "generate",
        "parameters": {
            "method": "extractive", "asker": setting.asker, "seed": setting.seed, "language": model.name(),
            **({"qa": setting.qa} if setting.qa is not None else {}),
        },
        **asker.facts.get("origin", _nobody)(setting),
    }  # fmt: skip
    hands: Sequence[Hand | Drop | None] = [None] * len(drafts)
    if setting.choices:
        hands = deal(_slots(drafts, told), setting.choices, setting.seed)
    for draft, hand in zip(drafts, hands, strict=True):
        if isinstance(hand, Drop):
            made.dropped.append(draft.drop(hand))
        else:
            made.questions.append(_row(draft, hand, origin))
    return made


def _read(scenes: Iterable[Scene], setting: Setting, made: Made) -> list[Told]:
    told = []
    for description in read(scenes, setting, made):
        scene, cue, doc = description.scene, description.cue, description.doc
        found = tuple(candidates(doc))
        if not found:
            made.dropped.append(Dropped(scene.clip, "no-candidate", doc.text))
        told.append(Told(scene, cue, Sheet(doc.text, found, doc)))
    return told


def _sieved(told: Sequence[Told], written: Sequence[Sequence[str | Drop]], made: Made) -> list[Draft]:
    """What was asked, but for what gives its answer away or was asked about the clip before."""
    sieves: dict[str, Sieve] = {}
    numbers: dict[str, int] = {}
    drafts = []
    for of, asked in zip(told, written, strict=True):
        clip = of.scene.clip
        sieve = sieves.setdefault(clip, Sieve(near=False))
        for candidate, question in zip(of.sheet.candidates, asked, strict=True):
            numbers[clip] = numbers.get(clip, 0) + 1
            draft = Draft(f"{clip}-x{numbers[clip]:03d}", of, candidate, question if isinstance(question, str) else "")
            if isinstance(question, Drop):
                # Nothing was asked: that the answer is what was to be asked for says more than an empty question.
                detail = f"{candidate.text}: {question.detail}" if question.detail else candidate.text
                made.dropped.append(Dropped(clip, question.reason, detail))
            elif why := sieve.refuse(question, candidate.text):
                made.dropped.append(draft.drop(why))
            else:
                drafts.append(draft)
    return drafts


async def _agreed(drafts: Sequence[Draft], setting: Setting, made: Made) -> list[Draft]:
    asked = [Asked(d.told.sheet.text, d.question, d.candidate.start, d.candidate.end) for d in drafts]
    kept = []
    for draft, found in zip(drafts, await answers(asked, setting), strict=True):
        if isinstance(found, Drop):
            made.dropped.append(draft.drop(found))
        elif not agrees(found, draft.candidate.text):
            made.dropped.append(draft.drop(Drop("round-trip", found)))
        else:
            kept.append(draft)
    return kept


def _slots(drafts: Sequence[Draft], told: Sequence[Told]) -> list[Slot]:
    found: dict[str, list[Candidate]] = {}
    for t in told:
        found.setdefault(t.scene.clip, []).extend(t.sheet.candidates)
    return slots(
        (Answer(d.id, d.told.scene, _inside(d), d.candidate.kind, _span(d), d.question) for d in drafts), found
    )


def _span(draft: Draft) -> Any:
    return draft.told.sheet.doc.char_span(draft.candidate.start, draft.candidate.end, alignment_mode="expand")


def _inside(draft: Draft) -> str:
    """The answer as it reads inside a sentence: a capital from its beginning would tell who is the subject."""
    text, first = draft.candidate.text, _span(draft)[0]
    ordinary = first.is_sent_start and first.pos_ != "PROPN" and not text[1:2].isupper()
    return text[0].lower() + text[1:] if ordinary else text


def _row(draft: Draft, hand: Hand | None, origin: dict[str, Any]) -> dict[str, Any]:
    candidate, cue = draft.candidate, draft.told.cue
    whole = cue["start"] == cue["end"] == 0
    row = draft.told.scene.row(
        draft.id,
        question=draft.question,
        **({"choices": list(hand.choices), "answer": hand.answer} if hand else {"answer": candidate.text}),
        template=f"extractive-{candidate.kind}",
        **({} if whole else {"evidence": [{"start": cue["start"], "end": cue["end"]}]}),
        cues=[present(dict(cue))],
    )
    return {**row, "origin": origin, "meta": {"candidate": candidate.kind}}


def _nobody(setting: Setting) -> dict[str, str]:
    return {}
