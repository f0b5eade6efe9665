"""A film as text: what is read back from a prompt, what is merged, and what gives way where there is no room."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyreel.evaluate.pictures import Pictures, picture
from flyreel.evaluate.showing import Item, show, spoken
from flyreel.evaluate.views import VIEWS
from flyreel.models.call import Media
from flyreel.train.asked import read_call

pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
from tokenizers import Tokenizer, decoders, models, pre_tokenizers  # noqa: E402

from flyreel.train.caption_qa import text  # noqa: E402


def letters_alone() -> Any:
    """A token for each byte: no two texts are the same tokens."""
    known = {letter: i for i, letter in enumerate(["</s>", *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    made = Tokenizer(models.BPE(known, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, eos_token="</s>")


LETTERS_ALONE = letters_alone()


def media(n: int) -> Media:
    return picture(np.full((16, 16, 3), n, dtype=np.uint8))


a_text = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), min_size=1, max_size=30).filter(
    str.strip
)
cues = st.lists(
    st.builds(
        lambda start, length, speaker, said: {
            "start": start, "end": start + length, "kind": "speech", "text": said, "speaker": speaker
        },
        st.floats(0, 99), st.floats(0, 9), st.none() | a_text, a_text,
    ), max_size=4,
)  # fmt: skip


@given(a_text, st.lists(a_text, min_size=2, max_size=5, unique_by=str.strip) | st.just([]),
       st.lists(st.floats(0, 500), min_size=1, max_size=4).map(sorted), cues)  # fmt: skip
def test_what_is_learnt_from_is_what_is_asked(
    question: str, choices: list[str], times: list[float], cues: list[dict[str, Any]]
) -> None:
    item = Item("q", question, tuple(choices), spoken(cues))
    shown = tuple(media(i) for i in range(len(times)))
    seen = Pictures(tuple(range(len(times))), tuple(times), shown, (0, times[0], shown[0]))
    found = read_call(show(item, VIEWS["full"], seen).call)
    assert text.heard(found.before) == text.spoken(item.cues)
    assert found.times == [float(f"{time:.1f}") for time in times]
    learnt = text.pieces(LETTERS_ALONE, question, choices, ["a line"])
    assert learnt == text.pieces(LETTERS_ALONE, found.question, found.choices, ["a line"])


def test_neighbours_that_say_the_same_are_one_span() -> None:
    told = ["A red circle, at dusk.", "a red circle at dusk", "the forest at noon", "A red circle at dusk."]
    assert [str(line) for line in text.spans(told, [0.5, 2.0, 3.5, 5.0], 0.9)] == [
        "[0.5-2.0] A red circle, at dusk.", "[3.5] the forest at noon", "[5.0] A red circle at dusk.",
    ]  # fmt: skip
    close = ["two small red circles in the wide forest at dawn", "two small red circles in the wide forest at dusk"]
    assert [len(text.spans(close, [0, 1], alike)) for alike in (0.85, 0.95)] == [1, 2]
    drifting = ["a b c d e f", "a b c d e g", "a b c d h g", "a b c i h g"]
    assert len(text.spans(drifting, [0, 1, 2, 3], 0.8)) > 1, "a film that changes by a word a frame stands still"


def test_what_is_said_stands_between_what_is_seen() -> None:
    seen = text.spans(["the forest", "the beach"], [1.0, 4.0], 0.9)
    cues = [text.Line(1.0, 2.0, '"Pip: here"'), text.Line(5.0, 6.0, '"Not again."')]
    assert text.in_time(seen, cues) == ["[1.0] the forest", '[1.0-2.0] "Pip: here"', "[4.0] the beach",
                                        '[5.0-6.0] "Not again."']  # fmt: skip
    untimed = text.spans(["the forest", "the beach"], [], 0.9)
    assert text.in_time(untimed, cues[:1]) == ["the forest", "the beach", '[1.0-2.0] "Pip: here"']


ids = st.lists(st.integers(3, 9), min_size=1, max_size=6)


@given(ids, st.lists(ids, max_size=12), ids, st.integers(1, 60))
def test_only_lines_give_way_and_evenly(head: list[int], lines: list[list[int]], tail: list[int], budget: int) -> None:
    numbered = [[1000 + i, *line] for i, line in enumerate(lines)]
    made = text.fitted(text.Pieces(head, numbered, tail), budget)
    if made is None:
        assert len(tail) > budget
        return
    assert len(made) <= budget and made[-len(tail) :] == tail
    kept = [i - 1000 for i in made if i >= 1000]
    between = [i for at in kept for i in numbered[at]]
    assert made == ([*head, *between, *tail] if kept else tail), "a line was cut, or the order is lost"
    steps = [b - a for a, b in pairwise(kept)]
    assert not steps or max(steps) - min(steps) <= 1
    if len(kept) < len(lines):
        more = [i for at in text.evenly(len(lines), len(kept) + 1) for i in numbered[at]]
        assert len(head) + len(more) + len(tail) > budget, "there was room for one more"


def test_what_is_written_is_a_choice_or_stays_what_it_is() -> None:
    choices = ["in the forest", "on the beach", "Pip chases Mo up the hill", "Mo chases Pip up the hill"]
    assert text.reply("In forest.", choices) == "**Answer:** A"
    assert text.reply("Pip chases Mo up the hill", choices) == "**Answer:** C"
    assert text.reply("chases up the hill", choices) == "chases up the hill", "two are as near"
    assert text.reply("in the", choices) == "in the" and text.reply("five", []) == "five"
