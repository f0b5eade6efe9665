"""Training toyvlm: it learns, a run cut off goes on exactly, and what is written answers as what was trained."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyreel.errors import InputError
from flyreel.toybox import questions, world
from flyreel.train import run

torch = pytest.importorskip("torch")
recipe = importlib.import_module("flyreel.train.recipes.toyvlm")
data = importlib.import_module("flyreel.train._toyvlm_data")

FEW = {"seed": 3, "scenes": 4, "batch": 2, "told": 4, "asks": 3, "steps": 12}
WORDS = data.Words(data.vocabulary())


class CutOff(Exception):
    pass


def quiet(row: dict[str, Any]) -> None:
    pass


def cut_off_at(step: int) -> Any:
    def log(row: dict[str, Any]) -> None:
        if row.get("step") == step:
            raise CutOff

    return log


def untrained(seed: int = 5) -> Any:
    torch.manual_seed(seed)
    return recipe.ToyVlm(recipe.network(WORDS), WORDS)


def clips(count: int) -> list[np.ndarray]:
    return [data.shown(s, data.moments(s.duration), 96).frames for s in world.scenes(9, count)]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    out = tmp_path_factory.mktemp("trained") / "new" / "w.safetensors"
    return out, run.train("toyvlm", out, FEW, quiet)


def test_the_losses_fall(trained: Any) -> None:
    """Twelve steps on four scenes: anything that learns at all fits these a little."""
    curve = trained[1]["curve"]
    assert len(curve) == 12
    assert all(np.isfinite(row["wholes"]) for row in curve)  # what light it is, two scenes a step tell too little of
    for name in ("sights", "answers", "captions"):
        values = [row[name] for row in curve]
        assert np.isfinite(values).all()
        assert np.mean(values[-3:]) < 0.95 * np.mean(values[:3]), name


def test_what_was_made_stands_beside_the_weights_and_no_checkpoint_is_left(trained: Any) -> None:
    out, made = trained
    assert sorted(p.name for p in out.parent.iterdir()) == ["w.json", "w.safetensors"]
    assert json.loads(out.with_suffix(".json").read_text()) == made
    assert made["recipe"] == "toyvlm" and FEW.items() <= made["settings"].items()
    assert made["parameters"] <= 3_000_000


def test_a_run_cut_off_goes_on_to_the_same_weights(trained: Any, tmp_path: Path) -> None:
    """Cut off at step 8 with a checkpoint of step 6: two steps are done again, and nothing tells that they were."""
    out, few = tmp_path / "w.safetensors", {**FEW, "keep_every": 3, "loss": "adatailr-bias-variance"}
    unbroken = run.train("toyvlm", tmp_path / "whole.safetensors", few, quiet)
    with pytest.raises(CutOff):
        run.train("toyvlm", out, few, cut_off_at(8))
    assert not out.exists()
    said: list[dict[str, Any]] = []
    assert run.train("toyvlm", out, few, said.append) == unbroken
    assert [row.get("step") for row in said] == [None, *range(7, 13)] and said[0] == {"goes on after step": 6}
    assert out.read_bytes() == (tmp_path / "whole.safetensors").read_bytes()


def test_a_checkpoint_of_other_settings_is_not_gone_on_from(tmp_path: Path) -> None:
    out, few = tmp_path / "w.safetensors", {**FEW, "keep_every": 1, "steps": 3}
    with pytest.raises(CutOff):
        run.train("toyvlm", out, few, cut_off_at(2))
    with pytest.raises(InputError, match=r"w\.checkpoint\.safetensors: kept by a run with another seed, rate;"):
        run.train("toyvlm", out, {**few, "seed": 4, "rate": 1e-3}, quiet)


def test_the_same_seed_gives_the_same_weights_and_another_others(tmp_path: Path) -> None:
    def weights(name: str, **changes: int) -> bytes:
        run.train("toyvlm", tmp_path / f"{name}.safetensors", {**FEW, "steps": 2, **changes}, quiet)
        return (tmp_path / f"{name}.safetensors").read_bytes()

    first = weights("a")
    assert weights("b") == first
    assert weights("c", seed=4) != first


def test_what_is_written_answers_as_what_was_trained(tmp_path: Path) -> None:
    model = untrained()
    recipe.write(model, tmp_path / "w.safetensors")
    again = recipe.load(tmp_path / "w.safetensors")
    a, b = model.watch(clips(2)), again.watch(clips(2))
    asked = ("Who jumps?", ["Mo", "Pip", "a clash", "the tree"])
    assert model.likelihoods(a, 1, *asked) == again.likelihoods(b, 1, *asked)
    assert model.caption(a, 0) == again.caption(b, 0)
    assert model.answer(a, 0, "Who jumps?") == again.answer(b, 0, "Who jumps?")


@pytest.mark.parametrize("name", ["tailr", "adatailr-constant", "adatailr-bias-variance"])
def test_any_loss_may_be_named(name: str, tmp_path: Path) -> None:
    made = run.train("toyvlm", tmp_path / "w.safetensors", {**FEW, "steps": 1, "loss": name}, quiet)
    assert made["settings"]["loss"] == name and np.isfinite(made["curve"][0]["answers"])


def test_a_loss_that_is_not_there_or_needs_what_toybox_has_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--loss mlee: no such loss"):
        run.train("toyvlm", tmp_path / "w.safetensors", {**FEW, "loss": "mlee"}, quiet)
    with pytest.raises(InputError, match="sample noise"):
        run.train("toyvlm", tmp_path / "w.safetensors", {**FEW, "loss": "adatailr-sample-noise"}, quiet)


def test_toybox_says_no_word_that_the_vocabulary_lacks() -> None:
    gold = questions.questions(12, 150, 6, faults=0.0)
    texts = [t for i, asked in enumerate(gold.texts) for t in (asked, *gold.choices_of(i))]
    texts += [data.caption(scene) for scene in world.scenes(12, 150)]
    assert not {word for text in texts for word in data.words_of(text)} - set(WORDS.known)
    assert WORDS.ids("zeppelin") == [WORDS.number["<unk>"]]
    assert WORDS.text(WORDS.said("The forest at dusk: Pip, then Mo.")) == "the forest at dusk: pip, then mo."


def test_no_caption_and_no_frame_is_cut_short() -> None:
    """Nine places a frame and 96 words a text are limits that toybox never reaches."""
    for scene in world.scenes(13, 100):
        assert len(WORDS.said(data.caption(scene))) < recipe.LONGEST
        assert max(map(len, data.shown(scene, data.moments(scene.duration), None).spots)) <= data.PLACES


numbers = st.lists(st.integers(1, 50), min_size=1, max_size=9)


@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=4))
@settings(deadline=None)
def test_a_label_stands_beside_the_word_before_it_and_prompts_have_none(
    pairs: list[tuple[list[int], list[int]]],
) -> None:
    ids, labels = data.rows(pairs)
    for (prompt, said), row, beside in zip(pairs, ids.tolist(), labels.tolist(), strict=True):
        assert row[: len(prompt) + len(said) - 1] == (prompt + said)[:-1]
        assert [label for label in beside if label != -100] == said
        assert beside.index(said[0]) == len(prompt) - 1


def test_a_choice_is_worth_the_same_alone_and_among_longer_ones() -> None:
    """Padding, other texts and other clips must not be read."""
    model, shown = untrained(), clips(2)
    both, alone = model.watch(shown), model.watch(shown[1:])
    choices = ["Mo", "Pip chases Mo", "the tree"]
    together = model.likelihoods(both, 1, "Who jumps?", choices)
    apart = [model.likelihoods(alone, 0, "Who jumps?", [choice])[0] for choice in choices]
    assert together == pytest.approx(apart, abs=1e-4)
    assert together != pytest.approx(model.likelihoods(both, 0, "Who jumps?", choices), abs=1e-4)


def test_a_word_does_not_see_the_words_after_it() -> None:
    model = untrained()
    memory, first = model.watch(clips(1)), torch.tensor([0])
    a, b = torch.tensor([[3, 9, 10, 11]]), torch.tensor([[3, 9, 20, 21]])
    with torch.inference_mode():
        one, other = model.net.read(memory, first, a), model.net.read(memory, first, b)
    assert torch.allclose(one[:, :2], other[:, :2]) and not torch.allclose(one[:, 2:], other[:, 2:])


def test_the_script_says_what_stands_where() -> None:
    """By hand: each token's shares name what the script has there, and nothing for the colour of a tree."""
    scene = world.scene(9, 0)
    shown = data.shown(scene, data.moments(scene.duration), None)
    seen = data.by_script([shown])
    for k, (cell, kind, doing, colour, shape, size) in enumerate(shown.spots[0]):
        parts = seen.spots[0, 0, k].split(data.SPOT_SIZES)
        assert seen.cells[0, 0, k] == cell and seen.there[0, 0, k] == 1
        for part, right in zip(parts, (kind, doing, colour, shape, size), strict=True):
            assert part.nonzero().flatten().tolist() == ([right] if right >= 0 else [])
    assert seen.there[0, 0].sum() == len(shown.spots[0])


def test_measuring_counts_every_question_and_shows_nothing_to_the_blind(monkeypatch: pytest.MonkeyPatch) -> None:
    model, looked = untrained(), list[Any]()
    watch = model.watch
    monkeypatch.setattr(model, "watch", lambda shown: (looked.append(shown[0]), watch(shown))[1])
    found = {blind: recipe.measure(model, 9, 2, 2, blind) for blind in ("", "zeroed", "other")}
    for one in found.values():
        assert one["asked"] == 4 and one["right"] == sum(right for right, _ in one["by_kind"].values())
    assert not any(clip.any() for clip in looked[2:4])
    assert (looked[4] == looked[1]).all() and (looked[5] == looked[0]).all()
    assert not (looked[0] == looked[1]).all()
