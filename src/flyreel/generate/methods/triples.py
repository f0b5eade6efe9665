"""Who does what to whom, as a table, and questions that need two of its rows.

The table `triples` is every link that the descriptions state (language/links.py), one row each, with the cue that says
it. Questions join two links of a clip by a thing that both are about and neither names (language/chains.py).

Two mentions are of one thing if they are equal but for article and case. A bare noun with *the* ("the man") is also the
one thing of the clip with that head ("a young man"), if there is only one. "A man" a second time, in the same
description or at another time, is another man: no question is asked about "the one who …" where that may be either.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flyreel.columns import present
from flyreel.engine.stage import Drop
from flyreel.generate.descriptions import Answer, read, slots
from flyreel.generate.language import model
from flyreel.generate.language.candidates import Candidate, Kind, candidates
from flyreel.generate.language.chains import Fact, Hop, Thing, asked_of, in_words, worded
from flyreel.generate.language.links import Link, links
from flyreel.generate.language.mistaken import may_be_name
from flyreel.generate.matching import Hand, deal
from flyreel.generate.method import Dropped, Made, Setting, method
from flyreel.generate.scene import Scene
from flyreel.generate.sieve import Sieve

DEFINITE = frozenset("the this that these those".split())
INDEFINITE = frozenset("a an some one".split())
ARTICLES = DEFINITE | INDEFINITE
LISTED = 100
"""Dropped questions of one clip and reason that are written out: there may be as many as pairs of links."""


@dataclass(frozen=True)
class Told:
    """One description of a scene as read; spans are characters of `doc.text`."""

    cue: Mapping[str, Any]
    doc: Any
    links: tuple[Link, ...]
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True)
class Draft:
    """A question before it has choices; `span` is where its answer stands, spaCy's."""

    id: str
    scene: Scene
    told: Sequence[Told]
    hop: Hop
    question: str
    span: Any


@method("triples", letter="t")
async def triples(scenes: Sequence[Scene], setting: Setting) -> Made:
    """A table of who does what to whom, and questions that need two of its rows."""
    made = Made(tables={"triples": []})
    told = _read(scenes, setting, made)
    drafts: list[Draft] = []
    for scene, parts in zip(scenes, told, strict=True):
        made.tables["triples"] += [_triple(scene, part, link) for part in parts for link in part.links]
        drafts += _asked(scene, parts, setting, made)
    hands: Sequence[Hand | Drop | None] = [None] * len(drafts)
    if setting.choices:
        found = {s.clip: [c for part in parts for c in part.candidates] for s, parts in zip(scenes, told, strict=True)}
        hands = deal(slots(map(_answer, drafts), found), setting.choices, setting.seed)
    parameters = {"method": "triples", "seed": setting.seed, "language": model.name()}
    for draft, hand in zip(drafts, hands, strict=True):
        if isinstance(hand, Drop):
            made.dropped.append(Dropped(draft.scene.clip, hand.reason, hand.detail, draft.question))
        else:
            made.questions.append(_row(draft, hand, {"name": "generate", "parameters": parameters}))
    return made


def _read(scenes: Sequence[Scene], setting: Setting, made: Made) -> list[list[Told]]:
    """For every scene its descriptions."""
    told: dict[str, list[Told]] = {scene.clip: [] for scene in scenes}
    for description in read(scenes, setting, made):
        clip, doc = description.scene.clip, description.doc
        part = Told(description.cue, doc, tuple(links(doc)), tuple(candidates(doc)))
        if not part.links:
            made.dropped.append(Dropped(clip, "no-link", doc.text))
        told[clip].append(part)
    return [told[scene.clip] for scene in scenes]


def _triple(scene: Scene, part: Told, link: Link) -> dict[str, Any]:
    sentence = part.doc.char_span(*link.object_span, alignment_mode="expand").sent.text.strip()
    return {
        "clip": scene.clip, "subject": link.subject, "predicate": link.predicate, "lemma": link.lemma,
        "object": link.object, "start": part.cue["start"], "end": part.cue["end"], "sentence": sentence,
    }  # fmt: skip


def _asked(scene: Scene, parts: Sequence[Told], setting: Setting, made: Made) -> list[Draft]:
    """At most `setting.count`, drawn by seed and clip; numbered in the order of the text."""
    spans: dict[Fact, dict[str, Any]] = {}
    keys = _keys([text for _, text in _mentions(parts)])
    sieve = Sieve(near=False)
    drafts: list[Draft] = []
    dropped: Counter[str] = Counter()
    for hop, why in asked_of(list(_facts(parts, keys, spans)), _shared(parts, keys)):
        if why is not None and dropped[why.reason] >= LISTED:
            dropped[why.reason] += 1
            continue
        question = worded(hop)
        if why := why or sieve.refuse(question, hop.answer.text):
            dropped[why.reason] += 1
            if dropped[why.reason] <= LISTED:
                made.dropped.append(Dropped(scene.clip, why.reason, why.detail, question))
        else:
            id = f"{scene.clip}-t{len(drafts) + 1:03d}"
            drafts.append(Draft(id, scene, parts, hop, question, spans[hop.asked][hop.side]))
    if len(drafts) > setting.count:
        kept = set(random.Random(f"{setting.seed}:{scene.clip}").sample(range(len(drafts)), max(setting.count, 0)))
        gone = [draft for i, draft in enumerate(drafts) if i not in kept]
        drafts = [draft for i, draft in enumerate(drafts) if i in kept]
        enough, detail = "enough-of-this-clip", f"{setting.count} are asked for"
        made.dropped += [Dropped(scene.clip, enough, detail, draft.question) for draft in gone[:LISTED]]
        dropped[enough] = len(gone)
    for reason, count in dropped.items():
        if count > LISTED:
            made.dropped.append(Dropped(scene.clip, reason, f"and {count - LISTED:,} more"))
    return drafts


