"""Gold questions: the key is what the script says and nothing else offered is; faults stand where they were planted."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import numpy as np
import pytest
from scipy.stats import chisquare

from flyreel.audit.probe import Setting
from flyreel.audit.run import run_probes
from flyreel.errors import InputError
from flyreel.questions import Questions
from flyreel.toybox import world
from flyreel.toybox.questions import FAULTS, questions
from flyreel.toybox.world import Event, Scene

CATEGORIES = {
    "Character and Relationship Dynamics",
    "Narrative and Plot Analysis",
    "Setting and Technical Analysis",
    "Temporal",
    "Theme Exploration",
}
MUTUAL = {"collides with", "swaps places with"}
ABOUT = {
    "chases": "a pursuit", "collides with": "a clash", "swaps places with": "an exchange",
    "hides behind": "a secret", "carries": "a delivery", "pushes": "hard work",
}  # fmt: skip
VERB_OF = {
    "hide behind": "hides behind", "carry": "carries", "push": "pushes", "chase": "chases",
    "collide with": "collides with", "swap places with": "swaps places with",
}  # fmt: skip
ON = {"beach": "on the beach", "meadow": "on the meadow", "harbour": "at the harbour"}


def spoken(actor: str, verb: str, target: str) -> str:
    article = "the " if target in (*world.PROPS, *world.THINGS) else "to " if target in world.COLOURS else ""
    return f"{actor} {verb} {article}{target}".strip()


def ways(event: Event) -> set[str]:
    one = {spoken(event.actor, event.verb, event.target)}
    return one | {spoken(event.target, event.verb, event.actor)} if event.verb in MUTUAL else one


def place_of(scene: Scene, time: float) -> str:
    place = next(s.place for s in scene.shots if s.start <= time < s.end)
    return ON.get(place, f"in the {place}")


def colour_at_end(scene: Scene, name: str) -> str:
    changed = [e.target for e in scene.events if e.actor == name and e.verb == "changes colour"]
    return changed[-1] if changed else scene.character(name).colour


def reading(scene: Scene, asked: str) -> tuple[set[str], list[Event] | None]:
    """Every right answer and the events that show it (None: not a matter of events), from the script alone."""
    told = re.fullmatch(r"What happens right (after|before) (.+)\?", asked)
    if told:
        at = [i for i, e in enumerate(scene.events) if told[2] in ways(e)]
        assert len(at) == 1, "asked from something that happens twice"
        beside = scene.events[at[0] + (1 if told[1] == "after" else -1)]
        return ways(beside), [scene.events[at[0]], beside]
    if told := re.fullmatch(r"Where does it happen that (.+)\?", asked):
        shown = [e for e in scene.events if told[1] in ways(e)]
        return {place_of(scene, e.start) for e in shown}, shown
    if told := re.fullmatch(
        r"Wh(?:om|at) does (\w+) (hide behind|carry|push|chase|collide with|swap places with)\?", asked
    ):
        verb, right, shown = VERB_OF[told[2]], set(), []
        for e in scene.events:
            for actor, target in [(e.actor, e.target), (e.target, e.actor)][: 2 if verb in MUTUAL else 1]:
                if e.verb == verb and actor == told[1]:
                    right.add(target if asked.startswith("Whom") else f"the {target}")
                    shown.append(e)
        return right, shown
    if told := re.fullmatch(r"Who (.+)\?", asked):
        shown = [e for e in scene.events if any(w.split(" ", 1)[1] == told[1] for w in ways(e))]
        return {w.split(" ", 1)[0] for e in shown for w in ways(e) if w.split(" ", 1)[1] == told[1]}, shown
    if told := re.fullmatch(r"What shape is (\w+)\?", asked):
        return {scene.character(told[1]).shape}, None
    if told := re.fullmatch(r"What colour is (\w+) at (first|the end)\?", asked):
        first = scene.character(told[1]).colour
        return {first if told[2] == "first" else colour_at_end(scene, told[1])}, None
    if told := re.fullmatch(r"Where does the scene (open|end)\?", asked):
        return {place_of(scene, 0.0 if told[1] == "open" else scene.events[-1].start)}, None
    if told := re.fullmatch(r"What is the light like at (first|the end)\?", asked):
        return {scene.shots[0 if told[1] == "first" else -1].light}, None
    themed = [e for e in scene.events if e.verb in ABOUT]
    if asked == "What is the scene about most of all?":
        counts = Counter(e.verb for e in themed)
        most = [v for v, n in counts.items() if n == max(counts.values())]
        return {ABOUT[v] for v in most}, [e for e in themed if e.verb in most]
    if told := re.fullmatch(r"What is the scene about (first|last) of all\?", asked):
        shown = themed[:1] if told[1] == "first" else themed[-1:]
        return {ABOUT[e.verb] for e in shown}, shown
    if told := re.fullmatch(r"What is there between (\w+) and (\w+)\?", asked):
        shown = [e for e in scene.events if {e.actor, e.target} == {told[1], told[2]}]
        return {ABOUT[e.verb] for e in shown}, shown
    raise AssertionError(f"nobody can read this: {asked}")


def scene_of(row: dict) -> Scene:
    seed, number = row["clip"].removeprefix("toybox-").rsplit("-", 1)
    return world.scene(int(seed), int(number))


@pytest.fixture(scope="module")
def every() -> list[dict]:
    """Every question that can be asked about 500 scenes."""
    return questions(17, 500, per_scene=1000, faults=0.0).to_rows()


@pytest.fixture(scope="module")
def clean() -> Questions:
    return questions(11, 150, faults=0.0)


@pytest.fixture(scope="module")
def faulty() -> Questions:
    return questions(11, 200, faults=1.0)


def planted(faulty: Questions, kind: str) -> Questions:
    return Questions.from_rows(row for row in faulty.to_rows() if row["meta"]["fault"] == kind)


def test_the_same_seed_makes_the_same_questions():
    assert questions(3, 6).to_rows() == questions(3, 6).to_rows()
    assert questions(3, 6).to_rows() != questions(4, 6).to_rows()


def test_the_first_scenes_can_be_left_out():
    def told(made: Questions) -> list[tuple]:
        return [(r["clip"], r["question"], tuple(r["choices"]), r["answer"]) for r in made.to_rows()]

    assert told(questions(3, 4, first=2)) == told(questions(3, 6))[8:]


def test_every_row_is_a_valid_question_of_five_different_choices():
    made = questions(5, 40, faults=0.5)
    assert len(made.to_models()) == 160
    assert len(set(made.ids)) == 160
    for row in made.to_rows():
        assert len(set(row["choices"])) == 5
        assert row["group"] == scene_of(row).film
        assert row["origin"]["name"] == "toybox"


def test_the_key_is_right_and_nothing_else_is(every):
    for row in every:
        right, _ = reading(scene_of(row), row["question"])
        fits = [i for i, choice in enumerate(row["choices"]) if choice in right]
        assert fits == [row["answer"]], f"{row['clip']}: {row['question']} {row['choices']}"


def test_evidence_is_where_the_answer_shows(every):
    for row in every:
        scene = scene_of(row)
        _, shown = reading(scene, row["question"])
        spans = [(s["start"], s["end"]) for s in row["evidence"]]
        assert spans, "an answer that shows nowhere"
        assert spans == sorted(set(spans))
        assert all(0 <= a < b <= scene.duration for a, b in spans)
        if shown is not None:
            assert set(spans) == {(e.start, e.end) for e in shown}, f"{row['clip']}: {row['question']}"


def test_evidence_of_looks_and_places_is_when_they_can_be_seen(every):
    for row in every:
        scene, spans = scene_of(row), [(s["start"], s["end"]) for s in row["evidence"]]
        template = row["template"]
        if template in ("place-first", "light-first"):
            assert spans == [(0.0, scene.shots[0].end)]
        elif template in ("place-last", "light-last"):
            assert spans == [(scene.shots[-1].start, scene.duration)]
        elif template in ("shape", "colour-first", "colour-end"):
            name = re.search(r" is (\w+)", row["question"])[1]
            key = row["choices"][row["answer"]]
            for a, b in spans:
                middle = (a + b) / 2
                assert any(x <= middle < y for x, y in scene.presence(name)), "shown while off the stage"
                now = [c for since, c in scene.colours(name) if since <= middle][-1]
                assert template == "shape" or now == key, "shown in another colour"


def test_all_five_categories_and_every_kind_occur(every, clean):
    assert {row["category"] for row in every} == CATEGORIES == set(clean.strings("category"))
    assert len({row["template"] for row in every}) >= 15


def test_few_questions_of_a_scene_are_of_different_kinds(clean):
    kinds = defaultdict(list)
    for row in clean.to_rows():
        kinds[row["clip"]].append(row["template"])
    assert all(len(set(k)) == len(k) == 4 for k in kinds.values())


def test_the_key_stands_anywhere(every):
    counts = np.bincount([row["answer"] for row in every], minlength=5)
    assert len(counts) == 5
    assert chisquare(counts).pvalue > 0.001


def test_no_choice_stands_in_its_question(every):
    """Whoever is named in the question is never the key; were they offered, they could be ruled out unseen."""
    for row in every:
        words = set(re.findall(r"\w+", row["question"]))
        assert words.isdisjoint(row["choices"]), f"{row['question']} {row['choices']}"


KINDS = (
    "who", "whom-chases", "whom-collides", "whom-swaps", "what-hides", "what-carries", "what-pushes", "shape",
    "colour-first", "colour-end", "place-first", "place-last", "light-first", "light-last", "where", "after", "before",
    "theme",
)  # fmt: skip


def tells(row: dict, choice: str) -> str:
    """What a reader might go by: the answer itself, or for whole events the verb."""
    happening = row["template"] in ("after", "before")
    return next(v for v in ("enters", "leaves", *world.VERBS) if f" {v}" in choice) if happening else choice


@pytest.mark.parametrize("kind", [*KINDS, "the others"])
def test_no_answer_is_likelier_than_another_whatever_was_seen(every, kind):
    """Of the times an answer is offered it is the key one in five; else the wording gives the key away.

    Up to five in a hundred are let pass: of what can be said in few ways less is left to offer.
    """
    rows = [r for r in every if r["template"] == kind or (kind == "the others" and r["template"] not in KINDS)]
    offered: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for row in rows:
        offered.update(tells(row, c) for c in row["choices"])
        right[tells(row, row["choices"][row["answer"]])] += 1
    for said, n in offered.items():
        share, luck = right[said] / n, 4 * (0.16 / n) ** 0.5
        assert abs(share - 0.2) < max(luck, 0.05), f"'{said}' is the key {right[said]} times of {n}"


def test_clean_questions_are_worth_chance_to_surface_and_to_shortcut(clean):
    surface, shortcut = run_probes(["surface", "shortcut"], clean, Setting())
    assert surface.why == []
    assert shortcut.estimate is not None
    assert shortcut.estimate.ci95[0] <= 0.2


def test_a_fault_is_planted_in_the_share_asked_for_and_marked():
    rows = questions(23, 250, faults=0.3).to_rows()
    marked = [r for r in rows if r.get("meta")]
    assert abs(len(marked) - 300) < 4 * (1000 * 0.3 * 0.7) ** 0.5
    counts = Counter(r["meta"]["fault"] for r in marked)
    assert set(counts) == set(FAULTS)
    assert chisquare(list(counts.values())).pvalue > 0.001
    for row in rows:
        assert row["origin"]["parameters"]["fault"] == (row.get("meta") or {}).get("fault")


def test_rates_of_nothing_and_of_everything(clean, faulty):
    assert not any(row.get("meta") for row in clean.to_rows())
    assert all(row["meta"]["fault"] in FAULTS for row in faulty.to_rows())


@pytest.mark.parametrize("kinds", [("position",), ("longest-choice", "absurd-distractors")])
def test_only_the_kinds_named_are_planted(kinds):
    assert {r["meta"]["fault"] for r in questions(2, 30, faults=1.0, kinds=kinds).to_rows()} == set(kinds)


def test_a_fault_of_no_kind_is_one_line():
    with pytest.raises(InputError, match="Did you mean longest-choice") as error:
        questions(1, 1, kinds=("longest-choise",))
    assert "\n" not in str(error.value)


def ordinary(choice: str) -> bool:
    """Whether the choice could be the key of some question about some scene."""
    short = {*world.NAMES, *world.COLOURS, *world.SHAPES, *world.LIGHTS, *ABOUT.values()}
    there = {f"the {x}" for x in (*world.PROPS, *world.THINGS)} | {ON.get(p, f"in the {p}") for p in world.PLACES}
    return choice in short | there or choice.split(" ")[0] in world.NAMES


def has(row: dict, kind: str) -> bool:
    """Whether the row shows the fault, judged by the row alone."""
    key = row["choices"][row["answer"]]
    wrong = [c for c in row["choices"] if c != key]
    said = [c["text"] for c in row["cues"] if c["kind"] == "dialogue"]
    match kind:
        case "answer-in-question":
            return f"has to do with {key}" in row["question"]
        case "longest-choice":
            return len(key) > max(map(len, wrong)) and ", " in key
        case "position":
            return row["answer"] == 2
        case "absurd-distractors":
            return not any(ordinary(c) for c in wrong)
        case "answer-in-dialogue":
            return any(row["question"] in text and key in text for text in said)
    raise AssertionError(kind)


@pytest.mark.parametrize("kind", FAULTS)
def test_every_fault_is_where_it_is_marked(clean, faulty, kind):
    rows = planted(faulty, kind).to_rows()
    assert len(rows) > 50
    assert all(has(row, kind) for row in rows)
    if kind in ("answer-in-question", "longest-choice", "answer-in-dialogue"):
        assert not any(has(row, kind) for row in clean.to_rows()), "a clean question has the fault"
    if kind == "position":
        assert sum(has(row, kind) for row in clean.to_rows()) < 0.3 * len(clean)


@pytest.mark.parametrize("kind", FAULTS)
def test_planting_a_fault_leaves_the_key_right(faulty, kind):
    for row in planted(faulty, kind).to_rows():
        asked = row["question"].split(" The answer has to do with ")[0]
        right, _ = reading(scene_of(row), asked)
        fits = [i for i, c in enumerate(row["choices"]) if any(c == r or c.startswith(f"{r}, ") for r in right)]
        assert fits == [row["answer"]]


@pytest.mark.parametrize(
    ("kind", "rule"), [("longest-choice", "longest"), ("answer-in-question", "most like"), ("position", "third choice")]
)
def test_planted_faults_are_found_by_name(faulty, kind, rule):
    (found,) = run_probes(["surface"], planted(faulty, kind), Setting())
    assert found.estimate is not None
    assert found.estimate.accuracy > 0.8
    assert any(rule in line for line in found.why)


def test_absurd_distractors_are_choices_met_nowhere_else(clean, faulty):
    ordinary = set(clean.flat_choices)
    rows = planted(faulty, "absurd-distractors").to_rows()
    absurd = {c for r in rows for i, c in enumerate(r["choices"]) if i != r["answer"]}
    assert 4 <= len(absurd) <= 10
    assert absurd.isdisjoint(ordinary)
    (found,) = run_probes(["shortcut"], planted(faulty, "absurd-distractors"), Setting())
    assert found.estimate.accuracy > 0.8
