"""Training toyvlm: it learns, a run cut off goes on exactly, and what is written answers as what was trained."""

from __future__ import annotations

import asyncio
import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyreel.errors import InputError
from flyreel.evaluate.pictures import picture
from flyreel.evaluate.showing import Item, show
from flyreel.evaluate.views import VIEWS
from flyreel.toybox import questions, world
from flyreel.train import run

torch = pytest.importorskip("torch")
recipe = importlib.import_module("flyreel.train.recipes.toyvlm")
toy_eyes = importlib.import_module("flyreel.train.recipes.toy_eyes")
model_of = importlib.import_module("flyreel.train.toyvlm.model")
pooled = importlib.import_module("flyreel.train.toyvlm.pool")
net_of = importlib.import_module("flyreel.train.toyvlm.net")
data = importlib.import_module("flyreel.train.toyvlm.data")

FEW = {"seed": 3, "pool": 6, "batch": 3, "told": 3, "asks": 3, "steps": 12, "held": 2}
WORDS = data.Words(data.vocabulary())


class CutOff(Exception):
    pass


def quiet(line: str) -> None:
    pass


def cut_off_at(number: int) -> Callable[..., Any]:
    """In place of `batch_of`: the run ends where this batch is wanted."""
    make = recipe.batch_of

    def batch_of(*given: Any) -> Any:
        if given[-1] == number:
            raise CutOff
        return make(*given)

    return batch_of


def untrained(seed: int = 5) -> Any:
    torch.manual_seed(seed)
    net = net_of.ToyVlmNet(len(WORDS.known), data.meaning(WORDS))
    return model_of.ToyVlm(toy_eyes.untrained(), net, WORDS)


def clips(count: int) -> list[np.ndarray]:
    return [data.shown(s, data.moments(s.duration), 96).frames for s in world.scenes(9, count)]


@pytest.fixture(scope="module")
def eyes(tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("eyes") / "run"
    run.train("toy-eyes", out, {"seed": 3, "scenes": 3, "batch": 2, "steps": 2}, quiet)
    return str(out)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, eyes: str) -> Path:
    out = tmp_path_factory.mktemp("trained") / "run"
    run.train("toyvlm", out, {**FEW, "eyes": eyes}, quiet)
    return out


def test_the_losses_fall() -> None:
    """Fifteen steps on the same four scenes, as the script tells them: anything that learns fits these a little."""
    torch.manual_seed(3)
    model = untrained()
    criterion = importlib.import_module("flyreel.train.losses").criterion("mle")
    with torch.no_grad():
        one = model_of.watched(model.eyes, clips(1))
    nobody = pooled.Pool([], model_of.part_of(one, torch.zeros(0, dtype=int)), None)
    asked = recipe.Settings(batch=0, told=4, asks=3)
    batch = recipe.batch_of(asked, WORDS, nobody, [], None, 0)
    optimiser = torch.optim.AdamW(model.net.parameters(), 2e-3)
    curve = []
    for _ in range(15):
        loss, parts = recipe.loss_of(model.net.train(), criterion, batch)
        curve.append(parts)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    for name in ("answers", "captions"):
        assert curve[-1][name] < 0.8 * curve[0][name], name


def test_a_run_without_eyes_trains_them_first_and_keeps_them(tmp_path: Path) -> None:
    made = run.train("toyvlm", tmp_path / "run", {**FEW, "steps": 1, "look_steps": 1}, quiet)
    assert made["result"]["parameters"] <= 3_000_000
    own = toy_eyes.load(tmp_path / "run" / "eyes")
    kept = model_of.loaded(tmp_path / "run" / "model" / model_of.FILE, toy_eyes.untrained()).eyes
    for a, b in zip(own.state_dict().values(), kept.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_a_finished_run_is_trained_further(trained: Path, tmp_path: Path) -> None:
    """At a rate of next to nothing it is what it was, eyes and reader."""
    few = {**FEW, "begin": str(trained), "steps": 1, "rate": 1e-12}
    run.train("toyvlm", tmp_path / "run", few, quiet)
    before, after = (recipe.load(folder) for folder in (trained, tmp_path / "run"))
    for one, other in ((before.net, after.net), (before.eyes, after.eyes)):
        for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True):
            assert torch.allclose(a, b, atol=1e-8)


