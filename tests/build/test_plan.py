"""flyreel.toml is written by hand: a wrong word in it is one line that says which."""

from __future__ import annotations

from pathlib import Path

import pytest

from flyreel.build.plan import Plan, read
from flyreel.errors import InputError


def planned(tmp_path: Path, text: str) -> Plan:
    (tmp_path / "flyreel.toml").write_text(text, encoding="utf-8")
    return read(tmp_path)


def test_nothing_said_is_the_default(tmp_path: Path) -> None:
    assert planned(tmp_path, "") == Plan() == planned(tmp_path, "[build]\n")


def test_the_settings_of_the_docstring_are_settings(tmp_path: Path) -> None:
    from flyreel.build import plan

    assert plan.__doc__ is not None
    text = plan.__doc__[plan.__doc__.index("[build]") :]
    made = planned(tmp_path, text)
    assert made.name == "harbour questions" and made.methods == ("mcq", "extractive")
    assert (made.split.train, made.split.val, made.split.test) == (0.8, 0.1, 0.1)
    assert made.card.licence == "CC BY 4.0"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[build]\nmetods = ['mcq']", "build.metods: no such setting. Did you mean methods"),
        ("[build.split]\ntrian = 1", "build.split.trian: no such setting. Did you mean train?"),
        ("[build.card]\nlicense = 'x'", "build.card.license: no such setting. Did you mean licence"),
        ("[build]\ncount = 0", "build.count: Input should be greater than or equal to 1"),
        ("[build]\nrefine = 'often'", "build.refine: Input should be"),
        ("[build]\nmethods = []", "build.methods: "),
        ("[build\n", "cannot be read"),
    ],
)
def test_a_wrong_setting_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        planned(tmp_path, text)
    assert said in str(caught.value) and "\n" not in str(caught.value)
