"""Scoring: that position bias cancels, that missing letters are bounded, that failures stay failures."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyreel.errors import Refused
from flyreel.models import scoring
from flyreel.models.call import Call, Reply
from flyreel.models.fake import FakeModel, FakeReply, always, options, prefer
from flyreel.models.scoring import Answer, choose, combine, cyclic, letter_logprobs, read_answer, sampled_letter, vote


def prompt(choices: Sequence[str]) -> tuple[dict[str, str], ...]:
    lines = "\n".join(f"{scoring.LETTERS[i]}) {c}" for i, c in enumerate(choices))
    return ({"role": "user", "content": f"Which?\n{lines}"},)


@given(
    st.lists(st.floats(-4, 4), min_size=2, max_size=8),
    st.lists(st.floats(-6, 6), min_size=8, max_size=8),
)
async def test_any_bias_for_letters_cancels_exactly(tastes: list[float], bias: list[float]) -> None:
    """p must be softmax of the content scores alone, however much the model likes the letter B."""
    names = [f"choice {i}" for i in range(len(tastes))]
    taste = dict(zip(names, tastes, strict=True))
    evidence = await choose(FakeModel(prefer(taste.__getitem__, bias)).send, prompt, names)
    expected = np.exp(np.array(tastes) - max(tastes))
    assert np.allclose(evidence.probabilities, expected / expected.sum(), atol=1e-9)


async def test_one_ordering_follows_the_letter_where_the_average_does_not() -> None:
    model = FakeModel(prefer(lambda t: float(t == "right"), letter_bias=[0, 3, 0]))
    evidence = await choose(model.send, prompt, ["right", "no", "never"])
    assert evidence.answers[0].picked == 1
    assert evidence.picked == 0


def test_cyclic_orderings_put_every_content_once_at_every_position() -> None:
    for k in range(2, 9):
        grid = np.array(cyclic(k))
        assert all(sorted(column) == list(range(k)) for column in grid.T)


def test_letters_in_several_dresses_are_one_letter_and_words_are_none() -> None:
    tokens = {"A": math.log(0.2), " A": math.log(0.2), "(B": math.log(0.1), "An": math.log(0.4), "a": math.log(0.05)}
    by_letter = letter_logprobs(tokens, 3)
    assert by_letter is not None
    p = np.exp(by_letter)
    assert p.sum() == pytest.approx(1.0)
    assert p[0] / p[1] == pytest.approx(4.0)
    assert p[2] <= p[1]


def test_a_letter_outside_the_top_tokens_never_beats_one_inside() -> None:
    by_letter = letter_logprobs({"B": math.log(1e-4), "The": math.log(0.9)}, 4)
    assert by_letter is not None and by_letter[1] == max(by_letter)


def test_no_letter_among_the_tokens_is_no_answer() -> None:
    assert letter_logprobs({"The": -0.1, "I": -3.0}, 4) is None
    assert letter_logprobs(None, 4) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("B", 1), ("B)", 1), ("(B)", 1), ("B.", 1), ("**B**", 1), ("Answer: B", 1), ("The answer is B.", 1),
        ("Option C", 2), ("b", 1), ("B) the car", 1), ("A man walks", None), ("A", 0), ("A) a man", 0),
        ("I cannot tell", None), ("", None), ("Z", None), ("Bob did it", None),
    ],
)  # fmt: skip
def test_sampled_letters(text: str, expected: int | None) -> None:
    assert sampled_letter(text, 5) == expected


async def test_without_log_probabilities_the_letters_are_counted() -> None:
    evidence = await choose(FakeModel(prefer(len, logprobs=False)).send, prompt, ["a", "bbb", "cc"], logprobs=False)
    assert evidence.probabilities == (0.0, 1.0, 0.0)
    evidence = await choose(FakeModel(always("B")).send, prompt, ["x", "y", "z"], logprobs=False)
    assert evidence.probabilities == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert evidence.picked is None


async def failing(call: Call) -> Reply:
    raise Refused("http-403", "no")


async def test_a_model_that_fails_every_time_gives_no_evidence_and_its_reason() -> None:
    evidence = await choose(failing, prompt, ["x", "y"])
    assert (evidence.probabilities, evidence.picked, evidence.reason) == (None, None, "http-403")


def test_half_of_the_orderings_is_the_least_that_counts() -> None:
    good = Answer((0, 1, 2, 3, 4), 0, (-0.1, -3.0, -3.0, -3.0, -3.0))
    bad = Answer((0, 1, 2, 3, 4), None, None, "timeout")
    assert combine((good,) * 3 + (bad,) * 2, 5).probabilities is not None
    assert combine((good,) * 2 + (bad,) * 3, 5).probabilities is None


@pytest.mark.parametrize("right", list(itertools.product([True, False], repeat=5)))
async def test_the_curtailed_vote_decides_as_the_full_one_and_stops_when_it_is_decided(right: tuple[bool, ...]) -> None:
    orderings = iter(right)

    async def ask(call: Call) -> Reply:
        shown = options(call.messages)
        key = shown.index("key")
        letter = key if next(orderings) else (key + 1) % 5
        return await FakeModel(lambda messages: FakeReply(scoring.LETTERS[letter])).send(call)

    found = await vote(ask, prompt, ["key", "w", "x", "y", "z"], 0, logprobs=False)
    weak, calls = found.weak, len(found.answers)
    assert weak == (sum(right) >= 3)
    decided = next(n for n in range(1, 6) if sum(right[:n]) >= 3 or n - sum(right[:n]) >= 3)
    assert calls == decided


def test_expected_calls_of_the_curtailed_vote_at_chance() -> None:
    """The published figure: 3.63 calls at p = 0.2, by enumeration."""
    expected = 0.0
    for right in itertools.product([True, False], repeat=5):
        n = next(n for n in range(1, 6) if sum(right[:n]) >= 3 or n - sum(right[:n]) >= 3)
        expected += 0.2 ** sum(right) * 0.8 ** (5 - sum(right)) * n
    assert expected == pytest.approx(3.63, abs=0.005)


def test_read_answer_maps_letters_back_to_contents() -> None:
    raw = '{"choices": [{"message": {"content": "A"}}]}'
    assert read_answer(Reply(raw), (2, 0, 1)).picked == 2
