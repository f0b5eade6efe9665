"""The nouns, as they look at the edges: frozen, validated, one JSON object a row.

Field names are those of canonical JSONL. Bulk work does not loop over these; it uses the Arrow tables in
`tables.py` and the column view in `questions.py`.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

CueKind = Literal["dialogue", "description", "caption", "asr", "tag"]
Verdict = Literal["weak", "strong", "unknown"]

SPOKEN: tuple[CueKind, ...] = ("dialogue", "asr")
"""The kinds of cue that are heard; the others tell what is to be seen."""


class Noun(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Span(Noun):
    start: float
    end: float

    @model_validator(mode="after")
    def _in_order(self) -> Span:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"a span runs forwards from zero, not from {self.start} to {self.end}")
        return self


class Cue(Span):
    """A piece of text that belongs to a stretch of the clip: what is said, or what is described."""

    kind: CueKind = "dialogue"
    text: str
    speaker: str | None = None


class Clip(Noun):
    """A video, by its address (`source`), its place on disk (`path`), or both; what is not known yet is None.

    A cue from 0 to 0 is about the whole clip: a caption can be known before the length is.
    """

    id: str = Field(min_length=1)
    source: str | None = None
    path: str | None = None
    sha256: str | None = None
    duration: float | None = None
    fps: float | None = None
    frames: int | None = None
    width: int | None = None
    height: int | None = None
    shots: tuple[Span, ...] = ()
    cues: tuple[Cue, ...] = ()
    group: str | None = None
    split: str | None = None
    meta: dict[str, Any] = Field(default_factory=dict)


class Origin(Noun):
    """What made a question, in enough detail to make it again."""

    name: str
    parameters: dict[str, Any] = Field(default_factory=dict)
    model: str | None = None
    prompt_version: str | None = None


class Question(Noun):
    """`answer` is the index of the right choice, or the text itself where the question is open-ended.

    `group` is the film or upload the clip was cut from: the unit that folds, splits and standard errors respect.
    """

    id: str
    question: str = Field(min_length=1)
    choices: tuple[str, ...] = ()
    answer: int | str
    clip: str | None = None
    group: str | None = None
    split: str | None = None
    category: str | None = None
    template: str | None = None
    rationale: str | None = None
    evidence: tuple[Span, ...] = ()
    cues: tuple[Cue, ...] = ()
    origin: Origin | None = None
    parent: str | None = None
    round: int = 0
    meta: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _answer_fits(self) -> Question:
        if self.choices:
            if not isinstance(self.answer, int) or not 0 <= self.answer < len(self.choices):
                raise ValueError(f"answer {self.answer!r} is not an index into {len(self.choices)} choices")
            if len(self.choices) < 2 or len({c.strip() for c in self.choices}) < len(self.choices):
                raise ValueError("choices must be two or more, all different")
        elif not isinstance(self.answer, str):
            raise ValueError("a question without choices needs its answer as text")
        return self


class Finding(Noun):
    """What one solver showed about one question.

    `unknown` means that the solver failed to answer. It is never rounded to `strong`: a solver that failed has
    shown nothing. `score` is the probability the solver gave to the key; `computed_from` holds what it rests on.
    """

    question: str
    probe: str
    solver: str
    verdict: Verdict
    score: float | None = None
    computed_from: dict[str, Any] = Field(default_factory=dict)
    reason: str = ""


class Wording(Noun):
    """What a revision may change of a question, and nothing else of it."""

    question: str = Field(min_length=1)
    choices: tuple[str, ...]
    answer: int

    @property
    def key(self) -> str:
        return self.choices[self.answer]

    @property
    def distractors(self) -> tuple[str, ...]:
        return tuple(c for i, c in enumerate(self.choices) if i != self.answer)


class Revision(Noun):
    """One attempt to make a question stronger; refused ones are kept beside accepted ones.

    `base` is the attempt whose wording it was made from, 0 being the first wording. `gates` names every gate that was
    tried with what came of it, in order. `score` is the averaged blind probability of the key where it was tested.
    """

    question: str
    attempt: int = Field(ge=1)
    base: int = Field(ge=0)
    strategy: str
    before: Wording
    after: Wording | None = None
    rationale: str | None = None
    gates: dict[str, str] = Field(default_factory=dict)
    score: float | None = None
    verdict: Verdict | None = None
    accepted: bool
    reason: str = ""


class Prediction(Noun):
    """What one model said to one question, shown one way (`view`).

    `answer` is the choice that the reply commits to, or the text where the question is open-ended. Where there is
    none `failure` says why in one machine-readable word. A reply that nobody can read (`asked`, and no answer) is
    another thing than a question that was never put, because its clip is missing or the call failed. `strict` says
    that the reply is in the form asked for and nothing else.
    """

    question: str
    model: str
    view: str = "full"
    reply: str = ""
    asked: bool = True
    answer: int | str | None = None
    strict: bool = False
    failure: str | None = None
    frames: tuple[int, ...] = ()


class Problem(Noun):
    """A row that could not be used: which one, why in one machine-readable word, and the detail for a person.

    `row` counts records from 1 (a CSV header is not a record); `line` is what an editor shows.
    """

    row: int
    reason: str
    detail: str = ""
    line: int | None = None

    def __str__(self) -> str:
        where = f"row {self.row}" + (f" (line {self.line})" if self.line not in (None, self.row) else "")
        return f"{where}: {self.reason}" + (f": {self.detail}" if self.detail else "")
