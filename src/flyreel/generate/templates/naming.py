"""What a cluster is called: by rule always, by a language model where there is one.

The rule takes the question nearest the middle of the cluster as prototype, and the words that the cluster has and the
others have not as name. A model sees some questions of the cluster and gives a name, a prototype and a category; a
reply that does not hold all three, and well-formed, changes nothing and is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from flyreel.engine.local import Progress, run
from flyreel.engine.stage import Context, Drop
from flyreel.generate.replies import fields, quoted, value
from flyreel.generate.templates.embed import Space, products
from flyreel.generate.templates.roles import cleaned, frame
from flyreel.generate.templates.store import Template
from flyreel.generate.windows import plain
from flyreel.models.call import Call
from flyreel.models.prompts import load

SHOWN = 10
"""Questions of a cluster that a model sees."""
WORDS = 3
LONGEST_NAME, LONGEST_QUESTION = 80, 300
EXAMPLE = 300
"""Characters of a question that a model sees."""


@dataclass(frozen=True)
class Draft:
    """A template with the clusters it stands for and how many questions these hold. `shown` are those of its questions
    that a model sees, however few are kept as examples."""

    template: Template
    size: int
    clusters: tuple[int, ...]
    by_model: bool = False
    shown: tuple[str, ...] = ()


def by_rule(texts: Sequence[str], members: Sequence[np.ndarray], space: Space, count: int, seed: int) -> list[Draft]:
    """One draft a cluster; `count` questions of it, drawn by lot, are its examples."""
    frames = [frame(text) for text in texts]
    words = characteristic(frames, members)
    drafts = []
    for j, rows in enumerate(members):
        shown, kept = _drawn(rows, count, np.random.default_rng([seed, j]))
        middle = rows[medoid(space, [frames[i] for i in rows])]
        examples = tuple(texts[i] for i in kept)
        template = Template(_name(words[j], frames[middle]), _asked(texts[middle]), "", examples)
        drafts.append(Draft(template, len(rows), (j,), shown=tuple(texts[i] for i in shown)))
    return drafts


def _drawn(rows: np.ndarray, count: int, random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """What a model sees, and what is kept: the first of the same lot, or all of it and more."""
    lot = random.choice(rows, min(SHOWN, len(rows)), replace=False)
    others = np.setdiff1d(rows, lot)
    more = random.choice(others, min(max(count - len(lot), 0), len(others)), replace=False)
    return np.sort(lot), np.sort(np.concatenate([lot, more])[:count])


def medoid(space: Space, frames: Sequence[str]) -> int:
    """The one most like the mean of all; of several the first of the shortest."""
    rows = space.encode(frames)
    closeness = products(rows, np.asarray(rows.mean(axis=0)).reshape(1, -1)).ravel()
    return min(range(len(frames)), key=lambda i: (-round(float(closeness[i]), 9), len(frames[i]), i))


def characteristic(frames: Sequence[str], members: Sequence[np.ndarray]) -> list[list[str]]:
    """For each cluster the words and pairs of words that most of it and least of the others have."""
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(ngram_range=(1, 2), binary=True, token_pattern=r"[^\W_]+|\?")
    there = counter.fit_transform(frames)
    known = counter.get_feature_names_out()
    pairs = np.array([" " in words for words in known], dtype=int)
    overall = np.asarray(there.sum(axis=0)).ravel()
    names = []
    for rows in members:
        here = np.asarray(there[rows].sum(axis=0)).ravel()
        others = (overall - here + 1.0) / (len(frames) - len(rows) + 2.0)
        share = here / len(rows)
        weight = share * np.log(np.maximum(share, 1e-12) / others)
        ranked = np.lexsort((-pairs, -weight.round(9)))[: 16 * WORDS]  # of two that tell as much the longer
        names.append(_telling([str(known[i]) for i in ranked]))
    return names


def _telling(ranked: Sequence[str]) -> list[str]:
    """The first few that share no word with each other; everybody is someone, so that tells nothing."""
    kept: list[str] = []
    for words in ranked:
        if not {*words.split()} & {"someone", *" ".join(kept).split()}:
            kept.append(words)
    return kept[:WORDS] or list(ranked[:1])


def _name(words: Sequence[str], prototype: str) -> str:
    """In the order in which the prototype has them; what it has not comes last."""
    place = {w: f" {prototype} ".find(f" {w} ") for w in words}
    return ", ".join(sorted(words, key=lambda w: (place[w] < 0, place[w])))


def _asked(text: str) -> str:
    """As a question stands in print, whatever its set does about capitals and marks."""
    return text[:1].upper() + text[1:] + ("" if text[-1:] in "?.!" else "?")


def naming(examples: Sequence[str], categories: Sequence[str]) -> Call:
    texts = [{"type": "string", "minLength": 1, "maxLength": most} for most in (LONGEST_NAME, LONGEST_QUESTION)]
    among = {"type": "string", "enum": [plain(c) for c in categories]}
    schema = fields(name=texts[0], question=texts[1], category=among)
    shown = [text[:EXAMPLE] for text in examples]
    messages = load("flyreel.generate", "template").messages(questions=shown, categories=categories, quote=quoted)
    return Call(messages, {"max_tokens": 160, "temperature": 0.0}, schema)


def named(text: str, categories: Sequence[str]) -> tuple[str, str, str] | Drop:
    """Name, question and category as the reply gives them, or why it does not."""
    try:
        found = value(text)
        values = [found["name"], found["question"], found["category"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return Drop("malformed-reply")
    if not all(isinstance(v, str) for v in values):
        return Drop("malformed-reply")
    name, question, category = map(cleaned, values)
    if not name or not question:
        return Drop("empty-name" if not name else "empty-question")
    if len(name) > LONGEST_NAME or len(question) > LONGEST_QUESTION:
        return Drop("too-long")
    known = {cleaned(plain(c)).casefold(): c for c in categories}
    if (said := cleaned(plain(category)).casefold()) not in known:
        return Drop("unknown-category", category[:60])
    return name, question, known[said]


async def by_model(
    drafts: Sequence[Draft], categories: Sequence[str], context: Context, progress: Progress
) -> tuple[list[Draft], dict[str, int]]:
    """The drafts with what the model called them, and by reason how many keep what the rule gave them."""

    async def stage(draft: Draft, context: Context) -> tuple[str, str, str] | Drop:
        reply = await context.ask(naming(draft.shown, categories))
        return named(reply.text, categories)

    outcomes = await run(stage, drafts, context, progress)
    reasons: dict[str, int] = {}
    out = []
    for outcome in outcomes:
        draft, found = outcome.item, outcome.value
        if isinstance(found, Drop):
            reasons[found.reason] = reasons.get(found.reason, 0) + 1
            out.append(draft)
        else:
            template = Template(*found, examples=draft.template.examples)
            out.append(replace(draft, template=template, by_model=True))
    return out, dict(sorted(reasons.items()))


def told(draft: Draft) -> dict[str, Any]:
    t = draft.template
    return {
        "name": t.name, "question": t.question, "category": t.category, "size": draft.size,
        "clusters": [c + 1 for c in draft.clusters], "named_by": "model" if draft.by_model else "rule",
        "examples": list(t.examples),
    }  # fmt: skip
