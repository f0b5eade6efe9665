"""What blind, dialogue and evidence share: put every question to every model, then say what that shows.

The evidence on a question is the distribution over its choices, averaged over orderings and over models. One model is
one trial on an item, however often it is asked: its votes over the orderings are not independent.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from flyreel.audit.probe import Result, Setting, weak_where
from flyreel.audit.statistics import Estimate, estimate, wilson
from flyreel.engine.calls import Caller
from flyreel.engine.local import Progress, run
from flyreel.engine.stage import Context, Drop
from flyreel.errors import InputError, ModelError
from flyreel.models.call import Call
from flyreel.models.prompts import load
from flyreel.models.scoring import LETTERS, Evidence, choose, cyclic, letter_call, prompt_call, vote
from flyreel.questions import Questions
from flyreel.schema import SPOKEN

RULES = ("averaged", "vote", "all-models")
NEED = 3
"""The published vote: right in three orderings of five."""

TEMPLATES: dict[str, tuple[str, Sequence[str]]] = {
    "blind": ("blind", ()),
    "dialogue": ("scene", SPOKEN),
    "evidence": ("scene", (*SPOKEN, "description", "caption", "tag")),
}
"""Prompt of each probe, and the kinds of cue that it may see."""

Item = dict[str, Any]


def askable(probe: str, questions: Questions) -> Questions:
    """The questions a probe can be put: where it reads cues, those that have any."""
    return questions.take(np.flatnonzero(questions.has_cues())) if TEMPLATES[probe][1] else questions


def items(questions: Questions, kinds: Sequence[str]) -> list[Item]:
    """What one question's calls need; `kinds` are the cues that may be seen."""
    made = []
    cues = questions.table.column("cues").to_pylist() if kinds else [()] * len(questions)
    for i in range(len(questions)):
        seen = [c for c in cues[i] or () if c["kind"] in kinds]
        made.append(
            {
                "id": questions.ids[i],
                "question": questions.texts[i],
                "choices": questions.choices_of(i),
                "key": int(questions.answer[i]),
                "cues": sorted(seen, key=lambda c: c["start"]),
            }
        )
    return made


def _prompt(item: Item, template: str) -> Any:
    prompt = load("flyreel.audit", template)

    def messages(choices: Sequence[str]) -> tuple[dict[str, str], ...]:
        values = {"question": item["question"], "choices": choices, "letters": LETTERS, "cues": item["cues"]}
        return prompt.messages(**values)

    return messages


def calls(item: Item, template: str, logprobs: bool = True) -> Iterator[Call]:
    """Every call that one question will make, for forecasts."""
    prompt = _prompt(item, template)
    for ordering in cyclic(len(item["choices"])):
        yield prompt_call(prompt([item["choices"][c] for c in ordering]), logprobs)


async def gives_logprobs(caller: Caller) -> bool:
    """Asked once per model, with a question of its own; the answer is in the ledger like any other. A model that was
    not there to answer is asked again the next time."""
    if caller.logprobs is not None:
        return caller.logprobs
    messages = load("flyreel.audit", "blind").messages(
        question="Which option is a colour?", choices=["green", "seven"], letters=LETTERS, cues=[]
    )
    try:
        caller.logprobs = (await caller.ask(letter_call(messages))).first_token is not None
    except ModelError as error:
        if error.reason not in ("http-400", "http-404", "http-422"):
            return True
        caller.logprobs = False
    return caller.logprobs


async def answers(
    caller: Caller, questions: Questions, probe: str, progress: Progress, rule: str = "averaged"
) -> list[Any]:
    """What one model makes of each question: `Evidence`, or a `Vote` by that rule, or a `Drop`. `probe` says what it is
    shown."""
    template, kinds = TEMPLATES[probe]
    stage = _stage(template, await gives_logprobs(caller), rule)
    outcomes = await run(stage, items(questions, kinds), Context(caller), progress)
    return [outcome.value for outcome in outcomes]


async def ask_everyone(probe: str, questions: Questions, setting: Setting) -> Result:
    """One result over all models, by the rule that was asked for."""
    questions = askable(probe, questions)
    if not setting.callers:
        raise InputError(f"the {probe} probe needs a model: --model http://localhost:8000/v1, or --model local:")
    by_model: Answers = []
    for caller in setting.callers:
        progress = setting.progress(probe if len(setting.callers) == 1 else f"{probe}, {caller.model.label}")
        by_model.append((caller, await answers(caller, questions, probe, progress, setting.rule)))
    judge = {"averaged": _averaged, "vote": _voted, "all-models": _all_models}[setting.rule]
    judged = judge(questions, by_model)
    return Result(
        probe=probe,
        solver=", ".join(caller.model.label for caller, _ in by_model),
        ids=questions.ids,
        verdicts=weak_where(judged.weak, judged.known),
        scores=judged.scores,
        estimate=_estimate(questions, judged),
        reasons=judged.reasons,
        computed_from=judged.sources,
        details={
            "models": {caller.model.label: _about(questions, values) for caller, values in by_model},
            "prompt_version": load("flyreel.audit", TEMPLATES[probe][0]).version,
            "failures": dict(Counter(r for r, k in zip(judged.reasons, judged.known, strict=True) if not k)),
        },
    )


def _estimate(questions: Questions, judged: Judged) -> Estimate | None:
    known = judged.known
    if judged.hits is None or not known.any():
        return None
    return estimate(judged.hits[known], questions.chance[known], questions.groups[known])


