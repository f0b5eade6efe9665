"""flyreel ask: one question about one video."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def ask(
    video: Annotated[Path, typer.Argument(help="A video: MP4, MKV, WebM, GIF, animated WebP …")],
    question: Annotated[str, typer.Argument(help="What to ask.")],
    model: Annotated[str, typer.Option(help="http://host:port/v1[#NAME], hf:NAME or hf:FOLDER, run:FOLDER.")],
    choice: Annotated[
        list[str] | None, typer.Option(help="A choice to pick from; give two or more, or none for an open question.")
    ] = None,
    subtitles: Annotated[Path | None, typer.Option(help="SRT, WebVTT or ASS to show beside the frames.")] = None,
    k: Annotated[int, typer.Option("-k", help="How many frames are shown.")] = 8,
    selector: Annotated[str, typer.Option(help="How they are chosen; an unknown name lists them all.")] = "uniform",
    embedder: Annotated[
        str, typer.Option(help="What scores frames: toyclip (toybox only), or hf:NAME for a CLIP or SigLIP.")
    ] = "toyclip",
    size: Annotated[int, typer.Option(help="Longest side of a frame, in pixels.")] = 448,
    send: Annotated[str, typer.Option(help="frames, or video: the file itself.")] = "frames",
    max_tokens: Annotated[int, typer.Option("--max-tokens", help="Longest reply.")] = 256,
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Folder for the frames that were shown.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")] = False,
) -> None:
    """Ask a model one question about a video; says which frames it was shown."""
    from flyreel.cli.console import note, print_json
    from flyreel.evaluate import ask as asking
    from flyreel.evaluate.pictures import Choosing

    asked = asking.Request(
        video=video, question=question, model=model, choices=tuple(choice or ()), subtitles=subtitles,
        choosing=Choosing(k, selector, embedder, size), send=send, tokens=max_tokens, out=out,
    )  # fmt: skip
    done = asking.run(asked, note)
    if json:
        print_json(done.json(asked))
    else:
        print("\n".join(asking.lines(done, asked.choices)))
