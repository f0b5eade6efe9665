"""The leaderboard page: one file that sorts and filters itself, and stays a sorted table where no script runs.

The script is held by its digest in the page's content policy, so that nothing else can run, whatever stands in a
submission. What others have printed was asked of other people's copies in other people's ways: it gets a body of its
own below what was measured, or a table of its own, and never a rank.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flyreel.audit.summary import counted, percent
from flyreel.evaluate import published
from flyreel.evaluate.leaderboard import Board, load, ranks
from flyreel.evaluate.views import ADDS
from flyreel.report.page import environment
from flyreel.tables import write_text

SCRIPT = "leaderboard.js.jinja"
GAINS = ("scene", "vision", "time")
"""Of what a view can show to be added, the columns; the others stand in a row's details."""
PARTLY = "(n, where that is not all)"


@dataclass(frozen=True)
class Column:
    """`first` is how a first click sorts; `says` is for the list below the table."""

    kind: str
    label: str
    under: str = ""
    first: str = "descending"
    says: str = ""
    key: str = ""


@dataclass(frozen=True)
class Cell:
    """`sort` is None where there is nothing to sort by; such rows stay last in both directions."""

    kind: str
    text: str = "–"
    under: str = ""
    sort: float | str | None = None
    interval: tuple[float, float] | None = None
    spoken: str = ""


def write_page(folder: Path, output: Path | None = None, with_published: Sequence[str] = ()) -> Path:
    page = render(load(folder), [published.load(name) for name in with_published])
    return write_text(output or folder / "leaderboard.html", page)


def render(board: Board, printed: Sequence[published.Published] = ()) -> str:
    made = environment()
    places = ranks(board.rows)
    order = sorted(range(len(places)), key=lambda i: (*places[i], -_accuracy(board.rows[i]), board.rows[i]["slug"]))
    rows = [board.rows[i] for i in order]
    columns = _columns(board, rows)
    same = [table for table in printed if _fits(table, board.about["categories"])]
    apart = [table for table in printed if table not in same]
    script = made.get_template(SCRIPT).render()
    return made.get_template("leaderboard.html.jinja").render(
        board=board.about,
        lead=_lead(rows, [places[i] for i in order]),
        columns=columns,
        rows=[_row(row, columns, places[i], at) for at, (i, row) in enumerate(zip(order, rows, strict=True))],
        printed=[row for table in same for row in _printed(table, columns)],
        apart=[_table_apart(table) for table in apart],
        checks=[(table, published.check(t)) for table in printed for t in table.tables],
        tolerance=published.TOLERANCE,
        absent=_absent(rows),
        pairs=_pairs([places[i] for i in order]),
        policy=base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii"),
    )


def _accuracy(row: Mapping[str, Any]) -> float:
    return float(row["views"]["full"]["accuracy"]["accuracy"])


def _lead(rows: Sequence[Mapping[str, Any]], places: Sequence[tuple[int, int]]) -> str:
    """Who is first, or that nobody can say who."""
    first = [row for row, (low, _) in zip(rows, places, strict=True) if low == 1]
    top = first[0] if first else max(rows, key=_accuracy)
    e, coverage = top["views"]["full"]["accuracy"], top["views"]["full"]["coverage"]
    partly = f", {coverage['asked']:,} of {coverage['questions']:,} asked"
    told = (
        f"{_short(top['model']['name'])}: {percent(e['accuracy'])} (95% CI {_between(e)}, chance "
        f"{percent(e['chance'])}{partly if coverage['asked'] < coverage['questions'] else ''})"
    )
    if len(rows) == 1:
        return f"{told}. One model is no comparison."
    if not first:  # over the same questions better never runs in a circle, but the rows are files that anyone may edit
        return f"No model is first, as each is beaten by another. The highest accuracy is {told}."
    if len(first) == 1:
        return f"First is {told}; every other model is beaten by at least one."
    rest = [_short(row["model"]["name"]) for row in first[1:]]
    named = " and ".join(rest) if len(rest) < 3 else f"{len(rest)} others"
    return f"{told}. Neither it nor {named} is shown to be worse than any model here."


def _short(name: str, most: int = 48) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"


def _between(e: Mapping[str, Any], digits: int = 1) -> str:
    low, high = e["ci95"]
    return f"{100 * low:.{digits}f} to {100 * high:.{digits}f}"


