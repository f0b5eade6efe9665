"""The audit report: from what an audit saved to one HTML file that loads nothing.

Plots are HTML and CSS, not pictures: they keep their text size on a phone and take the colours of the reader's theme.
All text from data goes through Jinja's autoescape; nothing in the template is marked safe.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from flyreel.audit import store, summary
from flyreel.audit.probe import probes
from flyreel.report.frames import Films
from flyreel.tables import write_text

WEAKEST = 50
PROBLEMS = 100
BINS = 10
NO_FILMS = Films({})


def write_report(folder: Path, output: Path | None = None) -> Path:
    """Render a saved audit; the path of the page."""
    return write_text(output or folder / "report.html", render(store.load(folder), Films.beside(folder)))


def environment() -> jinja2.Environment:
    """For every page: all text from data is escaped, and a name that a page lacks is an error."""
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("flyreel.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["percent"] = lambda rate: "–" if rate is None else summary.percent(rate)
    made.filters["points"] = lambda share: "–" if share is None else points(share)
    made.filters["count"] = lambda n: f"{n:,}"
    made.filters["noun"] = summary.counted
    made.filters["p"] = lambda p: "–" if p is None else ("< 0.0001" if p < 1e-4 else f"{p:.4f}")
    return made


def points(share: float) -> str:
    """A difference of two rates, with its sign."""
    return f"{100 * share:+.1f}".replace("-", "−")


def render(saved: store.Saved, films: Films = NO_FILMS) -> str:
    found = saved.summary
    probes_found = dict(sorted(found["probes"].items(), key=lambda item: item[0] not in ("shortcut", "blind")))
    return (
        environment()
        .get_template("audit.html.jinja")
        .render(
            audit=found,
            probes=probes_found,
            accuracy=_accuracy_rows(probes_found),
            categories=_categories(saved),
            histogram=_histogram(saved),
            cards=_cards(saved, films),
            problems=found["problems"][:PROBLEMS],
            how=json.dumps(found["how"], indent=1, ensure_ascii=False),
        )
    )


def _accuracy_rows(found: dict[str, Any]) -> list[dict[str, Any]]:
    """One row an accuracy: every probe, and beside shortcut its variants and its control."""
    rows = []
    for name, p in found.items():
        if p["accuracy"] is None:
            continue
        leak = probes.get(name).facts["leak"]
        rows.append({"name": name, "of": p["solver"], "kind": "leak" if leak else "scene", **p})
        for label, variant in p.get("variants", {}).items():
            rows.append({"name": label, "of": "", "kind": "variant", **variant})
        if p.get("control"):
            rows.append({"name": "control", "of": "shuffled keys", "kind": "control", **p["control"]})
    return rows


def _categories(saved: store.Saved) -> dict[str, Any] | None:
    """Weak share by category, for the probe that beats chance by most."""
    names = saved.questions.strings("category")
    found = [n for n, p in saved.summary["probes"].items() if p["accuracy"] is not None and probes.get(n).facts["leak"]]
    if len(set(names)) < 2 or not found:
        return None
    probe = max(found, key=lambda n: saved.summary["probes"][n]["excess_ci95"][0])
    category = dict(zip(saved.questions.ids, names, strict=True))
    weak: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for row in saved.findings:
        if row["probe"] == probe and row["verdict"] != "unknown":
            total[category[row["question"]]] += 1
            weak[category[row["question"]]] += row["verdict"] == "weak"
    rows = [{"name": c or "(none)", "n": n, "share": weak[c] / n} for c, n in total.most_common(20)]
    return {"probe": probe, "rows": sorted(rows, key=lambda r: -r["share"]), "chance": saved.summary["chance"]}


def _histogram(saved: store.Saved) -> dict[str, Any] | None:
    """Where the text model's probability of the key lies; a set that gives nothing away piles up around chance."""
    name = next((n for n in ("shortcut", "blind") if n in saved.summary["probes"]), None)
    scores = [r["score"] for r in saved.findings if r["probe"] == name and r["score"] is not None]
    if not scores:
        return None
    counts, edges = np.histogram(scores, bins=BINS, range=(0, 1))
    bins = [{"low": float(a), "high": float(b), "n": int(n), "height": float(n / counts.max())}
            for n, a, b in zip(counts, edges, edges[1:], strict=False)]  # fmt: skip
    return {"probe": name, "bins": bins, "chance": saved.summary["chance"], "median": float(np.median(scores))}


def _cards(saved: store.Saved, films: Films) -> list[dict[str, Any]]:
    by_question: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in saved.findings:
        by_question[row["question"]].append(row)
    at = {id: i for i, id in enumerate(saved.questions.ids)}
    cards = []
    for id in summary.weakest(saved.findings, WEAKEST):
        i = at[id]
        given = _probabilities(by_question[id])
        choices = [
            {"text": text, "key": j == saved.questions.answer[i], "p": given[j] if given else None}
            for j, text in enumerate(saved.questions.choices_of(i))
        ]
        weak = [r for r in by_question[id] if r["verdict"] == "weak" and probes.get(r["probe"]).facts["leak"]]
        cards.append(
            {
                "id": id,
                "question": saved.questions.texts[i],
                "category": saved.questions.strings("category")[i],
                "film": films.of(saved.questions.strings("clip")[i], saved.questions.texts[i]),
                "choices": choices,
                "reasons": [f"{r['probe']}: {r['reason']}" for r in weak if r["reason"]],
            }
        )
    return cards


def _probabilities(rows: list[dict[str, Any]]) -> list[float] | None:
    """What the choices got: from the text model if it ran, else from the language model."""
    for name in ("shortcut", "blind"):
        for row in rows:
            if row["probe"] == name and row["computed_from"]:
                source = json.loads(row["computed_from"])
                given = source.get("probabilities") or next(
                    (m.get("probabilities") for m in source.values() if isinstance(m, dict)), None
                )
                if given:
                    return list(given)
    return None
