"""flyreel split: train, val and test, with nothing on both sides."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def split(
    file: Annotated[Path, typer.Argument(help="A question file, or a project folder.")],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", help="Folder (default: NAME.split here; in a project, reports/split)."),
    ] = None,
    train: Annotated[float, typer.Option(help="Share of the questions; 0 leaves the split out.")] = 0.8,
    val: Annotated[float, typer.Option(help="The same for val.")] = 0.1,
    test: Annotated[float, typer.Option(help="The same for test.")] = 0.1,
    seed: Annotated[int, typer.Option(help="Another seed is another split of the same sizes.")] = 0,
    refined: Annotated[
        Path | None,
        typer.Option(help="A refinement's folder: what waits in its queue.jsonl stays out of val and test "
                     "(default: NAME.refine beside the file, or the project's own queue)."),
    ] = None,
    audit: Annotated[
        Path | None,
        typer.Option(help="An audit's folder, to pick the hard questions from (default: NAME.audit beside the file, or "
                     "the project's last one)."),
    ] = None,
    missed_by: Annotated[
        list[str] | None,
        typer.Option(help="Hard is what this model misses with every cue; may be given again (default: all asked)."),
    ] = None,
    by_category: Annotated[
        bool, typer.Option("--by-category", help="Hold the shares within every category, as far as groups allow.")
    ] = False,
    copies_may_cross: Annotated[
        bool,
        typer.Option("--copies-may-cross", help="Hold groups and clips only, for templates that every film repeats."),
    ] = False,
    format: Annotated[str | None, typer.Option(help="Name the format instead of having it recognised.")] = None,
    map: Annotated[
        str | None, typer.Option(help="Columns of any CSV or JSONL: question=…,choices=a+b+c,answer=…,group=…")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")] = False,
) -> None:  # fmt: skip
    """Divide questions into train, val and test; no film, clip or near copy on both sides."""
    from flyreel.cli.console import note, print_json
    from flyreel.split.run import Request, run

    done = run(
        Request(
            file=file, out=out, train=train, val=val, test=test, seed=seed, refined=refined, audit=audit,
            missed_by=tuple(missed_by or ()), by_category=by_category, copies_may_cross=copies_may_cross,
            format=format, map=map,
        )
    )  # fmt: skip
    if done.problems:
        rows = "broken row is" if done.problems == 1 else "broken rows are"
        note(f"  {done.problems:,} {rows} in no split; flyreel audit {file} names them")
    if json:
        print_json(done.told)
    else:
        print("\n".join(lines(done.told, done.folder)))


def lines(told: dict[str, Any], folder: Path) -> list[str]:
    from flyreel.audit.summary import counted, percent

    many = ", ".join(counted(told[f"{noun}s"], noun) for noun in ("question", "group", "unit"))
    found = [f"{many} that may not be divided; the largest has {counted(told['largest_unit'], 'question')}"]
    for name, part in told["splits"].items():
        missing = "" if part["questions"] else "   EMPTY: all its questions wait in the review queue"
        found.append(
            f"  {name:<10} {part['questions']:>7,}  {percent(part['share']):>6} of {percent(part['asked'])} asked, "
            f"{counted(part['groups'], 'group')}{missing}"
        )
    found.append(_hard(told["hard"]))
    if n := told["left_out"]["questions"]:
        reasons = ", ".join(f"{reason} {n:,}" for reason, n in told["left_out"]["reasons"].items())
        found.append(f"  {'left out':<10} {n:>7,}  wait in the queue {told['queue']}: {reasons}")
    found += [f"  {'check':<10} {_check(told['check'])}", f"written to {folder}", _next(told, folder)]
    return found


def _hard(hard: dict[str, Any]) -> str:
    if not hard["made"]:
        return f"  {'hard':<10} {hard['why']}"
    parts = " and ".join(f"{hard[name]:,} of {name}" for name in ("val", "test"))
    because = ", ".join(f"{why} {n:,}" for why, n in hard["undecided_because"].items())
    undecided = f"; {hard['undecided']:,} undecided ({because})" if because else ""
    return f"  {'hard':<10} {hard['questions']:>7,}  {parts}, missed by {', '.join(hard['missed_by'])}{undecided}"


def _check(check: dict[str, int]) -> str:
    found = [f"{n:,} {name.replace('_', ' ')}" for name, n in check.items() if n]
    return "; ".join(found) if found else "no group, clip or near copy in two splits"


def _next(told: dict[str, Any], folder: Path) -> str:
    if told["left_out"]["questions"]:
        return "next: decide the questions in the review queue, then run the same command again"
    if not told["hard"]["made"]:
        return "next: flyreel audit with --model, then the same command with --audit, for the hard questions"
    return f"next: flyreel audit {folder / ('test.jsonl' if 'test' in told['splits'] else 'train.jsonl')}"