def test_a_run_cut_off_goes_on_to_the_same_weights(tmp_path: Path, eyes: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut off at step 8 with a checkpoint of step 6: two steps are done again, and nothing tells that they were."""
    few = {**FEW, "eyes": eyes, "keep_every": 3, "loss": "adatailr-bias-variance"}
    run.train("toyvlm", tmp_path / "whole", few, quiet)
    with monkeypatch.context() as patch:
        patch.setattr(recipe, "batch_of", cut_off_at(8))
        with pytest.raises(CutOff):
            run.train("toyvlm", tmp_path / "cut", few, quiet)
    said: list[str] = []
    run.train("toyvlm", tmp_path / "cut", few, said.append)
    assert any("goes on after step 6" in line for line in said)
    whole, cut = (tmp_path / name / "model" / model_of.FILE for name in ("whole", "cut"))
    assert whole.read_bytes() == cut.read_bytes()


def test_the_same_seed_gives_the_same_weights_and_another_others(tmp_path: Path, eyes: str) -> None:
    def weights(name: str, **changes: int) -> bytes:
        run.train("toyvlm", tmp_path / name, {**FEW, "eyes": eyes, "steps": 2, **changes}, quiet)
        return (tmp_path / name / "model" / model_of.FILE).read_bytes()

    first = weights("a")
    assert weights("b") == first
    assert weights("c", seed=4) != first


def test_what_is_written_answers_as_what_was_trained(tmp_path: Path) -> None:
    model = untrained()
    model_of.write(model, tmp_path / "w.safetensors")
    again = model_of.loaded(tmp_path / "w.safetensors", toy_eyes.untrained())
    a, b = model.watch(clips(1)), again.watch(clips(1))
    asked = [("Who jumps?", ["Mo", "Pip", "a clash", "the tree"]), ("Where?", ["the sea", "Mo"])]
    assert model.likelihoods(a, asked) == again.likelihoods(b, asked)
    assert model.caption(a) == again.caption(b)
    assert model.answer(a, "Who jumps?") == again.answer(b, "Who jumps?")


def test_a_finished_run_is_asked_calls(trained: Path) -> None:
    """The call of `evaluate`, with four frames and with none; the letter is that of the choice it finds likeliest."""
    model = recipe.open_model(trained)
    own = model_of.loaded(trained / "model" / model_of.FILE, toy_eyes.untrained())
    film = clips(1)[0]
    item = Item("q", "Who jumps?", ("Mo", "Pip", "Zed", "Lulu", "Bix"))

    def ask(view: str, frames: list[np.ndarray]) -> str:
        media = tuple(picture(frame) for frame in frames)
        seen = importlib.import_module("flyreel.evaluate.pictures").Pictures(
            tuple(range(len(media))), tuple(map(float, range(len(media)))), media, (0, 0.0, media[0])
        )
        return asyncio.run(model.send(show(item, VIEWS[view], seen).call)).text

    dark = own.watch([np.zeros((1, 96, 128, 3), np.uint8)])
    assert ask("blind", [film[0]]) == f"**Answer:** {'ABCDE'[own.choose(dark, item.question, item.choices)]}"
    assert ask("full", list(film[:4])) in {f"**Answer:** {letter}" for letter in "ABCDE"}
    assert model.sees and model.identity.startswith("sha256:")


@pytest.mark.parametrize("name", ["tailr", "adatailr-constant", "adatailr-bias-variance", "adatailr-sample-noise"])
def test_any_loss_may_be_named(name: str, tmp_path: Path, eyes: str) -> None:
    few = {**FEW, "eyes": eyes, "steps": 1, "told": 0, "batch": 4, "wrong": 0.5, "loss": name}
    made = run.train("toyvlm", tmp_path / "run", few, quiet)
    assert made["settings"]["loss"] == name
    rows = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert np.isfinite(rows[0]["answers"]) and 0 < rows[0]["answers_weight"] <= 1


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"loss": "mlee"}, "--loss mlee: no such loss"),
        ({"loss": "adatailr-sample-noise"}, "what is told was not: --set told=0"),
        ({"wrong": 1.5}, "a share lies between 0 and 1"),
        ({"noise": "wrong-actr"}, "no such mistake"),
        ({"batch": 1, "told": 1}, "four scenes a step at least"),
        ({"begin": "somewhere"}, "has eyes of its own"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(changes: Any, says: str, tmp_path: Path, eyes: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        run.train("toyvlm", tmp_path / "run", {**FEW, "eyes": eyes, "steps": 1, **changes}, quiet)
    assert "\n" not in str(caught.value)


@given(st.sampled_from(sorted(pooled.telling.NOISES)), st.sampled_from([0.0, 0.4, 1.0]), st.integers(0, 5))
@settings(deadline=None, max_examples=20)
def test_exactly_the_share_that_is_asked_for_is_told_wrongly(noise: str, share: float, seed: int) -> None:
    scenes = list(world.scenes(9, 10))
    texts = pooled.told(scenes, noise, share, seed)
    assert sum(a != b for a, b in zip(scenes, texts, strict=True)) == round(share * 10)
    assert texts == pooled.told(scenes, noise, share, seed)


def test_texts_of_other_clips_are_doubted_more(eyes: str, tmp_path: Path) -> None:
    """Known truth: of 60 scenes 24 are told another's story; whose, the doubts find without being told."""
    watched = pooled.pool(toy_eyes.load(Path(eyes)), 31, 60, tmp_path / "seen.safetensors")
    texts = pooled.told(watched.scenes, "other-clip", 0.4, 1)
    wrong = np.array([a != b for a, b in zip(watched.scenes, texts, strict=True)])
    doubts = pooled.doubts(watched, texts).numpy()
    assert ((doubts >= 0.01) & (doubts <= 0.99)).all()
    assert ((doubts > 0.5) == wrong).mean() > 0.85


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
        assert len(WORDS.said(data.caption(scene))) < net_of.LONGEST
        assert max(map(len, data.shown(scene, data.moments(scene.duration), None).spots)) <= data.PLACES


numbers = st.lists(st.integers(1, 50), min_size=1, max_size=9)


@given(st.lists(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=3), min_size=1, max_size=3))
@settings(deadline=None)
def test_a_label_stands_beside_the_word_before_it_and_prompts_have_none(
    texts: list[list[tuple[list[int], list[int]]]],
) -> None:
    ids, labels = data.rows(texts)
    for i, row in enumerate(texts):
        for j, (prompt, said) in enumerate(row):
            beside = labels[i, j].tolist()
            assert ids[i, j, : len(prompt) + len(said) - 1].tolist() == (prompt + said)[:-1]
            assert [label for label in beside if label != -100] == said
            assert beside.index(said[0]) == len(prompt) - 1
        assert (labels[i, len(row) :] == -100).all()


