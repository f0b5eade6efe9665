"""Difficulty: what a model that reads every cue, dialogue and description, gets right.

`weak` means easy once the scene is known, which is as it should be; a question that nobody can answer with every cue
is either hard or broken, and a person should look.
"""

from __future__ import annotations

from flyreel.audit.asking import ask_everyone
from flyreel.audit.probe import Result, Setting, probe
from flyreel.questions import Questions


@probe("evidence", reads=("question", "choices", "cues"), needs_model=True, leak=False)
async def evidence(questions: Questions, setting: Setting) -> Result:
    """A language model with every cue: weak means answerable once the scene is known, strong means hard or broken."""
    return await ask_everyone("evidence", questions, setting)
