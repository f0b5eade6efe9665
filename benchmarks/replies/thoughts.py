"""Replies that speak of other choices before, or after, they commit to one."""

from __future__ import annotations

from replies.choices import LETTERS, STRAY, Asked, unstopped
from replies.parts import committed, conclusion, dressed, reasoning, why_not, with_text


@committed("thought in tags")
def _(a: Asked) -> str | None:
    inside = reasoning(a)
    if a.rng.random() < 0.4:
        inside += f" Maybe {a.other}? " + a.one("No, that does not fit.", "Hmm, not quite.", "Wait, that was earlier.")
    elif a.rng.random() < 0.4:
        inside += f" So the answer is {a.letter}."
    opened, closed = a.rng.choice(
        (("<think>", "</think>"), ("<thinking>", "</thinking>"), ("◁think▷", "◁/think▷"), ("", "</think>"))
    )
    after = a.one(
        a.letter,
        with_text(a),
        f"<answer>{a.letter}</answer>",
        f"**Answer:** {a.letter}",
        f"The answer is {dressed(a)}.",
    )
    return f"{opened}\n{inside}\n{closed}\n\n{after}"


@committed("chain of thought")
def _(a: Asked) -> str | None:
    return reasoning(a, 6) + a.one(" ", "\n", "\n\n") + conclusion(a)


@committed("options one by one, then an answer")
def _(a: Asked) -> str | None:
    fits = a.one("this matches what is shown.", "supported by the subtitles.", "this fits the scene.")
    fails = "this is never shown.|contradicted by the dialogue.|the timing is off.|no sign of it.|a different scene."
    mark = a.one(") ", ". ", ": ")
    bullet = a.one("", "- ", "* ", "- **")
    rows = []
    for i, choice in enumerate(a.choices):
        verdict = fits if i == a.index else a.one(*fails.split("|"))
        shown = unstopped(choice)
        rows.append(f"{bullet}{LETTERS[i]}{mark}{shown}{'**' if bullet.endswith('**') else ''} – {verdict}")
    return f"{a.fact()}\n\n" + "\n".join(rows) + "\n\n" + conclusion(a)


@committed("elimination")
def _(a: Asked) -> str | None:
    out = [LETTERS[i] for i in a.others]
    listed = out[0] if len(out) == 1 else f"{', '.join(out[:-1])} and {out[-1]}"
    verb = "is" if len(out) == 1 else "are"
    rest = a.one(
        f"so {a.letter}.", f"so the answer is {a.letter}.", f"leaving {a.letter}.", f"which leaves only {a.letter}.",
        f"so only {a.letter} remains.", f"so it has to be {a.letter}.", f"therefore {dressed(a)}.",
        f"so {a.letter} it is.",
    )  # fmt: skip
    each = " ".join(why_not(a, i) for i in a.others)
    return a.one(
        f"{each} That leaves option {a.letter}.", f"{each} So the answer is {a.letter}.",
        f"{each} Only {a.letter} remains.", f"{listed} {verb} wrong, {rest}", f"{listed} can be ruled out, {rest}",
        f"{listed} {verb} not supported, {rest}", f"Not {a.other} because nobody says so, {rest}",
        f"It cannot be {' or '.join(out)}, {rest}", f"{a.other} is ruled out, {rest}",
        f"By elimination, {rest.removeprefix('so ')}", f"{each} Hence {a.letter}.",
    )  # fmt: skip


@committed("verdicts")
def _(a: Asked) -> str | None:
    if a.family == "true or false":
        return None
    yes, no = a.rng.choice(
        (
            ("correct", "incorrect"),
            ("\u2713", "\u2717"),
            ("\u2705", "\u274c"),
            ("Correct.", "Incorrect."),
            ("true", "false"),
            ("right", "wrong"),
        )
    )
    return "\n".join(f"{LETTERS[i]}) {c} - {yes if i == a.index else no}" for i, c in enumerate(a.choices))


