"""Vision reliance: what a model that reads the dialogue, and sees nothing, gets right.

A question that is weak here may still be a good question about a film; it is no question about its pictures.
"""

from __future__ import annotations

from flyreel.audit.asking import ask_everyone
from flyreel.audit.probe import Result, Setting, probe
from flyreel.questions import Questions


@probe("dialogue", reads=("question", "choices", "cues"), needs_model=True)
async def dialogue(questions: Questions, setting: Setting) -> Result:
    """A language model with the dialogue only: weak means that the pictures are not needed."""
    return await ask_everyone("dialogue", questions, setting)
