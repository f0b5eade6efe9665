"""What a recipe learns from: nothing held out is learnt, nothing is lost without a word, and no answer is cut."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyreel.errors import InputError
from flyreel.formats.project import import_
from flyreel.toybox.make import Plan, make
from flyreel.train.data import IGNORED, Sample, check_loss, data, drawn, fitted

Write = Callable[..., Path]


def row(n: int, clip: str, **about: Any) -> dict[str, Any]:
    return {
        "id": f"q{n}",
        "question": f"What {n}?",
        "choices": ["a door", "a car"],
        "answer": n % 2,
        "clip": clip,
    } | about


def write(folder: Path, rows: list[dict[str, Any]], lacks: tuple[str, ...] = ()) -> Path:
    """A question file, and beside it something at the place of each clip: nothing looks into it here."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in {r["clip"] for r in rows if r.get("clip")} - {*lacks}:
        (folder / name).write_bytes(name.encode())
    file = folder / "questions.jsonl"
    file.write_text("".join(json.dumps(r) + "\n" for r in rows))
    return file


def ids(samples: list[Sample]) -> list[str]:
    return [s.item.id for s in samples]


def test_a_sample_says_what_the_recipe_needs(tmp_path: Path) -> None:
    cues = [{"start": 2, "end": 3, "text": "later"}, {"start": 0, "end": 1, "text": "first"},
            {"start": 0, "end": 1, "text": "a dog", "kind": "caption"}]  # fmt: skip
    file = write(tmp_path, [
        row(1, "a.mp4", group="film", cues=cues, origin={"name": "mcq"}, meta={"noise": 0.25}),
        {"id": "open", "question": "Who?", "answer": "a man", "clip": "a.mp4", "group": "film"},
    ])  # fmt: skip
    one, open_ = data(file).train
    assert (one.answer, one.key, one.letter, one.group, one.source, one.noise) == ("a car", 1, "B", "film", "mcq", 0.25)
    assert [cue["text"] for cue in one.item.cues] == ["first", "later"], "what is seen is not told"
    assert one.item.video == (tmp_path / "a.mp4").resolve()
    assert (open_.answer, open_.key, open_.letter, open_.source, open_.noise) == ("a man", None, None, "all", None)


def test_what_cannot_be_learnt_from_is_named_with_a_reason(tmp_path: Path) -> None:
    rows = [
        row(0, "a.mp4"), row(1, "gone.mp4"), row(2, "b.mp4", choices=[str(i) for i in range(27)]),
        {"id": "q3", "question": "Who?", "answer": "", "clip": "a.mp4"}, row(4, "a.mp4", meta={"noise": 1.5}),
        {"id": "q5", "question": "What?", "choices": ["a", "b"], "answer": 0}, {"id": "q6", "question": "What?"},
    ]  # fmt: skip
    found = data(write(tmp_path, rows, lacks=("gone.mp4",)))
    assert ids(found.train) == ["q0"]
    named = {key: reason for key, reason in found.left_out.items() if key in ("q1", "q2", "q4", "q5")}
    assert named == {
        "q1": "missing-clip", "q2": "too-many-choices", "q4": "noise-is-no-share", "q5": "missing-clip"
    }  # fmt: skip
    assert len(found.left_out) == 6, "one is lost without a word"


def test_nothing_to_learn_from_is_one_line_that_says_why(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"missing-clip 2.*clips\.jsonl"):
        data(write(tmp_path / "a", [row(0, "x.mp4"), row(1, "x.mp4")], lacks=("x.mp4",)))
    with pytest.raises(InputError, match=r"test-split 1.*split train"):
        data(write(tmp_path / "b", [row(0, "x.mp4", split="test")]))
    with pytest.raises(InputError, match="from 0 to below 1"):
        data(write(tmp_path / "c", [row(0, "x.mp4")]), held=1.0)


@pytest.mark.parametrize("held", [0.0, 0.1, 0.9])
def test_test_is_never_touched(tmp_path: Path, held: float) -> None:
    rows = [row(n, f"{n}.mp4", split=("train", "test", "Test", None, "extra")[n % 5]) for n in range(50)]
    found = data(write(tmp_path, rows), held=held)
    used = {*ids(found.train), *ids(found.held)}
    assert used == {r["id"] for r in rows if r["split"] == "train"}
    assert Counter(found.left_out.values()) == {"test-split": 20, "no-split": 10, "other-split": 10}