def _stage(template: str, logprobs: bool, rule: str) -> Any:
    async def put(item: Item, context: Context) -> Any:
        prompt = _prompt(item, template)
        if rule == "vote":
            return await vote(context.ask, prompt, item["choices"], item["key"], need=NEED, logprobs=logprobs)
        evidence = await choose(context.ask, prompt, item["choices"], logprobs=logprobs)
        return evidence if evidence.probabilities is not None else Drop(evidence.reason)

    return put


@dataclass
class Judged:
    """The verdicts of all models together, as columns. `hits` is None where a rule has no accuracy to compare."""

    weak: np.ndarray
    known: np.ndarray
    scores: np.ndarray
    reasons: list[str]
    sources: list[dict[str, Any]]
    hits: np.ndarray | None = None


Answers = list[tuple[Caller, list[Any]]]


def _averaged(questions: Questions, by_model: Answers) -> Judged:
    n = len(questions)
    weak, scores, hits = np.zeros(n, bool), np.full(n, np.nan), np.full(n, np.nan)
    reasons = [""] * n
    for i, key in enumerate(questions.answer):
        answers = [values[i] for _, values in by_model]
        usable = [np.array(a.probabilities) for a in answers if isinstance(a, Evidence)]
        if not usable:
            reasons[i] = "; ".join(sorted({a.reason for a in answers}))
            continue
        mean = np.mean(usable, axis=0)
        best = np.isclose(mean, mean.max(), rtol=1e-9)
        scores[i] = mean[key]
        hits[i] = best[key] / best.sum()
        weak[i] = hits[i] == 1.0
        if weak[i]:
            reasons[i] = f"picked with probability {scores[i]:.2f}"
    return Judged(weak, ~np.isnan(hits), scores, reasons, _sources(questions, by_model), hits)


def _all_models(questions: Questions, by_model: Answers) -> Judged:
    """CinePile 1's rule: degenerate where every model is right. A model that failed leaves the question unknown."""
    right = np.array([[_right(v, key) for v, key in zip(vs, questions.answer, strict=True)] for _, vs in by_model])
    weak, strong = (right == 1).all(axis=0), (right == 0).any(axis=0)
    words = {(True, False): "every model is right", (False, True): "", (False, False): "a model failed"}
    reasons = [words[bool(w), bool(s)] for w, s in zip(weak, strong, strict=True)]
    return Judged(weak, weak | strong, (right == 1).mean(axis=0), reasons, _sources(questions, by_model))


def _right(value: Any, key: int) -> int:
    return -1 if isinstance(value, Drop) else int(value.picked == key)


def _voted(questions: Questions, by_model: Answers) -> Judged:
    """The published vote, curtailed; over several models, most of those that decided."""
    n = len(questions)
    weak, known = np.zeros(n, bool), np.zeros(n, bool)
    reasons = [""] * n
    for i in range(n):
        decided = [v.weak for _, values in by_model if not isinstance(v := values[i], Drop) and v.weak is not None]
        known[i] = bool(decided)
        weak[i] = 2 * sum(decided) > len(decided)
        reasons[i] = f"right in {NEED} orderings or more" if weak[i] else "" if known[i] else "undecided"
    sources = [{c.model.label: _vote_of(values[i]) for c, values in by_model} for i in range(n)]
    return Judged(weak, known, np.where(known, weak, np.nan), reasons, sources)


def _vote_of(value: Any) -> dict[str, Any]:
    return {"failed": value.reason} if isinstance(value, Drop) else {"weak": value.weak, "calls": len(value.answers)}


def _sources(questions: Questions, by_model: Answers) -> list[dict[str, Any]]:
    return [{c.model.label: _source(values[i]) for c, values in by_model} for i in range(len(questions))]


def _source(value: Any) -> dict[str, Any]:
    if isinstance(value, Drop):
        return {"failed": value.reason, "detail": value.detail}
    orderings = []
    for a in value.answers:
        kept = {"order": a.ordering, "picked": a.picked}
        kept |= {"logprobs": [round(x, 4) for x in a.logprobs]} if a.logprobs else {}
        orderings.append(kept | ({"failed": a.failure} if a.failure else {}))
    return {"probabilities": [round(p, 5) for p in value.probabilities], "orderings": orderings}


def _about(questions: Questions, values: list[Any]) -> dict[str, Any]:
    """How one model did: the averaged evidence beside one ordering and beside the published vote."""
    pairs = [(v, int(k)) for v, k in zip(values, questions.answer, strict=True) if isinstance(v, Evidence)]
    if not pairs:
        return {"answered": 0}
    right = [[a.picked == key for a in v.answers if a.picked is not None] for v, key in pairs]
    letters = Counter(a.ordering.index(a.picked) for v, _ in pairs for a in v.answers if a.picked is not None)
    flagged = [sum(r) >= NEED for r in right]
    one = [r[0] for r in right if r]
    return {
        "answered": len(pairs),
        "averaged_accuracy": round(float(np.mean([v.picked == key for v, key in pairs])), 4),
        "one_ordering_accuracy": round(float(np.mean(one)), 4) if one else None,
        "vote_flags": int(sum(flagged)),
        "vote_share": round(float(np.mean(flagged)), 4),
        "vote_ci95": [round(x, 4) for x in wilson(float(np.mean(flagged)), len(flagged))],
        "vote_calls_if_curtailed": round(float(np.mean([_curtailed(r) for r in right])), 2),
        "letters_picked": {LETTERS[i]: letters[i] for i in sorted(letters)},
    }


def _curtailed(right: list[bool], need: int = NEED) -> int:
    """After how many orderings the published vote was decided."""
    for n in range(1, len(right) + 1):
        if sum(right[:n]) >= need or len(right) - (n - sum(right[:n])) < need:
            return n
    return len(right)
