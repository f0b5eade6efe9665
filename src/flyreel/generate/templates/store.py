"""Templates on disk: YAML that a person may edit, and the starter set that comes with the package.

    - name: Reason for an action
      question: Why does the woman leave the room?
      category: Narrative and Plot Analysis
      examples:                        # may be left out
      - why did she go out

The file is read as a tree of marked nodes and not as values, so that every complaint names its line, and so that a
name such as `No` or `12:30` stays the text that somebody wrote.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from flyreel.errors import InputError, did_you_mean
from flyreel.tables import write_text

STARTER = "starter.yaml"
CATEGORIES = (
    "Character and Relationship Dynamics",
    "Narrative and Plot Analysis",
    "Setting and Technical Analysis",
    "Temporal",
    "Theme Exploration",
)
FIELDS = ("name", "question", "category", "examples")
NEEDED = ("name", "question", "category")
_SCALARS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("str", "bool", "int", "float", "timestamp"))
_MARK = "# flyreel templates "


@dataclass(frozen=True)
class Template:
    """A kind of question. `question` is the prototypical one; `examples` are questions of a set that are of this
    kind."""

    name: str
    question: str
    category: str
    examples: tuple[str, ...] = ()


def read(path: Path | None) -> tuple[Template, ...]:
    """In the order of the file; without a file the starter set."""
    if path is None:
        text = (resources.files("flyreel.generate.templates") / STARTER).read_text(encoding="utf-8")
        return _templates(text, STARTER)
    try:
        return _templates(path.read_bytes().decode("utf-8-sig"), str(path))
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 at byte {error.start}: save it as UTF-8") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None


def write(path: Path, templates: Iterable[Template]) -> Path:
    """What `read` gives back. The first line tells `edited` whether anybody has been at the rest since."""
    import yaml

    given = tuple(templates)
    _refuse_twins([t.name for t in given], [f"{path}: entry {i}" for i in range(1, len(given) + 1)])
    rows: list[dict[str, Any]] = []
    for t in given:
        examples = {"examples": list(t.examples)} if t.examples else {}
        rows.append({"name": t.name, "question": t.question, "category": t.category, **examples})
    body = yaml.dump(rows, Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=120)
    return write_text(path, f"{_MARK}{_digest(body)}\n{body}")


def edited(path: Path) -> bool:
    """Is something there that `write` did not leave so?"""
    try:
        first, _, body = path.read_text(encoding="utf-8").partition("\n")
    except FileNotFoundError:
        return False
    except (OSError, UnicodeDecodeError):
        return True
    return first != _MARK + _digest(body)


@cache
def _dumper() -> Any:
    """YAML folds rare line breaks into blanks where a text is not between double quotes."""
    import yaml

    class Dumper(yaml.SafeDumper):
        pass

    def text(dumper: Any, value: str) -> Any:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if value.isprintable() else '"')

    Dumper.add_representer(str, text)
    return Dumper


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


def _templates(text: str, where: str) -> tuple[Template, ...]:
    import yaml

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = f" line {mark.line + 1}:" if mark else ""
        raise InputError(f"{where}:{at} not YAML: {error.problem or error.context}") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise InputError(f"{where}: line {line}: not YAML: the character U+{_code(error.character):04X}") from None
    except (RecursionError, ValueError) as error:
        raise InputError(f"{where}: not YAML that templates could be: {type(error).__name__}") from None
    if not isinstance(root, yaml.SequenceNode):
        raise InputError(f"{where}: not a list of templates; each begins with “- name: …”")
    if not root.value:
        raise InputError(f"{where}: no templates in it")
    found = [_template(node, f"{where}: line {node.start_mark.line + 1}") for node in root.value]
    _refuse_twins([t.name for t in found], [f"{where}: line {n.start_mark.line + 1}" for n in root.value])
    return tuple(found)


def _code(character: int | str) -> int:
    """PyYAML gives the character, or its number."""
    return character if isinstance(character, int) else ord(character)


def _template(node: Any, where: str) -> Template:
    import yaml

    if not isinstance(node, yaml.MappingNode):
        raise InputError(f"{where}: not a template; it needs {', '.join(NEEDED)}")
    values: dict[str, Any] = {}
    for key, value in node.value:
        line = f"{where.rpartition(' ')[0]} {key.start_mark.line + 1}"
        name = key.value if isinstance(key, yaml.ScalarNode) else "a list or a mapping"
        if name not in FIELDS:
            raise InputError(f"{line}: a template has no {name!r}.{did_you_mean(name, FIELDS)}")
        if name in values:
            raise InputError(f"{line}: {name} is there twice")
        values[name] = _examples(value, line) if name == "examples" else _text(value, line, name)
    for name in NEEDED:
        if name not in values:
            raise InputError(f"{where}: the template has no {name}")
        if name != "category" and not values[name].strip():
            raise InputError(f"{where}: the template's {name} is empty")
    return Template(**values)


def _text(node: Any, where: str, what: str) -> str:
    """As it was written. Nothing at all after the colon is empty, which only a category may be."""
    import yaml

    if isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:null" and node.value == "":
        return ""
    if not isinstance(node, yaml.ScalarNode) or node.tag not in _SCALARS:
        raise InputError(f"{where}: {what} is not a text; put it between quotes")
    return str(node.value)


def _examples(node: Any, where: str) -> tuple[str, ...]:
    import yaml

    if not isinstance(node, yaml.SequenceNode):
        raise InputError(f"{where}: examples is not a list")
    return tuple(_text(n, f"{where.rpartition(' ')[0]} {n.start_mark.line + 1}", "an example") for n in node.value)


def name_key(name: str) -> str:
    """The same for two names that a file of templates cannot both hold."""
    return " ".join(name.casefold().split())


def _refuse_twins(names: list[str], places: list[str]) -> None:
    first: dict[str, str] = {}
    for name, place in zip(names, places, strict=True):
        key = name_key(name)
        if key in first:
            raise InputError(f"{place}: {name!r} is the name of another template too ({first[key]}); rename one")
        first[key] = place