def test_a_choice_is_worth_the_same_alone_and_among_longer_ones() -> None:
    """Padding, other texts and other clips must not be read."""
    model, shown = untrained(), clips(2)
    first, second = model.watch(shown[:1]), model.watch(shown[1:])
    both = model.watch(shown)
    choices = ["Mo", "Pip chases Mo", "the tree"]
    together = model.likelihoods(second, [("Who jumps?", choices), ("Where does the scene end?", ["the sea"])])[0]
    apart = [model.likelihoods(second, [("Who jumps?", [choice])])[0][0] for choice in choices]
    assert together == pytest.approx(apart, abs=1e-4)
    assert together == pytest.approx(
        model.likelihoods(net_of.of_clips(both, torch.tensor([1])), [("Who jumps?", choices)])[0], abs=1e-4
    )
    assert together != pytest.approx(model.likelihoods(first, [("Who jumps?", choices)])[0], abs=1e-4)


def test_a_word_does_not_see_the_words_after_it() -> None:
    model = untrained()
    memory = model.watch(clips(1))
    a, b = torch.tensor([[[3, 9, 10, 11]]]), torch.tensor([[[3, 9, 20, 21]]])
    with torch.inference_mode():
        one, other = model.net.read(memory, a)[0], model.net.read(memory, b)[0]
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


def test_measuring_counts_every_question_and_shows_nothing_to_the_blind() -> None:
    model = untrained()
    asked = {blind: model_of.test(model.eyes, 9, 3, 2, blind) for blind in ("", "zeroed", "other")}
    for one in asked.values():
        hits = model_of.right(model, one)
        assert [len(row) for row in hits] == [2, 2, 2]
        kinds = model_of.by_kind(one, hits)
        assert sum(right for right, _ in kinds.values()) == sum(map(sum, hits))
        assert sum(count for _, count in kinds.values()) == 6
    spots = {blind: one.seen.spots for blind, one in asked.items()}
    assert torch.equal(spots["zeroed"][0], spots["zeroed"][1])
    assert torch.equal(spots["other"][[1, 2, 0]], spots[""])
    assert not torch.equal(spots["other"], spots[""])


def test_the_right_choice_of_a_model_that_knows_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Likelihoods that favour the key give every point, and those that favour another give none."""
    model = untrained()
    asked = model_of.test(model.eyes, 9, 2, 3)
    keys = {(q, *choices): choices[key] for row, ks in zip(asked.asked, asked.keys, strict=True)
            for (q, choices), key in zip(row, ks, strict=True)}  # fmt: skip

    def knows(sign: float) -> Callable[..., Any]:
        return lambda memory, row: [[sign * (c == keys[(q, *choices)]) for c in choices] for q, choices in row]

    monkeypatch.setattr(model, "likelihoods", knows(1.0))
    assert all(all(row) for row in model_of.right(model, asked))
    monkeypatch.setattr(model, "likelihoods", knows(-1.0))
    assert not any(any(row) for row in model_of.right(model, asked))
