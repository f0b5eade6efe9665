"""TGIF-QA's four tasks, tab-separated though the files are named .csv.

The description column of frameqa is the caption that the question was made from: it gives the answer away, so it is
left behind here and no model ever sees it.
"""

from __future__ import annotations

from collections.abc import Iterable

from flyreel.formats.base import Draft, formats
from flyreel.formats.containers import Record, Sample
from flyreel.formats.fields import index, numbered

FRAMEQA_TYPES = {"0": "object", "1": "number", "2": "colour", "3": "location"}


@formats.add("tgif-qa")
class TgifQA:
    """TGIF-QA action, transition, count and frameqa (tab-separated: gif_name, question, a1 … a5, answer, vid_id)."""

    unique_ids = False

    def recognises(self, sample: Sample) -> bool:
        return sample.has("gif_name", "question", "answer")

    def drafts(self, record: Record) -> Iterable[Draft]:
        v = record.values
        draft = {
            "id": f"{v.get('vid_id') or v.get('gif_name')}-{v.get('key', record.row)}",
            "question": v.get("question"),
            "clip": v.get("gif_name"),
        }
        if "a1" in v:
            draft["choices"] = numbered(v, [f"a{i}" for i in range(1, 10)])
            draft["answer"] = index(v.get("answer"))
            draft["category"] = str(v.get("vid_id", "")).rstrip("0123456789").lower()
        else:
            draft["answer"] = str(v.get("answer", ""))
            draft["category"] = FRAMEQA_TYPES.get(str(v.get("type")), "frameqa") if "type" in v else "count"
        yield draft
