"""What the two evaluation harnesses share: code beside the data, and the dialogue as subtitles.

The code comes from templates into which only the plain name of the set goes. Questions, choices and categories stay in
data files and are read as data. How a reply is read is a file of its own beside the rest, the same for both.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from flyreel.clips import Clips
from flyreel.formats.export import Parcel
from flyreel.schema import SPOKEN
from flyreel.tables import write_text

ROOT = "FLYREEL_VIDEO_ROOT"
"""The environment variable that names the folder the videos lie in."""

ASK = "Exactly one option is right. Answer with the letter of the right option."


READER = "flyreel_replies/__init__.py"
"""Where the generated code finds `read(reply, choices)`, from its own folder."""


def task_name(name: str) -> str:
    """What a set is called there. Both harnesses have benchmarks of their own and take those first, without a word, so
    a set that is called as one of them would get the numbers of another."""
    assert re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII), name
    return name if name.startswith("flyreel_") else f"flyreel_{name}"


def write_reader(folder: Path) -> None:
    """flyreel's own reader of replies, copied whole: a model gets the same score there as here."""
    target = (folder / READER).parent
    for file in sorted(resources.files("flyreel.replies").iterdir(), key=lambda f: f.name):
        if file.name.endswith(".py") and file.name != "__init__.py":
            text = file.read_text(encoding="utf-8").replace("from flyreel.replies import", "from . import")
            write_text(target / file.name, text.replace("from flyreel.replies.", "from ."))
    write_text(folder / READER, _rendered("reply"))


def code(template: str, name: str) -> str:
    """Python for one set, called by its `task_name`; it needs what `write_reader` writes in the same folder."""
    return _rendered(template, name=name, root=ROOT, ask=ASK, reader=READER)


def _rendered(template: str, **values: str) -> str:
    import jinja2

    folder = resources.files("flyreel.formats") / "templates"
    loader = jinja2.FunctionLoader(lambda part: (folder / part).read_text(encoding="utf-8").rstrip("\n"))
    environment = jinja2.Environment(loader=loader, undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    return environment.get_template(f"{template}.py.jinja").render(values) + "\n"


def subtitles(row: Mapping[str, Any], spoken: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    """What is said, a line each: of the question's own cues, or of its clip's where the question has none."""
    cues = row.get("cues") or spoken.get(row.get("clip") or "", ())
    said = sorted((c for c in cues if c["kind"] in SPOKEN), key=lambda c: (c["start"], c["end"]))
    return [f"[{c['start']:.1f}-{c['end']:.1f}] {_quoted(c)}" for c in said]


def cues_of(clips: Clips) -> dict[str, Sequence[Mapping[str, Any]]]:
    return dict(zip(clips.ids, clips.cues, strict=True))


def _quoted(cue: Mapping[str, Any]) -> str:
    speaker = f"{cue['speaker']}: " if cue.get("speaker") else ""
    return json.dumps(speaker + cue["text"], ensure_ascii=False)


def where(parcel: Parcel, lines: Sequence[str]) -> list[str]:
    """`lines` with the variable named that makes them true on another machine."""
    without = sum(1 for row in parcel.rows if not row.get("clip"))
    found = [*lines, f"The videos are looked for below the folder in {ROOT}: set it to where they lie"]
    if without:
        found.append(f"{without:,} questions name no clip and are asked without a video")
    return found


def spoken_note(n: int) -> list[str]:
    return [f"{n:,} questions show their dialogue as subtitles; the blind form shows none"] if n else []
