"""flyreel: video questions that cannot be answered without watching.

Names are imported on first use, so that `import flyreel` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "Clip": "flyreel.schema",
    "Cue": "flyreel.schema",
    "Finding": "flyreel.schema",
    "Prediction": "flyreel.schema",
    "Problem": "flyreel.schema",
    "Question": "flyreel.schema",
    "Revision": "flyreel.schema",
    "Span": "flyreel.schema",
    "Wording": "flyreel.schema",
    "Questions": "flyreel.questions",
    "FlyreelError": "flyreel.errors",
    "InputError": "flyreel.errors",
    "read": "flyreel.formats.base",
}

__all__ = sorted([*_HOMES, "__version__"])

if TYPE_CHECKING:
    from flyreel.errors import FlyreelError as FlyreelError
    from flyreel.errors import InputError as InputError
    from flyreel.formats.base import read as read
    from flyreel.questions import Questions as Questions
    from flyreel.schema import Clip as Clip
    from flyreel.schema import Cue as Cue
    from flyreel.schema import Finding as Finding
    from flyreel.schema import Prediction as Prediction
    from flyreel.schema import Problem as Problem
    from flyreel.schema import Question as Question
    from flyreel.schema import Revision as Revision
    from flyreel.schema import Span as Span
    from flyreel.schema import Wording as Wording


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'flyreel' has no attribute {name!r}")
