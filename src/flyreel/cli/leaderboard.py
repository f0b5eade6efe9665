"""flyreel leaderboard: submissions scored again from their replies, and the page that ranks them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

leaderboard = typer.Typer(
    help="Submissions scored again from their replies, and one page that ranks them.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@leaderboard.command("add")
def add(
    file: Annotated[Path, typer.Argument(metavar="SUBMISSION", help="A submission.json.")],
    questions: Annotated[Path, typer.Option(help="The questions with their keys: a file, or a project folder.")],
    board: Annotated[Path, typer.Option(help="The board's folder; made where there is none.")],
    title: Annotated[str | None, typer.Option(help="What the board is called (default: NAME: leaderboard).")] = None,
    split: Annotated[str | None, typer.Option(help="Only the questions of this split.")] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Take the place of the same model with the same settings.")
    ] = False,
    format: Annotated[str | None, typer.Option(help="Name the format instead of having it recognised.")] = None,
    map: Annotated[
        str | None, typer.Option(help="Columns of any CSV or JSONL: question=…,choices=a+b+c,answer=…,group=…")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")] = False,
) -> None:
    """Check a submission, score it from its replies and put it on a board."""
    from flyreel.cli.console import note, print_json
    from flyreel.evaluate import leaderboard as boards
    from flyreel.formats.exporting import of_split
    from flyreel.formats.project import open_questions

    reading = open_questions(questions, format, map)
    source = questions.resolve().name if questions.is_dir() else questions.name
    asked = of_split(reading.questions, split, reading.source)
    if reading.problems:
        rows = "broken row is" if len(reading.problems) == 1 else "broken rows are"
        note(f"  {len(reading.problems):,} {rows} in no score; flyreel audit {questions} names them")
    done = boards.add(file, asked, f"{source}, split {split}" if split else source, board, title=title, replace=replace)
    if json:
        print_json({**done.row, "replaced": done.replaced, "board": str(board)})
    else:
        print("\n".join(lines(done.row, done.replaced, board)))


@leaderboard.command("build")
def build(
    board: Annotated[Path, typer.Argument(help="A board's folder.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Where to write the page (default: leaderboard.html there).")
    ] = None,
    published: Annotated[
        list[str] | None, typer.Option(help="A published table to show beside, unranked: cinepile; again for more.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")] = False,
) -> None:
    """Write the board as one page that sorts, filters and loads nothing."""
    from flyreel.cli.console import print_json
    from flyreel.report.leaderboard import write_page

    page = write_page(board, output, tuple(dict.fromkeys(published or ())))
    if json:
        print_json({"page": str(page)})
    else:
        print(page)


def lines(row: dict[str, Any], replaced: bool, board: Path) -> list[str]:
    from flyreel.audit.summary import percent

    full = row["views"]["full"]
    e, coverage = full["accuracy"], full["coverage"]
    asked = f"{coverage['asked']:,} of {coverage['questions']:,} asked"
    if coverage["asked"] < coverage["questions"]:
        asked += f" and the rest wrong, {percent(full['of_asked']['accuracy'])} of those asked"
    found = [
        f"{row['model']['name']}: {percent(e['accuracy'])} "
        f"(95% CI {100 * e['ci95'][0]:.1f} to {100 * e['ci95'][1]:.1f}, chance {percent(e['chance'])}), "
        f"{asked}, {percent(full['unread_rate'])} of them cannot be read"
    ]
    for view, told in row["adds"].items():
        low, high = told["ci95"]
        found.append(
            f"  over {view:<9} {100 * told['difference']:+.1f} points  [{100 * low:+.1f}, {100 * high:+.1f}], "
            f"on {told['questions']:,} questions"
        )
    found.append(f"{'replaced' if replaced else 'added'}: {board / 'submissions' / (row['slug'] + '.json')}")
    return [*found, f"next: flyreel leaderboard build {board} -o leaderboard.html"]