def _columns(board: Board, rows: Sequence[Mapping[str, Any]]) -> list[Column]:
    """Those that some row has something in."""
    full = [row["views"]["full"] for row in rows]
    found = [
        Column("rank", "Rank", first="ascending", says="the places a model may have by paired comparison, see below"),
        Column("name", "Model", first="ascending"),
        Column("accuracy", "Accuracy", says="over all questions, what was not asked or cannot be read counts as wrong; "
               "the bar and the small numbers are the 95% interval with errors clustered by group, the dotted line is "
               "chance"),
        Column("asked", "Asked", says="questions that a reply came for; the accuracy of these is in the details"),
        Column("unread", "Unread", first="ascending", says="replies that commit to no choice, of what was asked"),
        Column("estimate", "Strict", key="strict",
               says="accuracy over all questions where only a reply in the form asked for counts"),
    ]  # fmt: skip
    if any(f["hard"] for f in full):
        found.append(Column("estimate", "Hard", key="hard", says="accuracy over all questions labelled hard"))
    if any("blind" in row["views"] for row in rows):
        says = f"accuracy from the question and its choices alone, on the questions asked that way {PARTLY}"
        found.append(Column("view", "Blind", key="blind", says=says))
    for what in GAINS:
        view, says = ADDS[what]
        if any(view in row["adds"] for row in rows):
            over = f"full view minus {view} in points, with its 95% interval, on the questions asked in both {PARTLY}"
            found.append(Column("gain", f"{what.capitalize()} adds", f"over {view}", key=view, says=f"{says}: {over}"))
    categories = dict.fromkeys([*board.about["categories"], *(name for f in full for name in f["categories"])])
    found += [Column("category", name, key=name) for name in categories if any(name in f["categories"] for f in full)]
    return found


def _row(row: Mapping[str, Any], columns: Sequence[Column], place: tuple[int, int], at: int) -> dict[str, Any]:
    return {
        "id": f"d{at}",
        "name": row["model"]["name"],
        "cells": [_cell(row, column, place, at) for column in columns],
        "details": list(_details(row)),
        "url": row["model"].get("url"),
        "note": row.get("note", ""),
    }


def _cell(row: Mapping[str, Any], column: Column, place: tuple[int, int], at: int) -> Cell:
    full = row["views"]["full"]
    if column.kind == "rank":
        low, high = place
        between = f"{low}–{high}" if low < high else str(low)
        return Cell("rank", between, sort=at, spoken=f"{low} to {high}" if low < high else "")
    if column.kind == "name":
        return Cell("name", row["model"]["name"], row["model"]["kind"], sort=row["model"]["name"].casefold())
    if column.kind == "asked":
        asked, of = full["coverage"]["asked"], full["coverage"]["questions"]
        share = "all" if asked == of else percent(asked / of) if 0.0005 <= asked / of < 0.9995 else "not all"
        return Cell("asked", f"{asked:,}", f"of {of:,}, {share}" if asked < of else f"of {of:,}", sort=asked / of)
    if column.kind == "unread":
        rate = full["unread_rate"]
        return Cell("unread", percent(rate), sort=rate) if rate is not None else Cell("unread")
    if column.kind == "gain":
        told = row["adds"].get(column.key)
        if not told:
            return Cell("gain")
        low, high = told["ci95"]
        under = f"{_points(low)} to {_points(high)}{_part(told['questions'], full)}"
        return Cell("gain", _points(told["difference"]), under, told["difference"])
    if column.kind == "view":
        e = row["views"].get(column.key, {}).get("of_asked")
        return _estimate("view", e, _part(e["n"], full) if e else "")
    estimate = {
        "accuracy": lambda: full["accuracy"],
        "estimate": lambda: full[column.key],
        "category": lambda: full["categories"].get(column.key),
    }[column.kind]()
    return _estimate(column.kind, estimate, f", n {estimate['n']:,}" if column.kind == "category" and estimate else "")


def _part(n: int, full: Mapping[str, Any]) -> str:
    return f", n {n:,}" if n < full["coverage"]["questions"] else ""


