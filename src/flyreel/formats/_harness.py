"""What the two evaluation harnesses share: code beside the data, and the dialogue as subtitles.

The code comes from templates into which only the plain name of the set goes. Questions, choices and categories stay in
data files and are read as data.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

from flyreel.clips import Clips
from flyreel.formats.export import Parcel

ROOT = "FLYREEL_VIDEO_ROOT"
"""The environment variable that names the folder the videos lie in."""

ASK = "Exactly one option is right. Answer with the letter of the right option."

SPOKEN = ("dialogue", "asr")


def code(template: str, name: str) -> str:
    import jinja2

    assert re.fullmatch(r"[A-Za-z]\w*", name, re.ASCII), name
    folder = resources.files("flyreel.formats") / "templates"
    loader = jinja2.FunctionLoader(lambda part: (folder / part).read_text(encoding="utf-8").rstrip("\n"))
    environment = jinja2.Environment(loader=loader, undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    return environment.get_template(f"{template}.py.jinja").render(name=name, root=ROOT, ask=ASK) + "\n"


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