@committed("this one and not that one")
def _(a: Asked) -> str | None:
    x, y = a.letter, a.other
    return a.one(
        f"{x}, not {y}.", f"{x} rather than {y}.", f"Not {y} but {x}.", f"The answer is {x}, not {y}.",
        f"{x} (not {y})", f"The answer isn't {y}, it's {x}.", f"It isn't {y}; it's {x}.",
        f"The answer is not {y} but {x}.", f"{x}. {y} is tempting but wrong.", f"{x} is correct, {y} is not.",
        f"I choose {x} over {y}.", f"Although {y} is tempting, the answer is {x}.",
        f"The answer is {x} because {y} happens in another scene.", f"{x} is better supported than {y}, so {x}.",
        f"Unlike {y}, option {x} fits the scene, so I choose {x}.",
        f"Many would say {y}, but the correct answer is {x}.", f"The answer is {x} instead of {y}.",
    )  # fmt: skip


@committed("correction")
def _(a: Asked) -> str | None:
    x, y = a.letter, a.other
    return a.one(
        f"{y}. Wait, no. Actually it's {x}.", f"{y}... no, {x}.", f"{y}, sorry, I meant {x}.",
        f"{y}. Correction: {x}.", f"I first thought {y}, but the answer is {x}.",
        f"Answer: {y}\n\nCorrection: the answer is {x}.",
        f"The answer is {y}. Hmm, let me check again. No, that is wrong. The answer is {x}.",
        f"Initially I would say {y}. On second thought, the correct answer is {x}.",
        f"{y} — wait, I misread the options. The answer is {x}.", f"Answer: {y}\nActually, no: Answer: {x}",
        f"The answer is {y}. Wait, that is not right; I change my answer to {x}.",
        f"My first guess was {y}, my final answer is {x}.", f"I said {y} before, but that was a mistake. It is {x}.",
        f"{y}? No. {x}.", f"It's {y}... scratch that, it's {x}.",
    )  # fmt: skip


@committed("letter words first, then an answer")
def _(a: Asked) -> str | None:
    start = a.one(
        "A man walks along a corridor.", "I think the clip is about a farewell.", "A close look at the frames helps.",
        "As the camera pans, we see a street.", "I see several people in the frames.",
        "Because it is dark, details are hard to see.", "Both characters are silent.", "In the clip, somebody waits.",
        "Each frame shows the same place.", "Definitely a tense scene.", "For context, the scene is set at night.",
        "Having watched the clip, I can say this much.", "Given the frames, one thing is clear.",
        "Despite the noise, the words are clear.", "Judging by the light, it is evening.", "I am an assistant.",
    )  # fmt: skip
    return f"{start} " + a.one(
        f"The answer is {dressed(a)}.",
        f"I would say {dressed(a)}.",
        f"So the answer is {with_text(a)}",
        f"My answer is {dressed(a)}.",
        f"I choose {a.letter}.",
    )


@committed("stray letters, then an answer")
def _(a: Asked) -> str | None:
    return f"{a.fact(a.rng.randint(1, 2), STRAY)} " + a.one(
        f"The answer is {dressed(a)}.",
        f"So the correct answer is {dressed(a)}.",
        f"\nAnswer: {a.letter}",
        f"I would choose {dressed(a)}.",
    )


@committed("a guess, but one")
def _(a: Asked) -> str | None:
    x = a.letter
    return a.one(
        f"I cannot see the video, but if I had to guess, I'd say {x}.", f"My best guess is {x}.",
        f"It is hard to tell, but most likely {x}.", f"I'm not certain, but the answer is probably {x}.",
        f"Without the audio I can't be sure; my best guess: {x}", f"Probably {x}.",
        f"As an AI I can't watch videos. From the subtitles alone, the best answer is {x}.",
        f"I think {x}, though I am not sure.", f"If I had to pick one, I'd pick {x}.",
        f"Unfortunately the frames are blurry. Best guess: ({x})", f"I guess {x}.",
    )  # fmt: skip


@committed("answer, then courtesy")
def _(a: Asked) -> str | None:
    d = a.one(f"The answer is {dressed(a)}.", with_text(a), f"**{a.letter}**", f"Answer: {a.letter}")
    after = a.one(
        "I hope this helps.", "Let me know if you have further questions.", "A full analysis would need the audio.",
        "I can explain further if needed.", "Do you want me to describe the scene?", "However, I cannot be fully sure.",
        "Ask me anything else about the clip.", "Feel free to share another clip.", "Can I help with something else?",
    )  # fmt: skip
    return d + a.one("\n\n", "\n") + after
