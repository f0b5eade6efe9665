"""Replies that commit by the text of a choice, alone or beside its letter, or by its place in the list."""

from __future__ import annotations

import unicodedata

from replies.choices import FOREIGN, META, NOUNLIKE, Asked, contained, unstopped
from replies.parts import committed, why_not, with_text


def cased(a: Asked) -> str:
    text = a.text
    options = [
        text,
        text,
        text,
        text.lower(),
        text.upper(),
        text[0].upper() + text[1:],
        a.bare,
        text + ".",
        f'"{text}"',
    ]
    if a.family in NOUNLIKE and a.text not in META:
        start, _, rest = text.partition(" ")
        if start in ("a", "an", "the"):
            options += [rest, f"the {rest}", rest + ".", rest.capitalize()]
        elif text[0].islower():
            options += [f"the {text}", f"The {text}."]
    swapped = text.translate({ord(a): b for a, b in zip("“”’—\"'", '""\'-“’', strict=True)})
    options += [
        swapped,
        unicodedata.normalize("NFD", text),
        f"**{text}**",
        text.replace(" ", "  "),
        f"- {text}",
        f"{text}\n",
    ]
    return a.rng.choice(options)


def apart(a: Asked) -> bool:
    """No two choices differ by an article only."""
    return len({c.casefold().removeprefix("the ").removeprefix("a ") for c in a.choices}) == len(a.choices)


@committed("text")
def _(a: Asked) -> str | None:
    return cased(a) if apart(a) else None


@committed("text in a phrase")
def _(a: Asked) -> str | None:
    t = a.bare
    if a.family in FOREIGN or a.family in ("marks", "single letters", "yes or no", "true or false", "yes, no, other"):
        return a.one(f"Answer: {t}", f'The correct answer is "{t}".', f"**Answer:** {t}", f"The answer is: {t}")
    named = a.one(
        f"Answer: {t}",
        f"**Answer:** {t}",
        f"The correct answer is: {t}.",
        f'The correct option is "{t}".',
        f"Final answer: **{t}**",
    )
    if a.family not in NOUNLIKE or a.text in META:
        return named
    return a.one(
        named, named, f"The answer is {t}.", f"It is {t}.", f"I think it's {t}.",
        f"{t[0].upper() + t[1:]} is the correct answer.", f"Based on the video, the answer is {t}.", f"It was {t}.",
        f"My answer is {t}.", f"The correct answer is {t}.",
    )  # fmt: skip


@committed("text at the end of thought")
def _(a: Asked) -> str | None:
    if contained(a.choices):
        return None
    out = [unstopped(a.choices[i]) for i in a.others[:2]]
    why = " ".join(
        a.one(f'"{o}" is ruled out by the subtitles.', f"There is no sign of the option '{o}'.", f'It is not "{o}".')
        for o in out
    )
    tail = a.one(
        f'So the answer is "{a.bare}".',
        f"Therefore, the correct answer is: {a.bare}",
        f"Answer: {a.text}",
        f"<answer>{a.text}</answer>",
    )
    return f"{a.fact()} {why} {tail}"


@committed("yes or no, told in a sentence")
def _(a: Asked) -> str | None:
    if not a.family.startswith("yes") or a.text not in ("Yes", "No"):
        return None
    rest = (
        a.one("she", "he", "the man")
        + " "
        + ("does" if a.text == "Yes" else "does not")
        + a.one(".", " open the gate.")
    )
    return f"{a.text}, {rest}"


@committed("letter and text")
def _(a: Asked) -> str | None:
    return with_text(a)


@committed("letter and text in a phrase")
def _(a: Asked) -> str | None:
    d = with_text(a)
    return a.one(
        f"The answer is {d}", f"Answer: {d}", f"The correct answer is {d}", f"**Answer:** {d}",
        f"The correct option is:\n\n{d}", f"The correct answer is:\n\n**{a.letter}) {a.text}**",
        f"Based on the video, the correct answer is {d}", f'The correct answer is {a.letter}, "{a.bare}".',
        f'"{a.bare}" ({a.letter})', f"{a.bare} ({a.letter})", f"{a.bare}, which is option {a.letter}.",
        f'The answer is "{a.bare}", i.e. {a.letter}.', f"Final answer: {d}",
    )  # fmt: skip


@committed("letter and text, then why")
def _(a: Asked) -> str | None:
    why = "\n".join(a.one("", "* ", "- ") + why_not(a, i) for i in a.others[: a.rng.randint(1, 4)])
    return (
        with_text(a)
        + a.one("\n\n", "\n")
        + a.one("", "", "Here's why:\n\n", "**Explanation:**\n")
        + a.fact()
        + "\n"
        + why
    )


@committed("by its place in the list")
def _(a: Asked) -> str | None:
    word = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")[a.index]
    if contained([*a.choices, word]) or a.family in ("numbers", "counts"):
        return None
    return a.one(
        f"The {word} option is correct.",
        f"The {word} option.",
        f"I choose the {word} option.",
        f"The answer is the {word} option.",
    )
