"""flyreel export: questions as other tools take them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def export(
    format: Annotated[str, typer.Argument(help="The format to write; an unknown name lists them all.")],
    file: Annotated[Path, typer.Argument(help="A question file, or a project folder.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", help="The file or folder to write (default: NAME.FORMAT here).")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Only the questions of this split.")] = None,
    name: Annotated[str | None, typer.Option(help="What tasks and classes are called.")] = None,
    title: Annotated[str | None, typer.Option(help="What people call the set.")] = None,
    licence: Annotated[str | None, typer.Option(help="Its licence, such as cc-by-4.0.")] = None,
    from_format: Annotated[
        str | None, typer.Option("--from", help="Name the format of the file instead of having it recognised.")
    ] = None,
    map: Annotated[
        str | None, typer.Option(help="Columns of any CSV or JSONL: question=…,choices=a+b+c,answer=…,group=…")
    ] = None,
    push: Annotated[
        str | None, typer.Option(metavar="OWNER/NAME", help="Push a huggingface folder to the hub; HF_TOKEN says who.")
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="What is pushed is for its owner only.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")] = False,
) -> None:  # fmt: skip
    """Write questions as another tool takes them, and say what it cannot hold."""
    from collections import Counter

    from flyreel.audit.summary import counted
    from flyreel.cli.console import note, print_json
    from flyreel.formats.base import clean
    from flyreel.formats.exporting import Request, run

    done, reading = run(
        Request(
            to=format, file=file, out=out, split=split, name=name, title=title, licence=licence,
            from_format=from_format, map=map, push=push, private=private,
        )
    )  # fmt: skip
    problems = [p.model_dump(exclude_none=True) for p in reading.problems]
    if json:
        print_json({**done.json(), "problems": problems})
        return
    print(f"{counted(done.questions, 'question')} as {done.format}: {clean(str(done.out))}")
    for field, n in done.lost.items():
        print(f"  not held   {field}, which {n:,} of them have")
    for reason, n in Counter(reason for _, reason in done.left_out).items():
        print(f"  left out   {counted(n, 'question')}: {reason}")
    if reading.problems:
        note(f"  {counted(len(reading.problems), 'broken row')} not read; flyreel audit {file} names them")
    for line in done.notes:
        print(f"  {line}")
