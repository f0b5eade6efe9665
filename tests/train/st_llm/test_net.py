"""st-llm's network and its answers: what stands before the question, what is dropped, and how choices are weighed."""

from __future__ import annotations

import importlib
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyreel.toybox import world

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")
answers = importlib.import_module("flyreel.train.st_llm.answer")
data = importlib.import_module("flyreel.train.st_llm.data")
nets = importlib.import_module("flyreel.train.st_llm.net")
vision = importlib.import_module("flyreel.train.st_llm.vision")
weights = importlib.import_module("flyreel.train.st_llm.weights")
words_ = importlib.import_module("flyreel.train.st_llm.words")


def small(seed: int = 1, *, room: int = 40, width: int = 32, frames: int = 8, queries: int = 10) -> tuple[Any, Any]:
    torch.manual_seed(seed)
    words = data.toy_vocabulary()
    given = {"frames": frames, "queries": queries, "width": width, "layers": 2, "looks": 1, "heads": 2}
    return weights.begun(vision.Script(), words, None, "", **given, longest=room).eval(), words


# What stands before the question


def test_words_come_after_all_tokens_of_all_frames() -> None:
    """Frames taken through GPT-2 once and texts that go on from there are what one pass over both is."""
    net, words = small()
    features = data.told(list(world.scenes(5, 2)))
    ids = torch.tensor([words.asked("Who jumps?"), words.asked("Who spins?")])
    with torch.inference_mode():
        tokens = net.tokens(features)
        film = net.watch(tokens)
        found = net.read(film, torch.tensor([1, 0]), ids)
        both = torch.cat([tokens[[1, 0]], net.llm.transformer.wte(ids)], 1)
        plain = net.llm(inputs_embeds=both)
    assert tokens.shape[1] == 80 == net.start
    assert torch.allclose(found, plain.logits[:, 80:], atol=1e-4)


def test_masked_frames_are_those_that_a_mask_would_leave() -> None:
    """Tokens that are dropped and not replaced: as if attention could not see them, with positions as they were."""
    net, words = small()
    kept = nets.dropped(2, 80, torch.Generator().manual_seed(1), 0.1, 0.7)
    ids = torch.tensor([words.asked("Who jumps?")] * 2)
    with torch.inference_mode():
        tokens = net.tokens(data.told(list(world.scenes(5, 2))))
        film = net.watch(tokens, kept)
        found = net.read(film, torch.arange(2), ids)
        seen = torch.cat([kept, torch.ones_like(ids, dtype=torch.bool)], 1)
        places = torch.arange(seen.shape[1]).expand(seen.shape)
        both = torch.cat([tokens, net.llm.transformer.wte(ids)], 1)
        plain = net.llm(inputs_embeds=both, attention_mask=seen.long(), position_ids=places, output_hidden_states=True)
    assert torch.allclose(film.hidden.flatten(0, 1), plain.hidden_states[-1][:, :80][kept], atol=1e-4)
    assert torch.allclose(found, plain.logits[:, 80:], atol=1e-4)


@given(st.integers(1, 5), st.integers(1, 90), st.integers(0, 10**6), st.floats(0, 0.95), st.floats(0, 0.95))
@settings(deadline=None)
def test_as_many_tokens_stay_in_each_clip_and_no_fewer_than_allowed(
    clips: int, tokens: int, seed: int, a: float, b: float
) -> None:
    least, most = min(a, b), max(a, b)
    kept = nets.dropped(clips, tokens, torch.Generator().manual_seed(seed), least, most)
    stay = kept.sum(1)
    assert kept.shape == (clips, tokens) and len(set(stay.tolist())) == 1
    assert max(1, round(tokens * (1 - most))) <= stay[0] <= max(1, round(tokens * (1 - least)))


