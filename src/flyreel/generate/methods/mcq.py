"""Multiple-choice questions by a language model: which kinds of question fit a scene, then a few of each.

A long scene is shown a window at a time, and its windows share the questions that are asked for. They are asked for and
not insisted on: what a model has no good question for it may leave out, and what fails a check is dropped, not mended.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from flyreel.engine.local import run
from flyreel.engine.stage import Context, Drop
from flyreel.errors import InputError, ModelError
from flyreel.generate.checks import refused, spans
from flyreel.generate.method import Dropped, Made, Setting, method
from flyreel.generate.planning import Part, batches, drawn, filled, parts, usable
from flyreel.generate.scene import Scene
from flyreel.generate.sieve import Sieve
from flyreel.generate.templates.store import Template
from flyreel.generate.windows import plain
from flyreel.generate.writing import Written, selected, versions, written
from flyreel.models.call import Call


@dataclass
class Draft:
    """What came of one window: questions that passed every check of their own, with their template."""

    part: Part
    passed: list[tuple[Written, Template]] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)

    def drop(self, why: Drop, made: Written | Drop | None = None) -> None:
        question = made.question if isinstance(made, Written) else ""
        self.dropped.append(Dropped(self.part.scene.clip, why.reason, plain(why.detail), question))


def calls(scenes: Iterable[Scene], setting: Setting) -> Iterator[Call]:
    """What a run would send, for forecasts. Which templates a model picks nobody knows: those that would be drawn in
    its place stand for them, so that the number of calls is exact and their size about right."""
    templates = usable(setting)
    for scene in scenes:
        for part in parts(scene, setting, templates):
            if part.chooses:
                yield part.select()
            yield from (part.write(i, batch) for i, batch in enumerate(batches(part, drawn(part))))


@method("mcq", letter="m", asks=True, calls=calls)
async def mcq(scenes: Sequence[Scene], setting: Setting) -> Made:
    """Multiple-choice questions about what is said and described, with evidence, by a model."""
    if setting.generator is None:
        raise InputError("--method mcq needs a model that writes: --model http://localhost:8000/v1 or --model local:")
    if setting.choices < 2:
        raise InputError(f"--choices {setting.choices}: mcq writes questions with choices, 2 or more")
    if setting.count < 1:
        raise InputError(f"--count {setting.count}: ask for 1 question a clip or more")
    templates = usable(setting)

    async def stage(scene: Scene, context: Context) -> Made | Drop:
        todo = parts(scene, setting, templates)
        if not todo:
            return Drop("no-cues", "nothing is said or described")
        drafts = await asyncio.gather(*(_draft(part, context) for part in todo))
        return _rows(scene, drafts, setting)

    made = Made()
    for outcome in await run(stage, scenes, Context(setting.generator), setting.progress("write")):
        if isinstance(outcome.value, Drop):
            made.dropped.append(Dropped(outcome.item.clip, outcome.value.reason, plain(outcome.value.detail)))
        else:
            made.add(outcome.value)
    return made


async def _draft(part: Part, context: Context) -> Draft:
    draft = Draft(part)
    picked = await _picked(draft, context)
    todo = batches(part, picked)
    replies = await asyncio.gather(*(_replied(part, context, i, batch) for i, batch in enumerate(todo)))
    for batch, reply in zip(todo, replies, strict=True):
        for one in reply:
            why = one if isinstance(one, Drop) else _wrong(one, part, batch)
            if why:
                draft.drop(why, one)
            elif isinstance(one, Written):
                draft.passed.append((one, batch[one.template - 1]))
    return draft


async def _picked(draft: Draft, context: Context) -> list[Template]:
    """The templates that the model picks; drawn ones where it picks none."""
    part = draft.part
    if not part.chooses:
        return drawn(part)
    try:
        reply = await context.ask(part.select())
        numbers, why = selected(reply.text, len(part.offered)), "the reply picks no template"
    except ModelError as error:
        numbers, why = [], str(error)
    if not numbers:
        draft.drop(Drop("no-selection", why))
        return drawn(part)
    return filled([part.offered[n] for n in numbers], part)


async def _replied(part: Part, context: Context, number: int, batch: Sequence[Template]) -> list[Written | Drop]:
    try:
        reply = await context.ask(part.write(number, batch))
    except ModelError as error:
        return [Drop(error.reason, f"{error}; {len(batch)} questions were asked for")]
    return written(reply.text, len(batch))


def _wrong(made: Written, part: Part, batch: Sequence[Template]) -> Drop | None:
    if not 1 <= made.template <= len(batch):
        return Drop("wrong-template", f"{str(made.template)[:12]} of {len(batch)}")
    return refused(made, part.window, part.setting.choices)


def _rows(scene: Scene, drafts: Sequence[Draft], setting: Setting) -> Made:
    """The questions of one clip. What is asked twice is known only here, where its windows come together."""
    assert setting.generator is not None
    sieve, made = Sieve(), Made()
    kept: list[tuple[Written, Template, Part]] = []
    for draft in drafts:
        for one, template in draft.passed:
            if why := sieve.refuse(one.question, one.answer):
                draft.drop(why, one)
            else:
                kept.append((one, template, draft.part))
        made.dropped += draft.dropped
    origin = {
        "name": "generate",
        "parameters": {"method": "mcq", "seed": setting.seed},
        "model": setting.generator.model.name,
        "prompt_version": versions(),
    }
    cues = {draft.part.number: _cues(draft.part) for draft in drafts}
    dice = random.Random(f"{setting.seed} {scene.clip} places")
    places = _places(len(kept), setting.choices, dice)
    for n, ((one, template, part), place) in enumerate(zip(kept, places, strict=True), 1):
        wrong = dice.sample(one.distractors, len(one.distractors))
        values: dict[str, Any] = {
            "question": one.question,
            "choices": [*wrong[:place], one.answer, *wrong[place:]],
            "answer": place,
            "category": template.category,
            "template": template.name,
            "evidence": spans(one, part.window, scene.duration),
            "cues": cues[part.number],
            "origin": origin,
        }
        if one.rationale:
            values["rationale"] = one.rationale
        made.questions.append(scene.row(f"{scene.clip}-m{n:03d}", **values))
    return made


def _cues(part: Part) -> list[dict[str, Any]]:
    """Those of its own window, where its evidence lies, and those about the whole clip: not all of a film each time."""
    shown = {line.cue for line in part.window.lines}
    return [dict(cue) for i, cue in enumerate(part.scene.cues) if i in shown or cue["start"] == cue["end"] == 0]


def _places(n: int, choices: int, dice: random.Random) -> list[int]:
    """Where the answers stand: every position equally often up to one, in an order of chance."""
    places = list(range(choices)) * (n // choices) + dice.sample(range(choices), n % choices)
    dice.shuffle(places)
    return places
