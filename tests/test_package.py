"""What the package promises to hold, and how little it costs to import."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import flyreel


def test_the_public_names_are_these_and_no_others():
    assert flyreel.__all__ == [
        "Clip",
        "Cue",
        "Finding",
        "FlyreelError",
        "InputError",
        "Prediction",
        "Problem",
        "Question",
        "Questions",
        "Revision",
        "Span",
        "Wording",
        "__version__",
        "read",
    ]


@pytest.mark.parametrize("name", flyreel.__all__)
def test_every_public_name_can_be_had(name):
    made = getattr(importlib.import_module("flyreel"), name)
    assert made is not None
    assert name == "__version__" or made.__name__ == name


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'klips'"):
        _ = flyreel.klips


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("flyreel", "numpy pyarrow pydantic typer sklearn scipy aiohttp"),
        ("flyreel.cli.main", "numpy pyarrow sklearn scipy xllamacpp"),
    ],
)
def test_importing_is_cheap_because_heavy_modules_wait_until_they_are_used(module, heavy):
    code = f"import sys, {module}; print(*[m for m in {heavy.split()!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
