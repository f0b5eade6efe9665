"""As CinePile's fine-tune was shown its films: the first frames of shots, or equal parts where there are too few."""

from __future__ import annotations

import numpy as np

from flyreel.video.keyframes.base import Candidates, selectors
from flyreel.video.keyframes.uniform import uniform


@selectors.add("cuts")
def cuts(candidates: Candidates, k: int) -> np.ndarray:
    """The first frames of k shots at an even stride, the clip's first one among them; the query is not looked at.

    With fewer shots than k it is k equal parts, and not the cuts with something between them: a clip without a cut
    and one with a few are then looked at alike.
    """
    firsts = np.flatnonzero(np.append(True, np.diff(candidates.shots) != 0))
    if len(firsts) < k:
        return uniform(candidates, k)
    return firsts[np.arange(k) * len(firsts) // k]