def test_named_splits_are_kept_and_a_leak_between_them_is_mended(tmp_path: Path) -> None:
    rows = [
        row(0, "a.mp4", split="train", group="one"), row(1, "b.mp4", split="val", group="two"),
        row(2, "a.mp4", split="validation", group="three"), row(3, "c.mp4", split="val", group="one"),
    ]  # fmt: skip
    file = write(tmp_path, rows)
    found = data(file)
    assert (ids(found.train), ids(found.held)) == (["q0"], ["q1"])
    assert found.left_out == {"q2": "group-in-train", "q3": "group-in-train"}
    nothing = data(file, held=0)
    assert (ids(nothing.train), nothing.held, set(nothing.left_out.values())) == (["q0"], [], {"nothing-is-held"})


ROWS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 8), st.sampled_from(["What?", "Who?", "Why is it red?"])),
    min_size=1, max_size=30,
)  # fmt: skip


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sets")


@settings(max_examples=60, deadline=None)
@given(rows=ROWS, held=st.sampled_from([0.0, 0.05, 0.3, 0.8]), seed=st.integers(0, 5), splits=st.booleans())
def test_no_group_and_no_clip_is_in_both_halves_and_none_is_lost(
    shared: Path, rows: list[tuple[int, int, str]], held: float, seed: int, splits: bool
) -> None:
    named = [
        row(n, f"c{clip}.mp4", question=question, group=f"g{group}", split=("train", "val")[n % 2] if splits else None)
        for n, (group, clip, question) in enumerate(rows)
    ]
    found = data(write(shared, named), held=held, seed=seed)
    halves = [{(s.group, s.item.video) for s in half} for half in (found.train, found.held)]
    assert not {g for g, _ in halves[0]} & {g for g, _ in halves[1]}
    assert not {v for _, v in halves[0]} & {v for _, v in halves[1]}
    told = [*ids(found.train), *ids(found.held), *found.left_out]
    assert sorted(told) == sorted(r["id"] for r in named)
    assert found.train
    if not held:
        assert not found.held
    elif not splits:
        assert found.held or _joined(rows) < 2, "two groups that nothing joins, and none is held"


def _joined(rows: list[tuple[int, int, str]]) -> int:
    """How many sets of questions share no group and no clip, by going round until nothing changes."""
    label = list(range(len(rows)))
    for _ in rows:
        for i, (group, clip, _text) in enumerate(rows):
            label[i] = min(label[j] for j, (g, c, _t) in enumerate(rows) if g == group or c == clip)
    return len(set(label))


def test_groups_are_drawn_by_the_seed_and_about_as_many_as_asked(tmp_path: Path) -> None:
    file = write(tmp_path, [row(n, f"{n // 2}.mp4", question=f"What is thing {n} made of?") for n in range(80)])
    first, again, other = data(file, seed=1), data(file, seed=1), data(file, seed=2)
    assert ids(first.held) == ids(again.held) != ids(other.held)
    assert len(first.held) == len(other.held) == 8
    assert ids(first.train) == [i for i in (f"q{n}" for n in range(80)) if i not in ids(first.held)], (
        "in the file's order"
    )


def test_a_toybox_whose_questions_are_all_alike_still_gives_both_halves(tmp_path: Path) -> None:
    """Few templates make all of them near copies of each other: joined as one they could not be divided."""
    make(Plan(seed=4, clips=6, questions=2), tmp_path / "toy")
    found = data(tmp_path / "toy" / "questions.jsonl", held=0.2)
    assert found.train and found.held
    import_(tmp_path / "toy" / "questions.jsonl", tmp_path / "project", None, None)
    import_(tmp_path / "toy" / "clips.jsonl", tmp_path / "project", None, None)
    for film in (tmp_path / "toy" / "clips").iterdir():
        (tmp_path / "project" / "clips" / film.name).symlink_to(film)
    in_project = data(tmp_path / "project", held=0.2)
    assert ids(in_project.held) == ids(found.held)
    assert in_project.digest == found.digest, "the same films elsewhere are another set"


