"""Prompts are files beside the code that sends them, with a version in their front matter.

    ---
    version: 1
    ---
    ## system
    …
    ## user
    … {{ question }} …

Text from data is put in as it is, once; Jinja never reads it as a template.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

_SECTION = re.compile(r"^## (system|user|assistant)\s*$", re.M)


@dataclass(frozen=True)
class Prompt:
    name: str
    version: str
    sections: tuple[tuple[str, Any], ...]

    def messages(self, **values: Any) -> tuple[dict[str, str], ...]:
        return tuple({"role": role, "content": t.render(**values).strip()} for role, t in self.sections)


@cache
def load(package: str, name: str) -> Prompt:
    import jinja2

    text = (resources.files(package) / "prompts" / f"{name}.md.jinja").read_text(encoding="utf-8")
    front, _, body = text.removeprefix("---\n").partition("\n---\n")
    version = dict(line.split(": ", 1) for line in front.splitlines())["version"]
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    parts = _SECTION.split(body)[1:]
    sections = zip(parts[::2], parts[1::2], strict=True)
    return Prompt(name, version, tuple((role, environment.from_string(part)) for role, part in sections))


def digest(*packages: str) -> str:
    """Of all prompts of these packages: what a reply depends on beside the model and the data."""
    files = [f for p in packages for f in (resources.files(p) / "prompts").iterdir() if f.name.endswith(".jinja")]
    told = sorted((f.name, f.read_text(encoding="utf-8")) for f in files)
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def quote(value: Any) -> str:
    """Text from data as it stands in a prompt: one line, between quotes that it cannot close."""
    return json.dumps(value, ensure_ascii=False)
