"""Clusters that came to the same template are one template.

Compared are the prototypes, without who is asked about. However many words two of them share, a why is no how, and
before is not after. The larger cluster's name, prototype and category stand; the examples of both are kept.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from flyreel.audit.likeness import Form, near
from flyreel.generate.templates.embed import Space, products
from flyreel.generate.templates.naming import Draft
from flyreel.generate.templates.roles import frame
from flyreel.generate.templates.store import name_key

_ASKED = re.compile(r"\b(?:how (?:many|much)|why|how|what|whom?|whose|where|when|which|before|after|while|during)\b")


def merged(drafts: Sequence[Draft], space: Space) -> list[Draft]:
    """The largest first. Each is compared with those already kept, so that likeness does not run along a chain."""
    ranked = sorted(drafts, key=lambda d: (-d.size, d.clusters))
    frames = [frame(d.template.question) for d in ranked]
    rows = space.encode(frames)
    likeness = products(rows, rows)
    kept: dict[int, Draft] = {}
    for i, draft in enumerate(ranked):
        same = next((j for j in kept if _alike(frames[i], frames[j], likeness[i, j] >= space.alike)), None)
        if same is None:
            kept[i] = draft
        else:
            kept[same] = _joined(kept[same], draft)
    return _told_apart(sorted(kept.values(), key=lambda d: (-d.size, d.clusters)))


def _alike(a: str, b: str, near_by: bool) -> bool:
    """Two frames, and whether they lie near each other."""
    return set(_ASKED.findall(a)) == set(_ASKED.findall(b)) and (near_by or says_the_same(a, b))


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
        while name_key(name) in taken:
            n += 1
            name = f"{draft.template.name} ({n})"
        taken.add(name_key(name))
        out.append(replace(draft, template=replace(draft.template, name=name)))
    return out
