"""flyreel keyframes: the frames of a video that a question needs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def keyframes(
    video: Annotated[Path, typer.Argument(help="A video: MP4, MKV, WebM, GIF, animated WebP …")],
    query: Annotated[str, typer.Option(help="What to look for: a question, or a few words.")],
    k: Annotated[int, typer.Option("-k", help="How many frames; all of them where the video has fewer.")] = 8,
    description: Annotated[
        str | None, typer.Option(help="What else is known of the video, looked for as well.")
    ] = None,
    selector: Annotated[str, typer.Option(help="How to choose; an unknown name lists them all.")] = "flyreel",
    embedder: Annotated[
        str, typer.Option(help="What scores frames: toyclip (toybox only), or hf:NAME for a CLIP or SigLIP.")
    ] = "toyclip",
    out: Annotated[Path | None, typer.Option("-o", "--out", help="Folder for the frames and a contact sheet.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")] = False,
) -> None:
    """Find the frames of a video that a question needs."""
    from flyreel.cli.console import note, print_json
    from flyreel.video.pick import keyframes as pick

    found = pick(video, query, k, description=description, selector=selector, embedder=embedder)
    written: list[Path] = []
    if out is not None:
        from flyreel.video.sheet import write_pictures

        written = write_pictures(found, out)
    if json:
        print_json({**found.json(), **({"pictures": [str(p) for p in written]} if written else {})})
        return
    media = found.media
    print(f"{len(found.numbers)} of {media.frames:,} frames, {media.duration:.2f} s, {media.width} × {media.height}")
    for number, time, score in zip(found.numbers, found.times, found.scores, strict=True):
        print(f"  frame {number:<6} {time:8.2f} s   score {score:+.3f}")
    if written:
        print(f"pictures: {out}, side by side in {written[-1]}")
    if embedder == "toyclip":
        note("scored by toyclip, which knows only toybox; for real film: --embedder hf:openai/clip-vit-base-patch32")
