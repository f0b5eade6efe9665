"""Wrong here: a template that a person wrote is lost or changed, a mistake in the file is reported without its place,
or a hand-edited file is written over."""

from __future__ import annotations

from collections import Counter
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flyreel.audit.likeness import near
from flyreel.errors import InputError
from flyreel.generate.templates.embed import embed, products
from flyreel.generate.templates.merge import says_the_same
from flyreel.generate.templates.roles import frame
from flyreel.generate.templates.store import CATEGORIES, Template, edited, name_key, read, write

ONE = "- name: Reason\n  question: Why does she leave?\n  category: Temporal\n"

TEXT = st.text(st.characters(exclude_categories=()), min_size=1, max_size=40)
SAID = TEXT.filter(lambda t: t.strip() != "")
TEMPLATES = st.lists(
    st.builds(Template, SAID, SAID, st.text(max_size=20), st.lists(TEXT, max_size=3).map(tuple)),
    min_size=1,
    max_size=5,
    unique_by=lambda t: name_key(t.name),
)


@given(TEMPLATES)
def test_what_is_written_is_read_again(tmp_path_factory: pytest.TempPathFactory, templates: list[Template]) -> None:
    """Any text at all: null bytes, halves of characters, tags, colons, what YAML takes for a number."""
    path = tmp_path_factory.mktemp("round") / "t.yaml"
    write(path, templates)
    assert read(path) == tuple(templates)
    assert not edited(path)


def test_a_file_that_somebody_edited_is_known_as_such(tmp_path: Path) -> None:
    path = write(tmp_path / "t.yaml", [Template("a", "b?", "c")])
    path.write_text(path.read_text().replace("b?", "b and more?"))
    assert edited(path)
    assert read(path)[0].question == "b and more?"
    (tmp_path / "own.yaml").write_text(ONE)
    assert edited(tmp_path / "own.yaml") and not edited(tmp_path / "none.yaml")


def test_what_a_person_writes_stays_the_text_it_is(tmp_path: Path) -> None:
    """YAML takes No for a truth value, 12 for a number and 2024-01-01 for a day."""
    text = "- name: No\n  question: 12\n  category:\n  examples: [yes, 2024-01-01, 1:30, '#5']\n"
    assert _read(tmp_path, text) == (Template("No", "12", "", ("yes", "2024-01-01", "1:30", "#5")),)


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("- name: [\n", ["not YAML"]),
        (ONE + "  - oops: 1\n", ["line 4", "not YAML"]),
        ("name: a\n", ["not a list"]),
        ("", ["not a list"]),
        ("[]\n", ["no templates"]),
        (ONE + "- just a text\n", ["line 4", "not a template"]),
        (ONE + "- name: B\n  category: x\n", ["line 4", "no question"]),
        (ONE + "- name: B\n  question: ' '\n  category: x\n", ["line 4", "question is empty"]),
        (ONE + ONE, ["line 4", "another template", "line 1"]),
        (ONE + ONE.replace("Reason", "' REASON '"), ["line 4", "another template"]),
        (ONE + "  categroy: x\n", ["line 4", "categroy", "category"]),
        (ONE + "  name: x\n", ["line 4", "twice"]),
        (ONE + "  examples: one\n", ["line 4", "not a list"]),
        (ONE + "  examples:\n  - a\n  - [b]\n", ["line 6", "not a text"]),
        (ONE + "  ? [a, b]\n  : c\n", ["line 4", "a list or a mapping"]),
        ("- name: !!python/object/apply:os.system ['true']\n  question: q\n  category: c\n", ["line 1", "not a text"]),
        ("- name: !!python/name:os.system\n  question: q\n  category: c\n", ["line 1", "not a text"]),
        ("- name: a\n  question: \x00\n  category: c\n", ["line 2", "U+0000"]),
        ("- name: *nobody\n", ["line 1", "not YAML"]),
        (ONE + "---\n" + ONE, ["line 4", "not YAML"]),
        ("[" * 5000, ["not YAML"]),
    ],
)
def test_a_mistake_is_one_line_with_its_place(tmp_path: Path, text: str, cause: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        _read(tmp_path, text)
    said = str(caught.value)
    assert "t.yaml" in said and "\n" not in said
    for word in cause:
        assert word in said, said


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read(tmp_path / "none.yaml")
    (tmp_path / "latin.yaml").write_bytes(ONE.replace("she", "s\xe9").encode("latin-1"))
    with pytest.raises(InputError, match="not UTF-8 at byte"):
        read(tmp_path / "latin.yaml")


def test_two_of_one_name_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="entry 2"):
        write(tmp_path / "t.yaml", [Template("a", "b", "c"), Template("A", "d", "e")])
    assert not (tmp_path / "t.yaml").exists()


def test_names_are_the_same_but_for_case_and_blanks() -> None:
    assert name_key(" Why  NOT\n") == name_key("why not") != name_key("why")


def test_the_starter_set_has_enough_of_every_category_and_none_twice() -> None:
    starter = read(None)
    assert len(starter) >= 70
    found = Counter(t.category for t in starter)
    assert set(found) == set(CATEGORIES) and min(found.values()) >= 10
    assert all(t.question.endswith("?") and not t.examples for t in starter)
    for texts in ([t.name for t in starter], [t.question for t in starter]):
        assert not [pair for pair in combinations(texts, 2) if near(*pair)]
    frames = [frame(t.question) for t in starter]
    space = embed(frames)
    rows = space.encode(frames)
    likeness = products(rows, rows)
    alike = [(a, b) for a, b in combinations(range(len(frames)), 2) if likeness[a, b] >= space.alike]
    assert not alike and not any(says_the_same(a, b) for a, b in combinations(frames, 2))


def _read(folder: Path, text: str) -> tuple[Template, ...]:
    (folder / "t.yaml").write_text(text, encoding="utf-8")
    return read(folder / "t.yaml")
