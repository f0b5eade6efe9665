"""flyreel toybox: small films whose truth is known exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def toybox(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for clips, questions and captions.")] = Path(
        "toybox"
    ),
    clips: Annotated[int, typer.Option(min=1, help="How many clips.")] = 24,
    questions: Annotated[int, typer.Option(min=0, help="Questions a clip, at most.")] = 4,
    seed: Annotated[int, typer.Option(help="Which world: the same seed makes the same films.")] = 7,
    faults: Annotated[float, typer.Option(min=0, max=1, help="Share of questions with a planted fault.")] = 0.0,
    fault: Annotated[
        list[str] | None,
        typer.Option(help="Plant only this kind (an unknown name lists them); may be given again."),
    ] = None,
    noise: Annotated[
        str | None, typer.Option(help="Plant this mistake in captions; an unknown name lists them.")
    ] = None,
    noise_rate: Annotated[float, typer.Option(min=0, max=1, help="Share of captions with the mistake.")] = 0.4,
    width: Annotated[int, typer.Option(help="Width in pixels, 96 to 160; four to three.")] = 128,
    gif: Annotated[bool, typer.Option("--gif", help="GIF instead of MP4.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")] = False,
) -> None:
    """Make clips of a scripted world, with their cues, captions and questions."""
    from flyreel.cli.console import Steps, print_json
    from flyreel.toybox.make import Plan, make

    plan = Plan(
        seed=seed, clips=clips, questions=questions, faults=faults, kinds=tuple(fault or ()), noise=noise,
        noise_rate=noise_rate, width=width, kind="gif" if gif else "mp4",
    )  # fmt: skip
    made = make(plan, out, Steps("clips").advance)
    if json:
        print_json(made)
        return
    print(f"{made['clips']} clips, {made['seconds']:.0f} s of film: {out / 'clips'}")
    print(f"{made['questions']} questions, {made['faults']} with a planted fault: {out / 'questions.jsonl'}")
    wrong = f", {made['wrong_captions']} of them wrong on purpose" if noise else ""
    print(f"{made['clips']} captions{wrong}: {out / 'captions.jsonl'}")
