"""If these fail, a good reply is lost to the way it is wrapped, one that says two things is taken for one of them, or
text from data acts in a prompt."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyreel.generate.replies import LONGEST, fields, first, quoted, value

JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(JSON, st.sampled_from(["{}", "```json\n{}\n```", "```\n{}```\n", "  ```json\n{}"]))
def test_a_fence_changes_nothing(said: Any, around: str) -> None:
    """The last one broke off before its end."""
    assert value(around.replace("{}", json.dumps(said))) == said


@pytest.mark.parametrize(
    "reply",
    ['{"a": 1, "a": 2}', '[{"b": {"a": 1, "a": 1}}]', '```json\n{"a": 1, "a": 2}\n```', "", "Sure: {}", "{} {}", None,
     7, b"{}", "1" * 5000, " " * LONGEST + "{}"],
)  # fmt: skip
def test_what_is_not_one_value_is_an_error(reply: object) -> None:
    with pytest.raises(ValueError):
        value(reply)


def test_nesting_without_end_is_an_error_too() -> None:
    with pytest.raises((ValueError, RecursionError)):
        value("[" * 100_000)


def test_one_of_several_is_read_with_the_same_care() -> None:
    text = '{"a": 1}, {"a": 1, "a": 2}'
    assert first(text, 0) == ({"a": 1}, 8)
    with pytest.raises(ValueError, match="twice"):
        first(text, 10)


def test_a_schema_wants_every_field_and_no_other() -> None:
    schema = fields(a={"type": "string"}, b={"type": "number"})
    assert schema["required"] == ["a", "b"] == list(schema["properties"]) and schema["additionalProperties"] is False


@given(st.text(st.characters(exclude_categories=())))
def test_text_from_data_is_one_line_that_utf_8_can_hold(text: str) -> None:
    shown = quoted(text)
    assert len(shown.splitlines()) == 1 and shown.encode() and isinstance(json.loads(shown), str)