def _mentions(parts: Sequence[Told]) -> Iterator[tuple[Told, str]]:
    """Every mention in the order of the text; one that stands in several links is one."""
    for part in parts:
        for span in sorted({span for link in part.links for span in (link.subject_span, link.object_span)}):
            yield part, part.doc.text[slice(*span)]


def _shared(parts: Sequence[Told], keys: Mapping[str, str]) -> set[str]:
    """Keys of two things: who is introduced again where that thing was met is somebody else.

    Captions of the whole clip tell the same once more, so "a man" in two of them may be one man.
    """
    met: dict[str, list[Told]] = {}
    shared = set()
    for part, text in _mentions(parts):
        before = met.setdefault(keys[text], [])
        timed = not part.cue["start"] == part.cue["end"] == 0
        again = any(other is part for other in before[-1:]) or (timed and bool(before))
        if again and text.lower().split()[0] in INDEFINITE:
            shared.add(keys[text])
        before.append(part)
    return shared


def _facts(parts: Sequence[Told], keys: Mapping[str, str], spans: dict[Fact, dict[str, Any]]) -> Iterator[Fact]:
    """The links of a clip between its things. `spans` is filled with where the two things of each stand."""
    mentions = [(part, span) for part in parts for link in part.links for span in (link.subject_span, link.object_span)]
    living = {keys[part.doc.text[slice(*span)]] for part, span in mentions if _is_living(part, span)}
    for n, part in enumerate(parts):
        for link in part.links:
            places = (link.subject_span, link.object_span)
            one, other = (part.doc.char_span(*place, alignment_mode="expand") for place in places)
            things = (_thing(link.subject, one, keys, living), _thing(link.object, other, keys, living))
            fact = Fact(things[0], link.verb, things[1], link.role, n)
            spans[fact] = {"subject": one, "object": other}
            yield fact


def _is_living(part: Told, span: tuple[int, int]) -> bool:
    """A candidate that begins or ends with it is; a quantity's candidate may be wider or narrower."""
    return any(c.kind == "living" and (c.start == span[0] or c.end == span[1]) for c in part.candidates)


def _keys(mentions: Sequence[str]) -> dict[str, str]:
    """For every mention what it is a mention of."""
    split = {text: text.lower().split() for text in mentions}
    plain = {text: " ".join(w[1:] if len(w) > 1 and w[0] in ARTICLES else w) for text, w in split.items()}
    introduced = {plain[text] for text, w in split.items() if w[0] not in DEFINITE}
    of_head: dict[str, list[str]] = {}
    for known in introduced:
        of_head.setdefault(known.split()[-1], []).append(known)
    keys = {}
    for text, key in plain.items():
        of_that_head = of_head.get(key, [])
        bare = split[text][0] in DEFINITE and " " not in key and key not in introduced
        keys[text] = of_that_head[0] if bare and len(of_that_head) == 1 else key
    return keys


def _thing(text: str, span: Any, keys: Mapping[str, str], living: set[str]) -> Thing:
    first, root = span[0], span.root
    name = first.pos_ == "PROPN" or (first.tag_ not in ("DT", "PRP$", "CD", "NNS") and may_be_name(first.text))
    capital = name or not first.is_sent_start or not (text[1:2].islower() or len(first) == 1)
    many = root.tag_ in ("NNS", "NNPS") or (root.tag_ == "CD" and root.lower_ != "one") or root.lower_ == "people"
    return Thing(keys[text], text if capital else text[0].lower() + text[1:], keys[text] in living, many)


def _answer(draft: Draft) -> Answer:
    answer = draft.hop.answer
    kind: Kind = "living" if answer.living else "noun"
    return Answer(draft.id, draft.scene, answer.text, kind, draft.span, draft.question)


def _row(draft: Draft, hand: Hand | None, origin: dict[str, Any]) -> dict[str, Any]:
    hop = draft.hop
    rests_on = [draft.told[n].cue for n in sorted({hop.asked.cue, hop.clue.cue})]
    evidence = [{"start": cue["start"], "end": cue["end"]} for cue in rests_on if not cue["start"] == cue["end"] == 0]
    row = draft.scene.row(
        draft.id,
        question=draft.question,
        **({"choices": list(hand.choices), "answer": hand.answer} if hand else {"answer": hop.answer.text}),
        template="two-hop",
        rationale=f"{in_words(hop.clue)}; {in_words(hop.asked)}.",
        **({"evidence": evidence} if evidence else {}),
        cues=[present(dict(cue)) for cue in rests_on],
    )
    return {**row, "origin": origin}
