"""The evaluation report: from what an evaluation saved to one HTML file that loads nothing.

Every accuracy stands beside its interval, its chance and how much of the set it is about: a number over the questions
whose clips could be had is not a number over the set.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from flyreel.audit.summary import counted, percent
from flyreel.evaluate import store
from flyreel.evaluate.scores import letter
from flyreel.evaluate.summary import because, counts_said
from flyreel.evaluate.summary import points as said_points
from flyreel.evaluate.views import VIEWS
from flyreel.report.frames import Films
from flyreel.report.page import environment
from flyreel.schema import Prediction
from flyreel.tables import write_text

CARDS = 12
"""Of each kind."""

UNREAD_MUCH = 0.02


def write_report(folder: Path, output: Path | None = None) -> Path:
    """Render a saved evaluation; the path of the page."""
    return write_text(output or folder / "report.html", render(store.load(folder), Films.beside(folder)))


def render(saved: store.Saved, films: Films = Films({})) -> str:
    told = saved.summary
    return environment().get_template("evaluation.html.jinja").render(
        e=told,
        source=told.get("name") or Path(told["source"]).name,
        verdict=verdict(told),
        lede=_lede(told),
        warnings=_warnings(told),
        views=VIEWS,
        counts_said=counts_said,
        reach=_reach(told),
        categories=_categories(told),
        cards=_cards(saved, films),
        how=json.dumps(told["how"], indent=1, ensure_ascii=False),
    )  # fmt: skip


def verdict(told: Mapping[str, Any]) -> str:
    """The best of the full views, with what it is compared to."""
    if not told["with_choices"]:
        return f"{counted(told['questions'], 'open-ended question')}: how near the answers come is in the table below."
    best = _best(told)
    if best is None:
        return "No question was answered with its clip in sight: nothing here says how well a model watches."
    e = told["models"][best]["views"]["full"]["accuracy"]
    every = counted(told["with_choices"], "question")
    of = f"all {every}" if e["n"] == told["with_choices"] > 1 else f"{e['n']:,} of {every}"
    return (
        f"{best} answers {percent(e['accuracy'])} of {of} (95% interval {100 * e['ci95'][0]:.1f} to "
        f"{100 * e['ci95'][1]:.1f}), where chance is {percent(e['chance'])}."
    )


def _best(told: Mapping[str, Any]) -> str | None:
    """The model whose full view is right most often; the first of equals."""
    found = {n: a["views"]["full"] for n, a in told["models"].items() if a["views"].get("full", {}).get("accuracy")}
    return max(found, key=lambda name: found[name]["accuracy"]["accuracy"], default=None)


def _lede(told: Mapping[str, Any]) -> str:
    """What of the number in the verdict is due to watching, where that was measured."""
    if not told["with_choices"]:
        return "An open-ended question is asked in one view, so what watching adds is not measured."
    best = _best(told)
    adds = told["models"][best]["adds"] if best is not None else {}
    if added := adds.get("vision") or adds.get("scene"):
        return f"For {best}, watching adds {said_points(added)} to what the {added['over']} view gets."
    return "Whether that is due to watching was not measured: --controls asks the same questions with less in sight."


def _warnings(told: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a reader who stops at the top must not miss, a line for each model."""
    found = []
    for name, about in told["models"].items():
        missing, unread = {}, {}
        free = {"open-ended": about["open"]} if about.get("open") else {}
        for view, v in {**about["views"], **free}.items():
            lacking = {why: k for why, k in v["unasked"].items() if why != "one-frame"}
            if lacking:
                missing[view] = f"{sum(lacking.values()):,} of {v['coverage']['questions']:,}{because(lacking)}"
            if v.get("unread_rate") and v["unread_rate"] > UNREAD_MUCH:
                unread[view] = f"{percent(v['unread_rate'])}{because(v['unread'])}"
        for title, by_view in (("Not the whole set was asked", missing), ("Replies that cannot be read", unread)):
            if by_view:
                found.append((title, f"{name}: {'; '.join(f'{view} {text}' for view, text in by_view.items())}"))
        blind = about["views"].get("blind", {}).get("accuracy")
        if blind and blind["ci95"][0] > blind["chance"]:
            share = f"{percent(blind['accuracy'])} from the question alone, chance {percent(blind['chance'])}"
            found.append(("Answered blind", f"{name} gets {share}"))
    return found


def _reach(told: Mapping[str, Any]) -> float:
    """Half the width of the plot of differences: the same for all, and never less than five points."""
    found = [abs(x) for about in told["models"].values() for a in about["adds"].values() for x in a["ci95"]]
    return max([0.05, *found])


def _categories(told: Mapping[str, Any]) -> list[dict[str, Any]]:
    """By category, what each model gets in the full view."""
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for name, about in told["models"].items():
        full = about["views"].get("full")
        for category, estimate in (full["categories"] if full else {}).items():
            rows[category].append({"model": name, **estimate})
        if full and full["hard"]:
            rows["hard questions"].append({"model": name, **full["hard"]})
    return [{"name": name, "rows": found} for name, found in rows.items()]


Chooses = Callable[[dict[str, Prediction], int], bool]

KINDS: dict[str, tuple[str, Chooses]] = {
    "unread": ("Replies that cannot be read", lambda by, key: by["full"].asked and by["full"].answer is None),
    "wrong": ("Wrong with the clip in sight", lambda by, key: by["full"].answer not in (None, key)),
    "blind": (
        "Right from the question alone, and wrong with the clip in sight",
        lambda by, key: "blind" in by and by["blind"].answer == key and by["full"].answer not in (None, key),
    ),
}


def _cards(saved: store.Saved, films: Films) -> list[dict[str, Any]]:
    """A few questions of each kind, for the first model that has the full view."""
    q = saved.questions
    by_question: dict[str, dict[str, Prediction]] = defaultdict(dict)
    model = next((p.model for p in saved.predictions if p.view == "full"), None)
    for p in saved.predictions:
        if p.model == model:
            by_question[p.question][p.view] = p
    found = []
    used: set[int] = set()
    for kind in ("unread", "blind", "wrong"):
        title, wanted = KINDS[kind]
        rows = [
            i for i in q.choice_rows
            if i not in used and "full" in by_question[q.ids[i]] and wanted(by_question[q.ids[i]], int(q.answer[i]))
        ]  # fmt: skip
        used |= set(rows[:CARDS])
        if rows:
            cards = [_card(saved, int(i), by_question[q.ids[i]], films) for i in rows[:CARDS]]
            found.append({"title": title, "model": model, "n": len(rows), "cards": cards})
    return found


def _card(saved: store.Saved, i: int, by_view: Mapping[str, Prediction], films: Films) -> dict[str, Any]:
    q = saved.questions
    full = by_view["full"]
    return {
        "id": q.ids[i],
        "category": q.strings("category")[i],
        "question": q.texts[i],
        "film": films.of(q.strings("clip")[i], q.texts[i]),
        "reply": full.reply[:600],
        "failure": full.failure,
        "choices": [
            {"letter": letter(j), "text": text, "key": j == q.answer[i], "picked": j == full.answer}
            for j, text in enumerate(q.choices_of(i))
        ],
        "others": [
            f"{view}: {letter(p.answer) if isinstance(p.answer, int) else p.failure}"
            for view, p in by_view.items() if view != "full"
        ],
    }  # fmt: skip
