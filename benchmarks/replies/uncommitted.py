"""Replies that a careful human would say commit to no choice, or to several. None where a kind does not fit.

`clear` kinds speak of no choice at all: a draw in which a choice happens to be named is thrown away.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from replies.choices import FOREIGN, LETTERS, META, STRAY, Asked, contained, named, plain, unstopped
from replies.parts import Kind, considered, dressed, reasoning

UNCOMMITTED: dict[str, Kind] = {}


def uncommitted(name: str, clear: bool = False) -> Callable[[Kind], Kind]:
    def keep(make: Kind) -> Kind:
        def checked(a: Asked) -> str | None:
            reply = make(a)
            if clear and reply is not None and any(named(choice, reply) for choice in a.choices):
                return None
            return reply

        UNCOMMITTED[name] = checked
        return make

    return keep


@uncommitted("letter with another's text")
def _(a: Asked) -> str | None:
    i = a.others[0]
    if (
        a.family.startswith("contained")
        or contained([a.text, a.choices[i]])
        or not (a.text[0].isalpha() and a.choices[i][0].isalpha())
    ):
        return None
    x, text = a.letter, a.choices[i]
    bare = unstopped(text)
    return a.one(
        f"{x}) {text}", f"{x}. {text}", f"({x}) {text}", f"{x}: {text}", f"**{x}. {bare}**", f"Option {x}: {text}",
        f"**Answer:** {x}) {text}", f"The answer is {x}) {text}", f"{x} ({bare})",
        f"The correct answer is {x}. {text}", f"<answer>{x}. {text}</answer>", f"\\boxed{{{x}. {bare}}}",
        json.dumps({"answer": f"{x}. {text}"}, ensure_ascii=False), f"{bare} ({x})",
    )  # fmt: skip


@uncommitted("between two")
def _(a: Asked) -> str | None:
    if a.speaks_of_letters:
        return None
    x, y = sorted((a.letter, a.other)) if a.rng.random() < 0.6 else (a.letter, a.other)
    s, t = a.bare, unstopped(a.choices[a.others[0]])
    return a.one(
        f"It's either {x} or {y}.", f"{x} or {y}", f"It could be {x} or {y}.", f"{x}/{y}",
        f"Either {x} or {y}, I can't tell which.", f"I can't decide between {x} and {y}.",
        f"Both {x} and {y} seem plausible.", f"The answer is {x} or {y}.", f"Answer: {x} or {y}",
        f"Could be {x}, could be {y}.", f'It is either "{s}" or "{t}".', f"**{x}** or **{y}**",
        f"The answer is either {dressed(a, x)} or {dressed(a, y)}.", f"({x}) or ({y})",
        f"Maybe {x}. Or maybe {y}. Hard to say.", f"{a.fact()} It is a toss-up between {x} and {y}.",
        f"{x} and {y} are equally likely.", f"\\boxed{{{x} \\text{{ or }} {y}}}", f"<answer>{x} or {y}</answer>",
        f"{x}) {s} or {y}) {t}", f"Answer: {x}/{y}", f"La respuesta es {x} o {y}.", f"答案是{x}或{y}。",
        f"I'm torn between {x} ({s}) and {y} ({t}).", f"Option {x} or option {y}.",
    )  # fmt: skip


@uncommitted("several")
def _(a: Asked) -> str | None:
    if a.speaks_of_letters:
        return None
    x, y = sorted((a.letter, a.other))
    s, t = (a.choices[LETTERS.index(z)] for z in (x, y))
    n = a.letters
    return a.one(
        f"{x}, {y}", f"{x} and {y}", f"{x} & {y}", f"[{x}, {y}]", f"{x}\n{y}", f'{{"answer": ["{x}", "{y}"]}}',
        f"\\boxed{{{x}, {y}}}", f"{x},{y}", f"**{x}** and **{y}**", f"The answers are {x} and {y}.",
        f"Answer: {x}, {y}", f"Answer: {x} and {y}", f"{x}) {s}\n{y}) {t}", f"({x}), ({y})",
        f"Both {x} and {y} are correct.", f"The correct answers are ({x}) and ({y}).", f"<answer>{x}, {y}</answer>",
        f"{', '.join(n)}", f"{x}+{y}", f"Answer: {x}\nAnswer: {y}", f"<answer>{x}</answer><answer>{y}</answer>",
        f"\\boxed{{{x}}} \\boxed{{{y}}}", f"- {x}\n- {y}", f"Options {x} and {y}.",
        f"The answer is {x}. The answer is {y}.", f"{x}. {s}; {y}. {t}", f"All of {', '.join(n)}", f"Answer: {x} {y}",
        f"{x} as well as {y}", f"答案是{x}和{y}。",
    )  # fmt: skip


@uncommitted("loop over several")
def _(a: Asked) -> str | None:
    n = a.rng.randint(2, 10)
    return a.one(
        " ".join(a.letters * n),
        "\n".join(a.letters * n),
        ", ".join(a.letters * n),
        (a.listed() + "\n") * n,
        "".join(f"({x}) " for x in a.letters) * n,
    )


@uncommitted("only what it is not")
def _(a: Asked) -> str | None:
    if len(a.choices) < 3 or a.speaks_of_letters or contained(a.choices) or a.family.startswith("yes"):
        return None
    x, y = a.letter, a.other
    few = a.one(
        f"It's not {x}.", f"Not {x}.", f"{x} is incorrect.", f"The answer is not {x}.", f"Definitely not {x}.",
        f"{x} is wrong.", f"Option {x} is not correct.", f"{x} can be ruled out.", f"It isn't {x}.",
        f'The answer is not "{a.bare}".', f"I don't think it is {x}.", f"It can't be {x}.", f"{x} is not the answer.",
        f"There is no evidence for {x}.", f"{x}) {a.bare} is incorrect because it is never shown.",
        f"{x} is unlikely.", f"**{x}** is incorrect.", f"The answer is definitely not {x}.",
        f"I would not choose {x}.", f"Answer: not {x}", f"Anything but {x}.", f"No, {x} is wrong.", f"{x} is false.",
    )  # fmt: skip
    if len(a.choices) < 4:
        return few
    return a.one(
        few, few, f"Neither {x} nor {y}.", f"{x} is wrong and so is {y}.", f"Not {x} or {y}.",
        f"{x} and {y} are both incorrect.", f"The answer is neither {x} nor {y}.",
    )  # fmt: skip


@uncommitted("options said again")
def _(a: Asked) -> str | None:
    listed = a.listed(a.one(") ", ". ", ": ", " - "))
    return a.one(
        listed, listed, f"{a.question}\n{listed}", f"Question: {a.question}\nOptions:\n{listed}",
        f"The options are:\n{listed}", f"{listed}\nAnswer:", f"{listed}\n\nPlease select one.",
        "; ".join(a.choices) if len(a.choices) > 2 else listed, "\n".join(f"- {c}" for c in a.choices),
        f"{listed}\n\nThe answer is", listed.replace("\n", " "),
        json.dumps({LETTERS[i]: c for i, c in enumerate(a.choices)}, ensure_ascii=False),
        f"**Options:**\n\n{listed}\n\n**Answer:** <Option_key>",
    )  # fmt: skip


@uncommitted("instruction said again", clear=True)
def _(a: Asked) -> str | None:
    n, last = a.letters, a.letters[-1]
    if a.speaks_of_letters:
        return None
    several = f"{', '.join(n[:-1])} or {last}"
    return a.one(
        f"Answer with one letter: {several}.", "Please select one of the options.",
        f"Your answer should be a single letter ({', '.join(n)}).", "**Answer:** <Option_key>",
        f"Please choose {several}.", f"Output just one of {','.join(n)}",
        f"Answer with the option's letter from A to {last}.", "Respond with the letter only.",
        f"The answer is one of {several}.", f"**Answer:** <{'|'.join(n)}>",
        "Sure, please provide the video and the question.", f"(A-{last})", "Answer: [letter]",
    )  # fmt: skip


@uncommitted("out of range", clear=True)
def _(a: Asked) -> str | None:
    if a.family in ("single letters", "letter in it", "yes or no", "true or false", "yes, no, other"):
        return None
    x = a.rng.choice([z for z in "ABCDEFGHJKLMNOPQRSTUVWXYZ" if z not in a.letters])
    return a.one(
        x, f"{x}.", f"({x})", f"{x})", f"The answer is {x}.", f"Answer: {x}", f"**Answer:** {x}", f"\\boxed{{{x}}}",
        f"<answer>{x}</answer>", f"Option {x}", x.lower(), f'{{"answer": "{x}"}}', f"**{x}**",
        f"The correct answer is ({x}).", f"{x} is correct.", f"答案是{x}。", f"[{x}]", f"I choose option {x}.",
        f"Final answer: {x}", f"{x}) None of these",
    )  # fmt: skip


@uncommitted("cut off before an answer")
def _(a: Asked) -> str | None:
    if len(a.choices) < 3 or a.speaks_of_letters:
        return None
    rows = [considered(a, i) for i in (a.index, *a.others[: a.rng.randint(1, 3)])]
    rows = [row for row in rows if not row.startswith(("Some might", "At first sight"))]
    a.rng.shuffle(rows)
    if len(rows) < 2 or len(rows) > len(a.choices) - 2:
        return None
    stop = a.one(
        "The remaining options", "Now, looking at the last part of the clip, the", "So now I need to compare",
        "Next, the", "However, the subtitles at", "Let me look at the frames aga", "The",
    )  # fmt: skip
    return (
        a.one("Let's think step by step. ", "To answer this, I go through the options. ", "")
        + a.fact()
        + " "
        + a.one(" ", "\n").join(rows)
        + " "
        + stop
    )


@uncommitted("thought without an end")
def _(a: Asked) -> str | None:
    if a.speaks_of_letters or len(a.choices) < 5:
        return None
    stop = a.one(
        f"So it might be {a.letter}? But wait, the",
        "Hmm, let me look at the frames again. The",
        f"Maybe {a.letter}. No, wait. If the",
        f"But is it {a.letter} or {a.other}? The",
        "Okay, so the",
    )
    tag = a.one("<think>", "<thinking>", "<think>")
    return f"{tag}\n{reasoning(a, 2)} {considered(a, a.index)} {a.fact()} {stop}"


@uncommitted("refusal", clear=True)
def _(a: Asked) -> str | None:
    return a.one(
        "I'm sorry, but I can't determine this from the frames.", "As an AI language model, I cannot view videos.",
        "I cannot answer that.", "I can't help with that request.",
        "There is not enough information to choose an option.", "I do not have access to the clip.",
        "Unfortunately, the video does not load.", "I don't know.", "I am not sure.",
        "I'm unable to identify people in images.", "It is impossible to say from the given frames.",
        "Sorry, I can only process text.", "Can you provide more context?", "A definitive answer cannot be given.",
        "I apologize, but I cannot see the video.", "Based on the provided frames, it cannot be determined.",
        "As a text model I have to pass.", "An answer would require the audio.", "Could you share the video?",
        "The answer is not clear from the video.", "The answer is unknown.", "Answer: unknown", "Answer: I don't know",
        "I would need to see the full clip before I can choose.", "The correct answer cannot be determined.",
        '{"answer": null, "reason": "cannot see the video"}', "<answer>unknown</answer>", "\\boxed{\\text{unknown}}",
        "I must decline to answer.", "Being a language model, I cannot watch clips.", "E r r o r",
        "Error: request blocked by the content filter.",
    )  # fmt: skip


@uncommitted("refusal in another language", clear=True)
def _(a: Asked) -> str | None:
    return a.one(
        "Lo siento, el video no se ve.", "A partir del video es imposible saberlo.", "Je ne sais pas.",
        "C'est impossible à dire.", "D'après la vidéo, on ne peut pas répondre.", "Das lässt sich nicht sagen.",
        "无法确定。", "对不起，我看不到视频。", "わかりません。", "È impossibile dirlo.", "E' difficile dirlo.",
        "A resposta depende do vídeo.", "A válasz ismeretlen.", "Ответ неизвестен.", "알 수 없습니다.", "لا أعرف",
        "I videon syns inget svar.", "I videoen er der ikke noget svar.", "Jeg ved det ikke.",
        "A fost imposibil de stabilit.", "Bilmiyorum.",
    )  # fmt: skip


@uncommitted("prose", clear=True)
def _(a: Asked) -> str | None:
    if a.family in FOREIGN:
        return None
    start = a.one(
        "A person walks into a room and sits down.", "I think the video shows a street at night.",
        "A careful look at the clip is needed.", "I see someone in a long coat.", "As the scene opens, music plays.",
        "Because the image is dark, little can be seen.", "Both of them look tired.", "Everybody seems tense.",
        "Dear user, thank you for the clip.", "Four people are sitting around a table.",
        "Cinematography in this clip is excellent.", "Describe the video in detail.", "E.g. the lighting changes.",
        "I like this film.", "Dim light, slow music, long takes.", "Alfred A. Novak directed many thrillers.",
        "C'est la vie.", "B-roll footage of a city.", "Be careful.", "D-day is mentioned in the film.",
        "I, too, was moved.", "A-ha, an old classic.", "If only the audio were better.", "Grainy footage.", "Hello.",
        "Certainly.", "The clip is about a farewell between two old friends.", "A+ cinematography.",
        "I would rate this film a solid B.", "He gives an A-grade performance.",
    )  # fmt: skip
    return a.one(start, f"{start} {a.fact()}", f"{a.fact(2)} {start}", f"**{start}**")


@uncommitted("stray letters", clear=True)
def _(a: Asked) -> str | None:
    return f"{a.fact(1, STRAY)} {a.fact()}" if a.rng.random() < 0.6 else a.fact(a.rng.randint(1, 2), STRAY)


@uncommitted("text of no choice", clear=True)
def _(a: Asked) -> str | None:
    text = a.one(
        "Bernard did it", "a bucket of paint", "A bucket of paint", "Charlotte", "the gardener", "Because of the fog",
        "Delia", "I saw nothing", "eleven hundred", "Agnes", "At the airport", "Everest", "D'Artagnan",
        "in a submarine", "42", "Dancing", "Ethan Brook", "C-4 explosives", "A parrot", "I am your father",
        "Bread and butter", "Ghosts", "Alaska", "Belgium", "Columbus",
    )  # fmt: skip
    if any(len(word) > 3 and word in plain(choice) for word in plain(text).split() for choice in a.choices):
        return None
    inside = text.replace("A ", "a ", 1) if text.startswith("A ") else text  # "is A parrot" could be a letter
    return a.one(
        text, f"Answer: {text}", f"The answer is {inside}.", f"**Answer:** {text}", f"<answer>{text}</answer>",
        f'{{"answer": "{text}"}}', f"{text}.", f"It is {inside}.", f"\\boxed{{\\text{{{text}}}}}",
    )  # fmt: skip


@uncommitted("none or all, where that is no choice")
def _(a: Asked) -> str | None:
    if a.speaks_of_letters or a.family in ("yes or no", "yes, no, other", "counts", "measures", "marks"):
        return None
    x, y = a.letter, a.other
    return a.one(
        "None of the above.", "None of the options is correct.", "All of the above", "None of these match the video.",
        "Answer: none of the above", "All of them are plausible.", "None", f"Both {x} and {y}",
        f"Neither {x} nor {y}" if len(a.choices) > 3 else "None of them", "Any of them could be right.",
        "**None of the above**", "The answer is none of the given options.",
        f"The answer could be any of {', '.join(a.letters[:-1])} or {a.letters[-1]}.", "Each option is possible.",
        "<answer>none</answer>", "\\boxed{\\text{None of the above}}",
    )  # fmt: skip


@uncommitted("depends")
def _(a: Asked) -> str | None:
    if a.speaks_of_letters:
        return None
    x, y = a.letter, a.other
    return a.one(
        f"If the man left first, the answer would be {x}; otherwise it would be {y}.",
        f"If he is lying, {x}; if not, {y}.",
        f"{x} would be correct if the scene were set at night. {y} would be correct if it were day.",
        f"It depends: {x} in the first half, {y} in the second.", f"Is the answer {x}? Or {y}? I cannot tell.",
        f"Why would it be {x}? Why would it be {y}? Nothing decides it.",
        f"Arguments for {x}: the light. Arguments for {y}: the sound. I cannot decide.",
        f"One reading suggests {x}, another suggests {y}.", f"{x} is possible, and {y} is possible too.",
    )  # fmt: skip


@uncommitted("verdicts without a winner")
def _(a: Asked) -> str | None:
    yes, no = a.rng.choice(
        (
            ("correct", "incorrect"),
            ("\u2713", "\u2717"),
            ("\u2705", "\u274c"),
            ("plausible", "not plausible"),
            ("true", "false"),
        )
    )
    if a.speaks_of_letters or a.family == "true or false":
        return None
    right = a.rng.choice(((), (a.index, a.others[0]), tuple(range(len(a.choices)))))
    return "\n".join(f"{LETTERS[i]}) {c} - {yes if i in right else no}" for i, c in enumerate(a.choices))


@uncommitted("description that names several")
def _(a: Asked) -> str | None:
    if (
        contained(a.choices)
        or any(c in META for c in a.choices)
        or a.family in FOREIGN | {"yes or no", "true or false", "yes, no, other"}
    ):
        return None
    s, t = a.bare, unstopped(a.choices[a.others[0]])
    return a.one(
        f'The question asks to choose between "{s}" and "{t}", among others.', f'The clip could show "{s}" or "{t}".',
        f'"{s}" and "{t}" both come up in the dialogue.', f"{s}, {t}", f"{s} and {t}", f"{s} / {t}",
    )  # fmt: skip


@uncommitted("empty", clear=True)
def _(a: Asked) -> str | None:
    return a.one(
        "", "", " ", "\n", "\n\n\n", "...", "</s>", "<|im_end|>", "N/A", "null", "?", "-", "**Answer:**", "Answer:",
        "The answer is", "Answer: ", "<answer></answer>", "\\boxed{}", '{"answer": ""}', '{"answer": null}', "nan",
        "[]", "{}", "```\n```", "**", "()", "The correct answer is:", "<think>\n\n</think>\n\n", "Final answer:",
        "n/a", "\u200b", "答案：", "[END]", "<answer>", "Option", "The correct option is",
    )  # fmt: skip


@uncommitted("broken", clear=True)
def _(a: Asked) -> str | None:
    n = a.rng.randint(5, 60)
    return a.one(
        "!" * n, "the " * n, "<image>" * 8, "1 2 3 4 5 6 7 8 9", "addCriterion\naddCriterion", "�" * n, "\\n" * n,
        "<unk>" * n, "0" * n, "hahaha" * 4, "_" * n, "of of of and and", "\t\t\t", "/*/*/*/*", "<0x0A><0x0A>", "▁▁▁",
        "http://", "def main():\n    pass", "Traceback (most recent call last)",
        "CUDA error: device-side assert triggered", "[PAD]" * n, "The video The video The video", "ababababab", "DDoS",
        "BCE Loss", "ABBA", "ACDC",
    )  # fmt: skip
