"""Label Studio: tasks for people to check, and what the people said.

A choice is known to Label Studio by its letter (its alias), never by its text: the editor replaces `$5` in a text by
what the task holds under that name, and two tools may fold the spaces of a text in two ways. Results name the letter.

Everything a question has rides along in `data.flyreel`, so reading tasks back needs nothing else, and what people say
never overwrites it: it goes to `meta.review`.
"""

from __future__ import annotations

import html
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flyreel.formats.base import Broken, Draft, formats
from flyreel.formats.clip_names import folder_of
from flyreel.formats.containers import Record, Sample
from flyreel.formats.export import Parcel, exporter
from flyreel.formats.label_studio_review import NOTE, PICK, REPLY, VERDICT, VERDICTS, review
from flyreel.questions import SCHEMA
from flyreel.tables import write_text

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
SERVED = "/data/local-files/?d="
UNPLAYED = (".gif", ".avi", ".mkv", ".mov")
"""Browsers show no video of these kinds, or not all of them do."""


@formats.add("label-studio")
class LabelStudio:
    """Label Studio tasks that flyreel wrote, or its JSON export of them with annotations."""

    unique_ids = True

    def recognises(self, sample: Sample) -> bool:
        tasks = sample.has("data") and bool({"annotations", "predictions", "completions"} & set(sample.fields))
        return tasks or sample.has("flyreel", "annotation_id")

    def drafts(self, record: Record) -> Iterable[Draft]:
        task = record.values
        if "annotation_id" in task and "data" not in task:
            raise Broken("json-min", "export as JSON, which keeps what several people said of one task together")
        data = task.get("data")
        row = data.get("flyreel") if isinstance(data, dict) else None
        if not isinstance(row, dict):
            raise Broken("no-flyreel-row", "a task that flyreel export label-studio did not write")
        said = review(task)
        if said is None:
            yield row
            return
        kept = row.get("meta")
        meta: dict[str, Any] = kept if isinstance(kept, dict) else {}
        if "review" in meta:
            said["earlier"] = meta["review"]
        yield {**row, "meta": {**meta, "review": said}}


@exporter("label-studio", holds=SCHEMA.names, open_ended=True, uses=())
def label_studio(parcel: Parcel, folder: Path) -> Sequence[str]:
    """Label Studio: tasks.json to import and config.xml for the labelling interface."""
    rows = parcel.rows
    videos = _videos(parcel)
    tasks = [_task(row, videos.get(row.get("clip", ""), row.get("clip", ""))) for row in rows]
    write_text(folder / "tasks.json", json.dumps(tasks, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    write_text(folder / "config.xml", config(any("choices" not in row for row in rows)))
    return _notes(parcel, videos, {row["clip"] for row in rows if row.get("clip")})


def config(open_ended: bool) -> str:
    """The interface. Controls hang on the question, not on the video, so that a video that will not play can be said
    to be unwatchable."""
    verdicts = "\n".join(f'    <Choice value="{v.replace("-", " ")}" alias="{v}"/>' for v in VERDICTS)
    answer = f'  <TextArea name="{REPLY}" toName="question" rows="2" maxSubmissions="1"/>\n' if open_ended else ""
    return (
        "<View>\n"
        '  <Video name="video" value="$video"/>\n'
        '  <Header value="Question"/>\n'
        '  <Text name="question" value="$question"/>\n'
        f'  <Choices name="{PICK}" toName="question" choice="single-radio" value="$choices"/>\n'
        f"{answer}"
        '  <Header value="What of the question?"/>\n'
        f'  <Choices name="{VERDICT}" toName="question" choice="single-radio" showInline="true">\n'
        f"{verdicts}\n"
        "  </Choices>\n"
        '  <Header value="Note"/>\n'
        f'  <TextArea name="{NOTE}" toName="question" rows="2" maxSubmissions="1"/>\n'
        "</View>\n"
    )


def _task(row: Mapping[str, Any], video: str) -> dict[str, Any]:
    choices = [_choice(letter, text) for letter, text in zip(LETTERS, row.get("choices", ()), strict=False)]
    if choices:
        key = {"from_name": PICK, "type": "choices", "value": {"choices": [LETTERS[row["answer"]]]}}
    else:
        key = {"from_name": REPLY, "type": "textarea", "value": {"text": [row["answer"]]}}
    return {
        "data": {"video": video, "question": row["question"], "choices": choices, "flyreel": row},
        "predictions": [
            {"model_version": "key", "score": 1.0, "result": [{"id": "key", "to_name": "question", **key}]}
        ],
    }


def _choice(letter: str, text: str) -> dict[str, str]:
    """`html` is shown in place of `value`, and nothing in it is replaced."""
    shown = {"html": html.escape(text)} if "$" in text else {}
    return {"alias": letter, "value": text, **shown}


def _root(parcel: Parcel) -> Path | None:
    """What Label Studio is told to serve: one folder above the videos, as a storage may not be the root itself. Never
    the whole disk: where that is all the videos have in common, none of them is served."""
    folder = folder_of(parcel.files.values())
    return folder.parent if folder and len(folder.parts) > 2 else None


def _videos(parcel: Parcel) -> dict[str, str]:
    """Where Label Studio finds each clip: the file if there is one, else its address."""
    root = _root(parcel)
    sources = zip(parcel.clips.ids, parcel.clips.strings("source"), strict=True)
    served = {
        id: SERVED + quote(file.absolute().relative_to(root).as_posix()) for id, file in parcel.files.items() if root
    }
    return {id: source for id, source in sources if source} | served


def _notes(parcel: Parcel, videos: Mapping[str, str], clips: set[str]) -> list[str]:
    """What a person has to do in Label Studio, where nothing would tell them."""
    lines = []
    root, folder = _root(parcel), folder_of(parcel.files.values())
    if root:
        lines += [
            f"Start Label Studio with LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true and "
            f"LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT={root}",
            f"Then add {folder} to the project as a source storage of local files (without syncing it), paste "
            "config.xml as the labelling interface, and import tasks.json",
        ]
    else:
        lines.append("Paste config.xml as the labelling interface, and import tasks.json")
    if folder and not root:
        lines.append(
            f"No file is served: the folder that holds all of the videos is {folder}, and the one above it is the "
            "whole disk. Put them into one folder further down and export again"
        )
    by_address = len([id for id in clips if id in videos and not videos[id].startswith(SERVED)])
    if by_address:
        lines.append(f"{by_address:,} clips play from their address, which has to be that of a video file")
    if clips - set(videos):
        lines.append(f"{len(clips - set(videos)):,} clips have neither a file nor an address and will not play")
    endings = Counter(e for id in clips if (e := Path(videos.get(id, "")).suffix.lower()) in UNPLAYED)
    if endings:
        which = ", ".join(f"{n:,} {ending}" for ending, n in sorted(endings.items()))
        lines.append(f"Browsers may not play these clips: {which}; make them MP4 first")
    lines.append(
        "The key stands as a prediction, and in data.flyreel; for a blind check switch off that predictions prelabel "
        "tasks (Settings, Annotation), and give annotators no view of the data"
    )
    return lines