def test_held_out_questions_that_stand_in_train_are_counted(tmp_path: Path) -> None:
    """The same words about other films cannot all be kept together: then it must be said how many cross."""
    same = [row(i, f"{i}.mp4", group=f"film {i}", question="What is it?") for i in range(12)]
    alike = data(write(tmp_path / "a", same), held=0.25)
    assert alike.copies == len(alike.held) == alike.about["held_copies"] == 3
    other = [row(i, f"{i}.mp4", group=f"film {i}", question=f"{'abcdefghijkl'[i] * 9}?") for i in range(12)]
    assert data(write(tmp_path / "b", other), held=0.25).copies == 0


@pytest.mark.parametrize("change", ["question", "choice", "key", "cue", "clip", "half"])
def test_another_set_has_another_digest(tmp_path: Path, change: str) -> None:
    def digest(folder: str, **about: Any) -> str:
        rows = [row(0, "a.mp4", cues=[{"start": 0, "end": 1, "text": "hey"}]) | about, row(1, "b.mp4")]
        file = write(tmp_path / folder, rows)
        if about and change == "clip":
            (tmp_path / folder / "a.mp4").write_bytes(b"c.mp4")
        return data(file, held=0.0 if about and change == "half" else 0.5).digest

    other: dict[str, Any] = {
        "question": {"question": "Why 0?"}, "choice": {"choices": ["a door", "a bus"]}, "key": {"answer": 1},
        "cue": {"cues": [{"start": 0, "end": 1, "text": "hoy"}]},
    }.get(change, {"group": "a.mp4"})  # fmt: skip
    assert digest("first") == digest("copy") != digest("other", **other)


# batches


@given(count=st.integers(1, 40), size=st.integers(1, 60), seed=st.integers(0, 9), epochs=st.integers(1, 4))
def test_every_sample_is_in_every_epoch_once(count: int, size: int, seed: int, epochs: int) -> None:
    batches = [drawn(count, size, seed, number) for number in range(-(-count * epochs // size))]
    assert all(len(batch) == size for batch in batches)
    stream = [i for batch in batches for i in batch]
    for epoch in range(epochs):
        assert sorted(stream[epoch * count : (epoch + 1) * count]) == list(range(count))
    assert batches[-1] == drawn(count, size, seed, len(batches) - 1), "not a function of its number"


def test_each_epoch_and_each_seed_has_an_order_of_its_own() -> None:
    orders = {tuple(drawn(30, 30, seed, epoch)) for seed in (1, 2) for epoch in range(5)}
    assert len(orders) == 10
    assert drawn(6, 4, 1, 0) == drawn(6, 4, 1, 0)
    shown_first = Counter(drawn(5, 5, 1, epoch)[0] for epoch in range(2000))
    assert all(300 < n < 500 for n in shown_first.values()), "some samples come first more often"


# tokens


def test_the_loss_is_over_the_answer_and_not_over_the_prompt() -> None:
    assert fitted([5, 6, 7], [8, 2], 10) == ([5, 6, 7, 8, 2], [IGNORED, IGNORED, IGNORED, 8, 2])


@given(prompt=st.lists(st.integers(0, 99)), answer=st.lists(st.integers(0, 99)), longest=st.integers(0, 60))
def test_the_answer_is_never_cut_off(prompt: list[int], answer: list[int], longest: int) -> None:
    found = fitted(prompt, answer, longest)
    if found is None:
        assert not answer or len(prompt) + len(answer) > longest
        return
    whole, labels = found
    assert whole == prompt + answer and len(whole) <= longest
    assert labels == [IGNORED] * len(prompt) + answer


# Losses that need something of each


def test_a_loss_that_needs_noise_is_refused_where_a_sample_has_none(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    rows = [row(0, "a.mp4", meta={"noise": 0.0}), row(1, "a.mp4"), row(2, "a.mp4")]
    samples = data(write(tmp_path, rows)).train
    with pytest.raises(InputError, match=r"2 of 3 questions have no meta\.noise"):
        check_loss("adatailr-sample-noise", samples)
    check_loss("adatailr-sample-noise", samples[:1])
    check_loss("tailr", samples)
    with pytest.raises(InputError, match=r"--loss tialr: no such loss.*tailr"):
        check_loss("tialr", samples)
