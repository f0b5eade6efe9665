"""Names to things: two of one name are a programmer's error, an unknown one is the user's."""

from __future__ import annotations

import sys

import pytest

from flyreel.audit.probe import probes
from flyreel.errors import InputError
from flyreel.formats.base import formats
from flyreel.formats.export import exporters
from flyreel.registry import Registry


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A package of two modules that register themselves when they are imported."""
    folder = tmp_path / "shelf_of_tests"
    folder.mkdir()
    (folder / "__init__.py").write_text("from flyreel.registry import Registry\nkinds = Registry('kind', __name__)\n")
    (folder / "beta.py").write_text(
        "from shelf_of_tests import kinds\n\n@kinds.add('beta', size=2)\ndef beta():\n    'The second.\\n\\nMore.'\n"
    )
    (folder / "alpha.py").write_text(
        "from shelf_of_tests import kinds\n\n@kinds.add('alpha')\ndef alpha():\n    return 1\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield __import__("shelf_of_tests").kinds
    for name in [n for n in sys.modules if n.startswith("shelf_of_tests")]:
        del sys.modules[name]


def test_a_file_in_the_folder_is_all_it_takes(shelf):
    assert shelf.names() == ["alpha", "beta"]
    assert [e.name for e in shelf] == ["alpha", "beta"]


def test_an_entry_keeps_its_name_its_facts_and_the_first_line_of_its_docstring(shelf):
    beta = shelf.get("beta")
    assert (beta.name, beta.facts, beta.summary) == ("beta", {"size": 2}, "The second.")
    assert shelf.get("alpha").summary == ""
    assert shelf.get("alpha").make() == 1


def test_an_unknown_name_offers_what_was_meant(shelf):
    with pytest.raises(InputError, match=r"alpa: no such kind\. Did you mean alpha\?"):
        shelf.get("alpa")
    with pytest.raises(InputError, match="Known: alpha, beta"):
        shelf.get("zzzzzz")


def test_two_of_one_name_are_refused():
    registry = Registry("kind", "flyreel.formats")
    registry.add("same")(object())
    with pytest.raises(ValueError, match="two kinds are named 'same'"):
        registry.add("same")(object())


def test_every_format_and_probe_has_a_summary_for_the_help():
    assert formats.names() == [
        "canonical", "cinepile", "egoschema", "label-studio", "lettered", "llava", "mvbench", "next-qa", "social-iq2",
        "tgif-qa", "video-mme", "webdataset",
    ]  # fmt: skip
    assert exporters.names() == [
        "canonical", "csv", "huggingface", "label-studio", "llava", "lmms-eval", "mvbench", "video-mme", "vlmevalkit",
        "webdataset",
    ]  # fmt: skip
    assert {"surface", "shortcut", "leakage", "blind"} <= set(probes.names())
    assert all(e.summary for registry in (formats, exporters, probes) for e in registry)
