"""What the methods that read descriptions share: which cues those are, as spaCy reads them, and where answers wait.

A clip's captions are its descriptions; where there are none its descriptions, then its tags.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flyreel.audit.likeness import Form
from flyreel.generate.language import model
from flyreel.generate.language.candidates import Candidate, Kind
from flyreel.generate.matching import Said, Slot, form_of
from flyreel.generate.method import Dropped, Made, Setting
from flyreel.generate.scene import TOLD, Scene


@dataclass(frozen=True)
class Description:
    """`doc.text` is the cue's text without white space around it, and up to `model.LONGEST`."""

    scene: Scene
    cue: Mapping[str, Any]
    doc: Any


@dataclass(frozen=True)
class Answer:
    """The right answer to a question that waits for choices; `span` is where it stands, spaCy's."""

    id: str
    scene: Scene
    text: str
    kind: Kind
    span: Any
    question: str


def descriptions(scene: Scene, read: Sequence[str]) -> list[Mapping[str, Any]]:
    """Its cues of the first kind that it has: what was written to be a caption says more than a tag."""
    for kind in sorted(read, key=lambda kind: TOLD.index(kind) if kind in TOLD else len(TOLD)):
        if cues := [cue for cue in scene.cues if cue.get("kind", "dialogue") == kind and cue["text"].strip()]:
            return cues
    return []


def read(scenes: Iterable[Scene], setting: Setting, made: Made) -> list[Description]:
    """The descriptions of all scenes in order; a scene that has none is in `made.dropped`."""
    waiting: list[tuple[Scene, Mapping[str, Any], str]] = []
    for scene in scenes:
        cues = descriptions(scene, setting.read)
        if not cues:
            made.dropped.append(Dropped(scene.clip, "no-description", f"no cue is of kind {', '.join(setting.read)}"))
        for cue in cues:
            whole = cue["text"].strip()
            text = whole if len(whole) <= model.LONGEST else whole[: model.LONGEST].rsplit(None, 1)[0]
            if len(text) < len(whole):
                detail = f"{len(text):,} of {len(whole):,} characters were read"
                made.dropped.append(Dropped(scene.clip, "description-too-long", detail))
            waiting.append((scene, cue, text))
    docs = model.english().pipe(text for *_, text in waiting)
    return [Description(scene, cue, doc) for (scene, cue, _), doc in zip(waiting, docs, strict=True)]


def slots(answers: Iterable[Answer], found: Mapping[str, Sequence[Candidate]]) -> list[Slot]:
    """`found` is, by clip, what its descriptions hold. Clips of two splits never lend each other answers: a test set's
    keys would stand in the training set."""
    said: dict[tuple[str, str], Said] = {}
    made = []
    for answer in answers:
        clip, kind = answer.scene.clip, answer.kind
        if (clip, kind) not in said:
            of_kind = (c.text for c in found[clip] if c.kind == kind)
            cues = (cue["text"] for cue in answer.scene.cues)
            said[clip, kind] = Said(*(tuple(map(Form.of, dict.fromkeys(texts))) for texts in (of_kind, cues)))
        form = (answer.scene.split or "", *form_of(kind, answer.span, answer.question))
        made.append(Slot(answer.id, answer.text, form, said[clip, kind]))
    return made
