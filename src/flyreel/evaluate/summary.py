"""An evaluation as a terminal shows it: every number beside its interval, its chance and what is not in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flyreel.audit.summary import counted, percent


def lines(summary: Mapping[str, Any]) -> list[str]:
    chance = f", chance {percent(summary['chance'])}" if summary["chance"] is not None else ""
    which = f" of split {summary['split']}" if summary["split"] else ""
    found = [f"{counted(summary['questions'], 'question')}{which}, {counted(summary['groups'], 'group')}{chance}"]
    for name, about in summary["models"].items():
        found += [name, *_views(about), *_adds(about)]
        if open_ended := about.get("open"):
            found += [f"  {line}" for line in open_lines(open_ended)]
    found += [_against(c) for c in summary["comparisons"]]
    if n := len(summary["problems"]):
        kinds = ", ".join(sorted({p["reason"] for p in summary["problems"]}))
        found.append(f"  {'problems':<12} {counted(n, 'row')} with problems: {kinds}")
    return found


def _views(about: Mapping[str, Any]) -> Iterator[str]:
    for view, told in about["views"].items():
        coverage = told["coverage"]
        of = f"{coverage['asked']:,} of {coverage['questions']:,} asked"
        if told["accuracy"] is None:
            yield f"  {view:<12} {'–':>6}   {of}{because(told['unasked'])}"
            continue
        says = f"{of}{because(told['unasked'])}; {told['strict']['accuracy'] * 100:.1f}% in the form asked for"
        unread = f"; {percent(told['unread_rate'])} cannot be read{because(told['unread'])}" if told["unread"] else ""
        yield f"  {view:<12} {_estimate(told['accuracy'])}   {says}{unread}"
        if view == "full":
            for name, estimate in told["categories"].items():
                yield f"    {name[:40]:<40} {_estimate(estimate)}   of {estimate['n']:,}"
            if told["hard"]:
                yield f"    {'hard questions':<40} {_estimate(told['hard'])}   of {told['hard']['n']:,}"


def _estimate(estimate: Mapping[str, Any]) -> str:
    low, high = estimate["ci95"]
    return f"{percent(estimate['accuracy']):>6}  [{100 * low:.1f}, {100 * high:.1f}]"


def because(reasons: Mapping[str, int]) -> str:
    """Reasons and their counts, in brackets; nothing where there are none."""
    return f" ({', '.join(f'{reason} {n:,}' for reason, n in reasons.items())})" if reasons else ""


def _adds(about: Mapping[str, Any]) -> Iterator[str]:
    for what, told in about["adds"].items():
        yield f"  {what + ' adds':<24} {points(told)} over {told['over']}, on {counted(told['questions'], 'question')}"


def points(told: Mapping[str, Any]) -> str:
    low, high = told["ci95"]
    return f"{100 * told['difference']:+.1f} points  [{100 * low:+.1f}, {100 * high:+.1f}]"


def _against(told: Mapping[str, Any]) -> str:
    p = "p < 0.0001" if told["p_value"] < 1e-4 else f"p {told['p_value']:.4f}"
    alone = f"{told['only_b']:,} and {told['only_a']:,}"
    return (
        f"{told['b']} against {told['a']} ({told['view']}): {points(told)}, on "
        f"{counted(told['questions'], 'question')}; only one of them right: {alone}, {p}"
    )


def open_lines(told: Mapping[str, Any]) -> Iterator[str]:
    """Open-ended answers: words first, then counts, then what a judge says."""
    coverage = told["coverage"]
    of = f"{coverage['answered']:,} of {coverage['questions']:,} answered"
    yield f"{'open-ended':<12} {of} in the view {told['view']}{because(told['unasked'])}"
    for name in ("exact", "token_f1", "judge"):
        if told.get(name):
            yield f"  {name.replace('_', ' '):<12} {_estimate(told[name])}   of {told[name]['n']:,}"
    if told.get("unjudged"):
        yield f"  {'unjudged':<12} {told['unjudged']:,}   the judge gave no verdict"
    if told.get("bleu"):
        yield f"  {'BLEU':<12} {told['bleu']['score']:.2f}   {told['bleu']['signature']}"
    elif told.get("bleu_note"):
        yield f"  {'BLEU':<12} {'–':>6}   {told['bleu_note']}"
    if told.get("counts"):
        yield f"  {'counts':<12} {counts_said(told['counts'])}"


def counts_said(counts: Mapping[str, Any]) -> str:
    """The error is over the replies that say a number, so it never stands without how many those are."""
    if counts["mse"] is None:
        return f"no number in any of {counts['n']:,} replies"
    read = counts["n"] - counts["unread"]
    of = f"{read:,} read of {counts['n']:,}"
    return f"mean squared error {counts['mse']:.2f} of {of}; always the mean: {counts['baseline']:.2f}"