def test_every_clip_loses_other_tokens_and_every_batch_another_share() -> None:
    draw = [nets.dropped(3, 80, torch.Generator().manual_seed(seed), 0.1, 0.7) for seed in range(30)]
    assert all(not torch.equal(kept[0], kept[1]) for kept in draw)
    shares = [1 - float(kept.float().mean()) for kept in draw]
    assert len(set(shares)) > 10 and 0.4 < np.mean(shares) < 0.6 and 0.05 < np.std(shares) < 0.15
    stays = torch.stack([nets.dropped(1, 20, torch.Generator().manual_seed(s), 0.5, 0.5)[0] for s in range(2000)])
    assert stays.float().mean(0).sub(0.5).abs().max() < 0.06  # none is favoured


def test_the_reference_sees_everything_and_learns_nothing() -> None:
    net, words = small()
    net.train()
    features = data.told(list(world.scenes(5, 2)))
    kept = nets.dropped(2, 80, torch.Generator().manual_seed(1), 0.3, 0.7)
    group = data.texts([(0, words.asked("Who jumps?"), words.said("Mo"))])
    told = net(features, {"answers": group}, kept, True, False)
    assert not told.teacher.requires_grad and told.student.requires_grad
    with torch.no_grad():
        whole = net.watch(net.tokens(features)).hidden
    assert torch.allclose(told.teacher, whole, atol=1e-5)
    assert torch.equal(told.student, net.watch(net.tokens(features), kept).hidden)
    matched = net(features, {"answers": group}, kept, True, True)
    assert not torch.allclose(matched.student, told.student) and torch.equal(matched.teacher, told.teacher)


def test_at_first_a_query_copies_the_place_of_its_number_in_words() -> None:
    """A name in a question and whoever bears it are alike from the start."""
    net, words = small(width=64)
    features = data.told(list(world.scenes(5, 4)))
    net.times.weight.data.zero_()
    with torch.inference_mode():
        tokens = net.tokens(features).unflatten(1, (8, 10))
    said = features @ data.in_words(words, net.llm.transformer.wte.weight.detach())
    there = features[:, :, :, sum(data.SIZES[:4])] > 0
    likeness = torch.nn.functional.cosine_similarity(tokens, said, dim=3)
    assert likeness[there].median() > 0.6
    assert torch.nn.functional.cosine_similarity(tokens, said.roll(1, 2), dim=3)[there].median() < 0.5


def test_features_say_what_stands_where() -> None:
    scene = world.scene(5, 0)
    shown = data.toy.shown(scene, data.toy.moments(scene.duration), None)
    found = data.told([scene])[0, 0]
    for place, (cell, kind, *_) in enumerate(shown.spots[0], 1):
        spots, _, rows, columns, sure, number = found[place].split(data.SIZES)
        assert spots[: len(data.toy.KINDS)].argmax() == kind and sure == 1
        assert (int(rows.argmax()), int(columns.argmax())) == divmod(cell, data.GRID[1])
        assert number.argmax() == place
    assert found[0, : data.SIZES[0]].sum() == 0 and found[0, data.SIZES[0] : sum(data.SIZES[:2])].sum() == 2


# What is answered


def test_perplexity_is_e_to_the_loss_and_both_are_of_answer_tokens() -> None:
    """A loss of 4.77 beside a perplexity of 1.04 was published once."""
    net, words = small()
    clips = data.toy_held(3, 4, 3, lambda scene: data.told([scene])[0])
    found = answers.judged(net, words, clips, net.room)
    total, tokens = 0.0, 0
    for clip in clips:
        with torch.inference_mode():
            film = net.watch(net.tokens(clip.features()[None]))
            for ask in clip.asks:
                prompt, said = words.asked(ask.question), words.said(ask.answer)
                logits = net.read(film, torch.tensor([0]), torch.tensor([prompt + said[:-1]]))[0, len(prompt) - 1 :]
                total += float(torch.nn.functional.cross_entropy(logits, torch.tensor(said), reduction="sum"))
                tokens += len(said)
    assert found.told["loss"] == pytest.approx(total / tokens, rel=1e-4)
    assert found.told["perplexity"] == pytest.approx(math.exp(total / tokens), rel=1e-4)
    assert found.asked.total() == sum(len(clip.asks) for clip in clips) == 12
    assert net.training is False


