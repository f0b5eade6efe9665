"""A Deaf-Blind language model: the question and the choices, and nothing of the video."""

from __future__ import annotations

from flyreel.audit.asking import ask_everyone
from flyreel.audit.probe import Result, Setting, probe
from flyreel.questions import Questions


@probe("blind", reads=("question", "choices"), needs_model=True)
async def blind(questions: Questions, setting: Setting) -> Result:
    """A language model that sees neither pictures nor dialogue, over every cyclic ordering of the choices."""
    return await ask_everyone("blind", questions, setting)
