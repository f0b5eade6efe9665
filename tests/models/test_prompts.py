"""Prompts: versioned files into which data goes as data."""

from __future__ import annotations

from flyreel.models.prompts import load
from flyreel.models.scoring import LETTERS


def test_the_blind_prompt_shows_the_choices_in_order_and_no_cue() -> None:
    prompt = load("flyreel.audit", "blind")
    system, user = prompt.messages(question="Why?", choices=["red", "blue"], letters=LETTERS, cues=[])
    assert (system["role"], user["role"]) == ("system", "user")
    assert "A) red\nB) blue" in user["content"]
    assert prompt.version.isdecimal()


def test_text_that_looks_like_a_template_stays_text() -> None:
    prompt = load("flyreel.audit", "blind")
    user = prompt.messages(question="{{ 7 * 7 }} {% raw %}", choices=["{{ letters }}", "b"], letters=LETTERS, cues=[])[
        1
    ]
    assert "{{ 7 * 7 }} {% raw %}" in user["content"]
    assert "A) {{ letters }}" in user["content"]


def test_the_scene_prompt_shows_every_cue_with_its_time() -> None:
    cues = [{"start": 1.0, "end": 2.5, "kind": "dialogue", "text": "Hello.", "speaker": "Pip"},
            {"start": 3.0, "end": 4.0, "kind": "description", "text": "Pip waves.", "speaker": None}]  # fmt: skip
    user = load("flyreel.audit", "scene").messages(question="Q?", choices=["a", "b"], letters=LETTERS, cues=cues)[1]
    assert "[1.0-2.5] Pip: Hello." in user["content"]
    assert "[3.0-4.0] (described) Pip waves." in user["content"]