def test_a_choice_is_worth_the_same_alone_and_among_longer_ones() -> None:
    net, words = small()
    with torch.inference_mode():
        film = net.watch(net.tokens(data.told(list(world.scenes(5, 2)))))
    choices = ["Mo", "Pip chases Mo", "the tree"]
    together = answers.likelihoods(net, words, film, 1, "Who jumps?", choices)
    apart = [answers.likelihoods(net, words, film, 1, "Who jumps?", [choice])[0] for choice in choices]
    assert together == pytest.approx(apart, abs=1e-4)
    assert together != pytest.approx(answers.likelihoods(net, words, film, 0, "Who jumps?", choices), abs=1e-5)


def test_held_out_scenes_are_of_another_world_and_open_questions_count_by_the_words() -> None:
    clips = data.toy_held(3, 2, 2, lambda scene: data.told([scene])[0])
    asks = [data.Ask("Who jumps?", "the tree", [], None, "open")]
    net, words = small()
    with torch.inference_mode():
        film = net.watch(net.tokens(clips[0].features()[None]))
    ids, _ = answers.written(net, words, film, 0, words.asked("Who jumps?"), 6)
    said = data.Ask("Who jumps?", words.text(ids), [], None, "said")
    found = answers.judged(net, words, [data.Clip(clips[0].features, [*asks, said], "a")], net.room)
    assert found.by_kind["open"] == [0, 1]
    assert all(ask.answer == ask.choices[ask.key] for clip in clips for ask in clip.asks)
    assert data.HELD_WORLD > 10**5


def test_nothing_asked_is_nothing_told_and_what_was_not_asked_is_counted() -> None:
    """A perplexity of 1 and an accuracy of 0 say that something was measured."""
    net, words = small()
    clips = data.toy_held(3, 2, 3, lambda scene: data.told([scene])[0])
    assert answers.judged(net, words, [], net.room).summary == {}
    blind = [data.Clip(lambda: None, clip.asks, clip.group) for clip in clips]
    found = answers.judged(net, words, blind, net.room)
    assert found.told == found.summary == {} and found.left_out["unreadable-clip"] == 6
    found = answers.judged(net, words, [clips[0], blind[1]], 2)
    assert found.told == {} and dict(found.left_out) == {"unreadable-clip": 3, "too-long": 3}


def test_the_interval_knows_that_questions_of_a_clip_are_alike() -> None:
    choices = ["a", "b", "c", "d"]
    found = answers.Judged(
        each=[True] * 4 + [False] * 8, chances=[1 / len(choices)] * 12, groups=["a"] * 4 + ["b"] * 4 + ["c"] * 4,
        surprise=[1.0], right=answers.Counter(x=4), asked=answers.Counter(x=12),
    )  # fmt: skip
    alone = answers.Judged(**{**vars(found), "groups": [str(i) for i in range(12)]})
    told = found.summary
    assert (told["n"], told["groups"], told["chance"]) == (12, 3, 0.25)
    assert told["accuracy"] == pytest.approx(1 / 3) == alone.summary["accuracy"]
    assert told["ci95"][0] < alone.summary["ci95"][0] and told["ci95"][1] > alone.summary["ci95"][1]


def test_a_caption_too_long_for_the_room_is_left_out() -> None:
    words = data.toy_vocabulary()
    seen = lambda scene: data.told([scene])[0]  # noqa: E731
    told = data.toy_batch(words, 1, 0, 4, 4, 2, 50, 50, 96, seen)["texts"]
    assert set(told) == {"answers", "captions"} and told["captions"]["ids"].shape[1] > 30
    assert set(data.toy_batch(words, 1, 0, 4, 4, 2, 50, 50, 30, seen)["texts"]) == {"answers"}


def test_words_survive_what_they_cannot_say() -> None:
    words = words_.vocabulary(["Pip's 12 balls, red?"])
    assert words.text(words.said("12 balls, red?")) == "12 balls, red?"
    assert words.said("Mo") == [words.number["<unk>"], words.end]
