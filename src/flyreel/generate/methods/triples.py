"""Who does what to whom, as a table, and questions that need two of its rows.

The table `triples` is every link that the descriptions state (language/links.py), one row each, with the cue that says
it. Questions join two links of a clip by a thing that both are about and neither names (language/chains.py).

Two mentions are of one thing if they are equal but for article and case. A bare noun with *the* ("the man") is also the
one thing of the clip with that head ("a young man"), if there is only one.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flyreel.audit.likeness import Form
from flyreel.columns import present
from flyreel.engine.stage import Drop
from flyreel.generate.language import model
from flyreel.generate.language.candidates import Candidate, Kind, candidates
from flyreel.generate.language.chains import Fact, Hop, Thing, asked_of, in_words, worded
from flyreel.generate.language.links import Link, links
from flyreel.generate.language.mistaken import may_be_name
from flyreel.generate.matching import Hand, Said, Slot, deal, form_of
from flyreel.generate.method import Dropped, Made, Setting, method
from flyreel.generate.methods.extractive import descriptions
from flyreel.generate.scene import Scene
from flyreel.generate.sieve import Sieve

DEFINITE = frozenset("the this that these those".split())
ARTICLES = DEFINITE | frozenset("a an some one".split())


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
        hands = deal(_slots(drafts), setting.choices, setting.seed)
    parameters = {"method": "triples", "seed": setting.seed, "language": model.name()}
    for draft, hand in zip(drafts, hands, strict=True):
        if isinstance(hand, Drop):
            made.dropped.append(Dropped(draft.scene.clip, hand.reason, hand.detail, draft.question))
        else:
            made.questions.append(_row(draft, hand, {"name": "generate", "parameters": parameters}))
    return made


def _read(scenes: Sequence[Scene], setting: Setting, made: Made) -> list[list[Told]]:
    """For every scene its descriptions."""
    waiting: list[tuple[int, Mapping[str, Any], str]] = []
    for i, scene in enumerate(scenes):
        cues = descriptions(scene, setting.read)
        if not cues:
            made.dropped.append(Dropped(scene.clip, "no-description", f"no cue is of kind {', '.join(setting.read)}"))
        for cue in cues:
            text = cue["text"] if len(cue["text"]) <= model.LONGEST else cue["text"][: model.LONGEST].rsplit(None, 1)[0]
            if len(text) < len(cue["text"]):
                detail = f"{len(text):,} of {len(cue['text']):,} characters were read"
                made.dropped.append(Dropped(scene.clip, "description-too-long", detail))
            waiting.append((i, cue, text))
    told: list[list[Told]] = [[] for _ in scenes]
    for (i, cue, text), doc in zip(waiting, model.english().pipe(text for *_, text in waiting), strict=True):
        part = Told(cue, doc, tuple(links(doc)), tuple(candidates(doc)))
        if not part.links:
            made.dropped.append(Dropped(scenes[i].clip, "no-link", text))
        told[i].append(part)
    return told


def _triple(scene: Scene, part: Told, link: Link) -> dict[str, Any]:
    sentence = part.doc.char_span(*link.object_span, alignment_mode="expand").sent.text.strip()
    return {
        "clip": scene.clip, "subject": link.subject, "predicate": link.predicate, "lemma": link.lemma,
        "object": link.object, "start": part.cue["start"], "end": part.cue["end"], "sentence": sentence,
    }  # fmt: skip


def _asked(scene: Scene, parts: Sequence[Told], setting: Setting, made: Made) -> list[Draft]:
    """At most `setting.count`, drawn by seed and clip; numbered in the order of the text."""
    spans: dict[Fact, dict[str, Any]] = {}
    facts = list(_facts(parts, spans))
    sieve = Sieve(near=False)
    drafts: list[Draft] = []
    for hop, why in asked_of(facts):
        question = worded(hop)
        why = why or sieve.refuse(question, hop.answer.text)
        if why is not None:
            made.dropped.append(Dropped(scene.clip, why.reason, why.detail, question))
        else:
            id = f"{scene.clip}-t{len(drafts) + 1:03d}"
            drafts.append(Draft(id, scene, parts, hop, question, spans[hop.asked][hop.side]))
    if len(drafts) <= setting.count:
        return drafts
    kept = set(random.Random(f"{setting.seed}:{scene.clip}").sample(range(len(drafts)), max(setting.count, 0)))
    gone = [draft for i, draft in enumerate(drafts) if i not in kept]
    made.dropped += [
        Dropped(scene.clip, "enough-of-this-clip", f"{setting.count} are asked for", d.question) for d in gone
    ]
    return [draft for i, draft in enumerate(drafts) if i in kept]


def _facts(parts: Sequence[Told], spans: dict[Fact, dict[str, Any]]) -> Iterator[Fact]:
    """The links of a clip between its things. `spans` is filled with where the two things of each stand."""
    mentions = [(part, span) for part in parts for link in part.links for span in (link.subject_span, link.object_span)]
    words = [(part.doc.text[slice(*span)], _is_living(part, span)) for part, span in mentions]
    keys = _keys([text for text, _ in words])
    living = {keys[text] for text, alive in words if alive}
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
    introduced = sorted({plain[text] for text, w in split.items() if w[0] not in DEFINITE})
    keys = {}
    for text, key in plain.items():
        of_that_head = [known for known in introduced if known.split()[-1] == key]
        bare = split[text][0] in DEFINITE and " " not in key and key not in introduced
        keys[text] = of_that_head[0] if bare and len(of_that_head) == 1 else key
    return keys


def _thing(text: str, span: Any, keys: Mapping[str, str], living: set[str]) -> Thing:
    first, root = span[0], span.root
    name = first.pos_ == "PROPN" or (first.tag_ not in ("DT", "PRP$", "CD", "NNS") and may_be_name(first.text))
    capital = name or not first.is_sent_start or not (text[1:2].islower() or len(first) == 1)
    many = root.tag_ in ("NNS", "NNPS") or (root.tag_ == "CD" and root.lower_ != "one") or root.lower_ == "people"
    return Thing(keys[text], text if capital else text[0].lower() + text[1:], keys[text] in living, many)


def _slots(drafts: Sequence[Draft]) -> list[Slot]:
    """Clips of two splits never lend each other answers: a test set's keys would stand in the training set."""
    said: dict[tuple[str, str], Said] = {}
    slots = []
    for draft in drafts:
        clip = draft.scene.clip
        kind: Kind = "living" if draft.hop.answer.living else "noun"
        if (clip, kind) not in said:
            of_kind = (c.text for part in draft.told for c in part.candidates if c.kind == kind)
            cues = (cue["text"] for cue in draft.scene.cues)
            said[clip, kind] = Said(*(tuple(map(Form.of, dict.fromkeys(texts))) for texts in (of_kind, cues)))
        form = (draft.scene.split or "", *form_of(kind, draft.span, draft.question))
        slots.append(Slot(draft.id, draft.hop.answer.text, form, said[clip, kind]))
    return slots


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