def _estimate(kind: str, e: Mapping[str, Any] | None, of: str = "") -> Cell:
    if not e:
        return Cell(kind)
    under = _between(e, 1 if kind == "accuracy" else 0) + of
    return Cell(kind, percent(e["accuracy"]), under, e["accuracy"], tuple(e["ci95"]))


def _points(difference: float) -> str:
    return f"{100 * difference:+.1f}".replace("-", "−")


def _details(row: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    model, full = row["model"], row["views"]["full"]
    yield "model", f"{model['name']}, {model['kind']}"
    for key, label in (("identity", "identity"), ("parameters", "parameters")):
        if model.get(key) is not None:
            value = model[key]
            yield label, f"{value:,}" if isinstance(value, int) else value
    if row.get("settings"):
        yield "settings", ", ".join(f"{k} {_plain(v)}" for k, v in row["settings"].items())
    if full["coverage"]["asked"] < full["coverage"]["questions"]:
        e = full["of_asked"]
        yield "of what was asked", f"{percent(e['accuracy'])} ({_between(e)}), n {e['n']:,}"
    others = [(v, told["of_asked"]) for v, told in row["views"].items() if v != "full" and told["of_asked"]]
    if others:
        told = (f"{view} {percent(e['accuracy'])} ({_between(e)}{_part(e['n'], full)})" for view, e in others)
        yield "other views", ", ".join(told)
    for label, reasons in (("unread", full["unread"]), ("not asked", full["unasked"])):
        if reasons:
            yield label, ", ".join(f"{reason} {n:,}" for reason, n in reasons.items())
    yield "positions picked", ", ".join(f"{letter} {n:,}" for letter, n in full["letters"].items())
    if row.get("versions"):
        yield "versions", ", ".join(f"{name} {version}" for name, version in row["versions"].items())
    yield "added", row["added"]
    yield "submission", f"submissions/{row['slug']}.json, sha256 {row['submission_sha256'][:16]}"


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _pairs(places: Sequence[tuple[int, int]]) -> dict[str, int]:
    """Each pair that is decided moves one best place down."""
    n = len(places)
    return {"all": n * (n - 1) // 2, "decided": sum(low - 1 for low, _ in places)}


def _absent(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """What no row has, in words."""
    said = []
    if not any(row["views"]["full"]["hard"] for row in rows):
        said.append("No question is labelled hard.")
    for view in (ADDS[what][0] for what in GAINS):
        lacking = sum(view not in row["views"] for row in rows)
        if lacking:
            says = next(says for v, says in ADDS.values() if v == view)
            who = "No submission has" if lacking == len(rows) else f"{counted(lacking, 'submission')} without"
            said.append(f"{who} the view {view}; nothing there says {says}.")
    return said


def _key(name: str) -> str:
    return " ".join(name.split()).casefold()


def _fits(table: published.Published, categories: Sequence[str]) -> bool:
    return {_key(c) for c in table.categories} == {_key(c) for c in categories}


def _printed(table: published.Published, columns: Sequence[Column]) -> Iterator[dict[str, Any]]:
    at = {_key(name): i for i, name in enumerate(table.categories)}
    for one in table.tables:
        for row in sorted(one.rows, key=lambda r: -r.average):
            cells = []
            for column in columns:
                if column.kind == "name":
                    cells.append(Cell("name", row.name, _where(table, one, row), sort=row.name.casefold()))
                elif column.kind == "accuracy":
                    cells.append(_figure("accuracy", row.average))
                elif column.kind == "category":
                    cells.append(_figure("category", row.categories[at[_key(column.key)]]))
                else:
                    cells.append(Cell(column.kind))
            yield {"name": row.name, "cells": cells}


def _table_apart(table: published.Published) -> dict[str, Any]:
    columns = [Column("name", "Model", first="ascending"), Column("accuracy", "Average")]
    columns += [Column("category", name, key=name) for name in table.categories]
    return {"name": table.name, "says": table.says, "columns": columns, "rows": list(_printed(table, columns))}


def _where(table: published.Published, one: published.Printed, row: published.Row) -> str:
    return f"{table.name} {one.version}, {'people, ' if row.kind == 'people' else ''}published, not re-run"


def _figure(kind: str, points: float) -> Cell:
    """As it was printed: two decimals, and no interval, as nobody printed how many questions it is over."""
    return Cell(kind, f"{points:.2f}%", sort=points / 100)
