"""What replies are put together from: a letter in its dress, a letter with its text, and thoughts about the others."""

from __future__ import annotations

from collections.abc import Callable

from replies.choices import LETTERS, Asked, unstopped

Kind = Callable[[Asked], str | None]
COMMITTED: dict[str, Kind] = {}


def committed(name: str) -> Callable[[Kind], Kind]:
    """A kind of reply that a careful human would say commits to one choice; None where it does not fit the choices."""

    def keep(make: Kind) -> Kind:
        COMMITTED[name] = make
        return make

    return keep


def dressed(a: Asked, letter: str | None = None) -> str:
    x = letter or a.letter
    plain = a.one(f"{x}", f"{x}", f"({x})", f"{x}.", f"{x})", f"[{x}]", f'"{x}"', f"'{x}'", f"`{x}`", f"Option {x}")
    return a.one(plain, plain, f"**{x}**", f"**({x})**", f"*{x}*", f"**{x}.**", f"__{x}__", f"“{x}”", f"option {x}")


def with_text(a: Asked, index: int | None = None) -> str:
    i = a.index if index is None else index
    x, text = LETTERS[i], a.choices[i]
    bare = unstopped(text)
    return a.one(
        f"{x}) {text}", f"{x}. {text}", f"({x}) {text}", f"{x}: {text}", f"{x} - {text}", f"**{x}) {text}**",
        f"**{x}. {bare}**", f"**{x}.** {text}", f"**({x})** {text}", f"{x}). {text}", f"Option {x}: {text}",
        f"[{x}] {text}", f"{x}\n{text}", f"{x}, {text}", f"{x} ({bare})", f'{x}) "{bare}"', f"{x} – {text}",
        f"Option {x} ({bare})", f"{x}.{text}", f"{x}){text}", f"**{x}**: {text}",
    )  # fmt: skip


def ends(a: Asked) -> str:
    """A letter, now and then with its text, as the last words of a longer reply."""
    return with_text(a) if a.rng.random() < 0.3 else dressed(a)


def why_not(a: Asked, i: int) -> str:
    x, text = LETTERS[i], unstopped(a.choices[i])
    return a.one(
        f"{x} is ruled out because the clip shows nothing of the kind.", f'Option {x} ("{text}") is not supported.',
        f"{x}) {text} – this is never shown.", f"Not {x}, since that happens in another scene.",
        f"{x} can be eliminated.", f'"{text}" contradicts the subtitles.', f"Option {x} is incorrect.",
        f"It is not {x}; the timing does not fit.", f"{x} is wrong: the dialogue says otherwise.",
        f"There is no evidence for {x}.", f"As for {x}, nothing in the frames suggests it.",
    )  # fmt: skip


def considered(a: Asked, i: int) -> str:
    x, text = LETTERS[i], unstopped(a.choices[i])
    return a.one(
        f'Option {x} says "{text}".', f"Let me consider {x}: {text}.", f"{x}) {text}: possible at first glance.",
        f"At first sight {x} seems plausible.", f"{x} would need more context.", f"Could it be {x}? Let me check.",
        f'There is also {x} ("{text}").', f"Some might pick {x}.", why_not(a, i), why_not(a, i),
    )  # fmt: skip


def conclusion(a: Asked) -> str:
    d = ends(a)
    return a.one(
        f"Therefore, the answer is {d}.", f"So the correct answer is {d}", f"Final answer: {d}", f"Answer: {d}",
        f"The answer is therefore {d}.", f"Hence, the best answer is {d}.", f"So I'd go with {d}.", f"Thus: {d}",
        f"I'm going with {d}.", f"**Answer: {a.letter}**", f"**Final Answer:** {d}", f"The final answer is: {d}",
        f"In conclusion, {a.letter} is the correct answer.", f"Option {a.letter} is the only one that fits.",
        f"This matches option {a.letter}.", f"So my answer is {d}.", f"\\boxed{{{a.letter}}}", f"\n{a.letter}",
        f"That makes {a.letter} the best choice.", f"Overall, the correct choice would be {d}.",
        f"Therefore {a.letter}.", f"This corresponds to option {a.letter}.", f"<answer>{a.letter}</answer>",
    )  # fmt: skip


def reasoning(a: Asked, most: int = 4) -> str:
    parts = [considered(a, i) for i in a.others[: a.rng.randint(1, most)]]
    parts.insert(a.rng.randint(0, len(parts)), a.fact(a.rng.randint(1, 2)))
    if a.rng.random() < 0.2:
        step = a.one("Step ", "")
        return "\n".join(f"{step}{n}. {part}" for n, part in enumerate(parts, 1))
    return a.one("", "", "Let's think step by step. ", "Looking at the frames: ") + a.one(" ", "\n", "\n\n").join(parts)
