"""Clusters that came to the same template are one template.

Compared are the prototypes, without who is asked about. The larger cluster's name, prototype and category stand; the
examples of both are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flyreel.audit.likeness import Form, near
from flyreel.generate.templates.embed import Space, products
from flyreel.generate.templates.naming import Draft
from flyreel.generate.templates.roles import frame


def merged(drafts: Sequence[Draft], space: Space) -> list[Draft]:
    """The largest first. Each is compared with those already kept, so that likeness does not run along a chain."""
    ranked = sorted(drafts, key=lambda d: (-d.size, d.clusters))
    frames = [frame(d.template.question) for d in ranked]
    rows = space.encode(frames)
    likeness = products(rows, rows)
    kept: dict[int, Draft] = {}
    for i, draft in enumerate(ranked):
        same = next((j for j in kept if likeness[i, j] >= space.alike or says_the_same(frames[i], frames[j])), None)
        if same is None:
            kept[i] = draft
        else:
            kept[same] = _joined(kept[same], draft)
    return _told_apart(sorted(kept.values(), key=lambda d: (-d.size, d.clusters)))


def says_the_same(a: str, b: str) -> bool:
    """Near by their words, and neither is the other with more to it: "what does someone do" is another kind than "what
    does someone do after someone sits down". Of two answers the longer would be the shorter with trimmings."""
    one, other = Form.of(a), Form.of(b)
    return near(one, other) and (one.words == other.words or not (one.words <= other.words or other.words <= one.words))


def _joined(larger: Draft, smaller: Draft) -> Draft:
    examples = tuple(dict.fromkeys((*larger.template.examples, *smaller.template.examples)))
    clusters = (*larger.clusters, *smaller.clusters)
    return replace(
        larger, template=replace(larger.template, examples=examples), size=larger.size + smaller.size, clusters=clusters
    )


def _told_apart(drafts: Sequence[Draft]) -> list[Draft]:
    """Two kinds may have been given one name, which a file of templates cannot hold."""
    taken: set[str] = set()
    out = []
    for draft in drafts:
        name, n = draft.template.name, 1
        while _key(name) in taken:
            n += 1
            name = f"{draft.template.name} ({n})"
        taken.add(_key(name))
        out.append(replace(draft, template=replace(draft.template, name=name)))
    return out


def _key(name: str) -> str:
    return " ".join(name.casefold().split())
