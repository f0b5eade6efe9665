"""flyreel fetch: the clips of a project, from where they are to where they can be read."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from flyreel.fetch.job import Row


def fetch(
    project: Annotated[Path, typer.Argument(help="The project folder.")],
    format: Annotated[str | None, typer.Option(help="What to pick, as yt-dlp's -f takes it.")] = None,
    sort: Annotated[
        str | None, typer.Option(help="What to prefer, as yt-dlp's -S takes it; in place of --height.")
    ] = None,
    height: Annotated[int, typer.Option(help="Lines of picture preferred: the best up to this, else the next.")] = 360,
    cookies: Annotated[Path | None, typer.Option(help="A Netscape cookies.txt; read and never written.")] = None,
    proxy: Annotated[str | None, typer.Option(help="http://HOST:PORT or socks5://HOST:PORT.")] = None,
    rate: Annotated[str | None, typer.Option(help="Bytes a second for the whole run, such as 2M.")] = None,
    workers: Annotated[int, typer.Option(help="Downloads at a time.")] = 4,
    timeout: Annotated[
        float, typer.Option(help="Seconds for one clip, from its first request to its last byte.")
    ] = 120,
    max_size: Annotated[str, typer.Option(help="Larger files are not fetched.")] = "500M",
    retry: Annotated[
        str | None, typer.Option(help="Statuses to try again, 'all' or 'none'; else blocked,timeout,truncated,failed.")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Fetch at most this many in this run.")] = None,
    export_video2dataset: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write the links and a configuration for video2dataset; fetch nothing."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout and nothing else.")] = False,
) -> None:
    """Download the clips of a project. What is there is not fetched again; what cannot be had is named."""
    from flyreel.cli.console import Steps, note, print_json
    from flyreel.fetch.job import Settings, retries, size
    from flyreel.fetch.run import fetch as run
    from flyreel.fetch.run import open_project
    from flyreel.video.survey import survey

    opened = open_project(project)
    settings = Settings(
        format=format, sort=sort, height=height, cookies=cookies, proxy=proxy, workers=workers, timeout=timeout,
        rate=size(rate, "--rate") if rate else None, max_size=size(max_size, "--max-size"), retry=retries(retry),
        limit=limit,
    )  # fmt: skip
    if export_video2dataset is not None:
        from flyreel.fetch.video2dataset import export

        made = export(opened, export_video2dataset, settings)
        if json:
            print_json(made)
        else:
            print(f"{made['links']:,} links in {made['urls']}. In that folder, run: {made['command']}")
        return
    got = run(opened, settings, Progress())
    survey(opened, Steps("clips measured").advance)
    if json:
        print_json({"project": str(project), "tried": got.tried, "bytes": got.bytes, **got.coverage.to_json()})
    else:
        print(got.coverage.summary())
        missing = [row for row in got.coverage.missing if row["status"] != "not-tried"]
        for row in missing[:5]:
            note(f"  {row['clip']}: {row['status']}: {row['reason']}")
        if len(missing) > 5:
            note(f"  and {len(missing) - 5:,} more; --json lists them all")
    raise typer.Exit(0 if got.coverage.complete else 1)


class Progress:
    """A line for every tenth, so that a log of many clips stays short; what came of each is in status.jsonl."""

    def __init__(self) -> None:
        self._tenth = 0
        self._counts: Counter[str] = Counter()

    def __call__(self, done: int, total: int, row: Row) -> None:
        from flyreel.cli.console import note

        self._counts[row.status] += 1
        if 10 * done // total > self._tenth:
            self._tenth = 10 * done // total
            note(f"  fetch {done:,}/{total:,}  " + ", ".join(f"{n:,} {status}" for status, n in self._counts.items()))
