"""If these fail, a clip is asked for too many questions or too few, or a killed run asks something else than before."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyreel.errors import InputError
from flyreel.generate.method import Setting
from flyreel.generate.planning import batches, drawn, filled, parts, usable
from flyreel.generate.scene import Scene
from flyreel.generate.templates.store import Template
from flyreel.generate.windows import BYTES
from flyreel.generate.writing import kind

MANY = tuple(Template(f"Kind {i}", f"What is number {i}?", f"Category {i % 5}") for i in range(60))


def scene(cues: int = 3, text: str = "A man opens a door.", clip: str = "c") -> Scene:
    made = [{"start": 2.0 * i, "end": 2.0 * i + 2, "kind": "caption", "text": text} for i in range(cues)]
    return Scene(clip, clip, tuple(made))


@given(st.integers(1, 70), st.integers(1, 60), st.integers(1, 40), st.integers(0, 3))
def test_windows_share_the_questions_and_calls_write_six_at_most(count: int, kinds: int, cues: int, seed: int) -> None:
    setting = Setting(seed=seed, count=count, tokens=200)
    found = parts(scene(cues, "A man opens a door. " * 5), setting, MANY[:kinds])
    assert sum(part.asked for part in found) == count
    for part in found:
        todo = batches(part, drawn(part))
        assert sum(map(len, todo)) == part.asked
        assert all(0 < len(batch) <= 6 and len(set(batch)) == len(batch) for batch in todo)
        assert len(todo) == -(-part.asked // min(6, len(part.offered)))
        used = Counter(t for batch in todo for t in batch)
        assert max(used.values()) - min(used[t] for t in drawn(part)) <= 1, "no kind is asked for more than its share"


def test_thirty_two_questions_are_six_calls_of_five_or_six() -> None:
    (part,) = parts(scene(), Setting(), MANY)
    assert sorted(map(len, batches(part, drawn(part)))) == [5, 5, 5, 5, 6, 6]


def test_drawn_templates_are_of_every_category() -> None:
    (part,) = parts(scene(), Setting(), MANY)
    categories = Counter(t.category for t in drawn(part))
    assert len(drawn(part)) == 20 and set(categories.values()) == {4}


def test_the_list_of_templates_takes_no_more_room_than_the_scene() -> None:
    """Otherwise a small model's context is full before it has seen a line."""
    (part,) = parts(scene(), Setting(tokens=250), MANY)
    assert 7 < len(part.offered) < 60 and [*part.offered] == sorted(part.offered, key=MANY.index)
    assert sum(len(kind(t).encode()) + 5 for t in part.offered) <= 250 * BYTES
    assert len({t.category for t in part.offered}) == 5
    (part,) = parts(scene(), Setting(), MANY)
    assert part.offered == MANY


def test_what_a_model_picks_is_filled_up_for_one_call() -> None:
    (part,) = parts(scene(), Setting(), MANY)
    assert filled(MANY[:2], part)[:2] == [*MANY[:2]] and len({*filled(MANY[:2], part)}) == 6
    assert filled(MANY[:20], part) == [*MANY[:20]]


def test_the_seed_and_the_clip_decide_and_nothing_else() -> None:
    def asked(seed: int, clip: str) -> list[list[Template]]:
        (part,) = parts(scene(clip=clip), Setting(seed=seed), MANY)
        return batches(part, drawn(part))

    assert asked(0, "a") == asked(0, "a")
    assert asked(0, "a") != asked(1, "a") and asked(0, "a") != asked(0, "b")


def test_the_same_kinds_asked_for_again_are_another_draw() -> None:
    """With three templates calls differ in their draw alone; else the ledger would answer the second with the first."""
    (part,) = parts(scene(), Setting(), MANY[:3])
    calls = [part.write(i, batch) for i, batch in enumerate(batches(part, drawn(part)))]
    assert len({call.key("", "") for call in calls}) == len(calls) == 11
    (other,) = parts(scene(), Setting(seed=1), MANY[:3])
    assert {c.sample for c in calls}.isdisjoint({other.write(i, []).sample for i in range(11)})


def test_without_templates_those_that_come_with_it_are_used() -> None:
    assert len(usable(Setting())) > 20 and usable(Setting(templates=MANY)) == MANY


def test_no_template_at_all_is_the_users_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flyreel.generate.templates.store.read", lambda path: [], raising=False)
    with pytest.raises(InputError, match="--templates: no template there"):
        usable(Setting())
