"""Replies that commit by the letter, in the dress that models and their templates put it in."""

from __future__ import annotations

import json

from replies.choices import LETTERS, Asked, ask
from replies.parts import committed, dressed, reasoning, why_not


@committed("bare letter")
def _(a: Asked) -> str | None:
    x = a.letter
    wide = chr(ord(x) + 0xFEE0)
    return a.one(
        x, x, x, f"{x}.", f"({x})", f"{x})", f"[{x}]", f"{x}:", f" {x}", f"{x}\n", f"\n{x}\n\n", f'"{x}"', f"'{x}'",
        f"“{x}”", f"{{{x}}}", f"{x}。", f"（{x}）", wide, f"【{x}】", f"({x}).", f"({x}", f"{x}]", f"- {x}", f"> {x}",
        f"* {x}", f"{x}\n\n\n\n", f"\u00a0{x}", f"\ufeff{x}", f"<{x}>", f"“{x}.”", f"{x};", f"{x},", f"({x} )",
        f"「{x}」",
    )  # fmt: skip


@committed("bare letter, lower case")
def _(a: Asked) -> str | None:
    x = a.letter.lower()
    return a.one(x, f"{x}.", f"({x})", f"{x})", f"[{x}]", f"**{x}**", f"option {x}", f"answer: ({x})", f"`{x}`")


@committed("bare letter with tokens")
def _(a: Asked) -> str | None:
    x = a.one(a.letter, f"{a.letter}.", f"({a.letter})", f"The answer is {a.letter}.")
    return a.one(
        f"{x}</s>", f"{x}<|im_end|>", f"{x}<|endoftext|>", f"ASSISTANT: {x}", f"<|assistant|>\n{x}", f"{x}<eos>",
        f"### Response:\n{x}", f"[/INST] {x}", f"<s> {x}</s>", f"<|im_start|>assistant\n{x}<|im_end|>",
        f"{x}<|eot_id|>", f"Assistant: {x}", f"<start_of_turn>model\n{x}<end_of_turn>",
        f"<|begin_of_box|>{x}<|end_of_box|>",
    )  # fmt: skip


@committed("letter in a phrase")
def _(a: Asked) -> str | None:
    x, d = a.letter, dressed(a)
    return a.one(
        f"The answer is {d}.", f"Answer: {d}", f"answer: {d}", f"ANSWER: {d}", f"The correct answer is {d}.",
        f"The correct option is {d}.", f"The correct answer is: {d}", f"I choose {d}.", f"I would go with {d}.",
        f"My answer is {d}.", f"My answer: {d}", f"It's {d}.", f"{x} is correct.", f"{x} is the correct answer.",
        f"{d} is the right answer.", f"The best answer is {d}.", f"Final answer: {d}", f"Final Answer - {d}",
        f"Choice {x}", f"Option {x}.", f"option {x}", f"OPTION {x}", f"I'd say {d}.", f"Correct answer: {d}",
        f"Ans: {x}", f"Answer - {x}", f"Answer is {x}", f"Answer={x}", f"Answer → {x}", f"Definitely {x}.",
        f"I think it's {d}.", f"I believe the answer is {d}.", f"I pick {d}", f"The right choice is {d}.",
        f"Letter: {x}", f"So the answer is {d}", f"Answer:\n{d}", f"Answer:{x}", f"Answer:({x})",
        f"Selected option: {x}", f"The answer would be {d}.", f"the answer is option {x.lower()}.",
        f"I select option {x}.", f"{x} is the answer", f"The option that best answers the question is {d}.",
        f"Option ({x}) is correct.", f"The answer has to be {d}.", f"Among the options, {x} is the most accurate.",
        f"Most likely {x}.", f"It must be {d}.", f"{x}, 90% sure.", f"{x} (confidence: 0.85)",
        f"Answer: {x}\nConfidence: high", f"The correct choice is letter {x}.", f"Ans. {x}",
        f"The answer to the question is {d}.", f"Answer choice: {x}", f"answer = \"{x}\"", f"{x} it is.",
        f"{x} for sure", f"Answer ({x})", f"Answer {x}", f"The answer: {d}", f"ANSWER IS {x}",
        f"{x} is the answer because it fits.", f"The answer is letter {x}.",
    )  # fmt: skip


@committed("letter after a preamble")
def _(a: Asked) -> str | None:
    d = dressed(a)
    before = a.one(
        "Based on the video,", "Based on the subtitles and the frames,", "According to the clip,", "Sure!",
        "Certainly.", "After careful consideration,", "Considering everything shown,", "As can be seen in the clip,",
        "Okay.", "Given the visual evidence,", "Ah, an interesting question.", "Certainly! Let me look at the clip.",
        "Because of what is shown,", "I watched the video.", "Between the options given,", "Yes.", "Great question!",
        a.fact(), a.fact(2), a.question,
    )  # fmt: skip
    glue = " " if before[-1] == "," else a.one(" ", "\n", "\n\n")
    return (
        before
        + glue
        + a.one(f"the answer is {d}.", f"the correct answer is {d}", f"I would choose {d}.", f"it is {d}.")
    )


@committed("letter, then why")
def _(a: Asked) -> str | None:
    d = a.one(
        a.letter,
        f"{a.letter}.",
        f"({a.letter})",
        f"**{a.letter}**",
        f"The answer is {a.letter}.",
        f"Answer: {a.letter}",
    )
    head = a.one("", "", "", "Explanation: ", "**Explanation:** ", "Reason: ", "Reasoning: ", "Here's why: ")
    reasons = [a.fact()] + [why_not(a, i) for i in a.others[: a.rng.randint(0, 3)]]
    if a.rng.random() < 0.3:
        reasons.append(f"So the answer is {a.letter}.")
    return d + a.one("\n\n", "\n") + head + a.one(" ", "\n").join(reasons)


@committed("markdown")
def _(a: Asked) -> str | None:
    x = a.letter
    return a.one(
        f"**Answer:** {x}", f"**Answer: {x}**", f"### Answer\n\n{x}", f"**Answer:** **{x}**", f"**Answer:** `{x}`",
        f"> **{x}**", f"## Final Answer\n\n**({x})**", f"| Answer |\n|---|\n| {x} |", f"```\n{x}\n```", f"***{x}***",
        f"<b>{x}</b>", f"__Answer__: {x}", f"- **Answer**: {x}\n- **Confidence**: high", f"**Correct answer: ({x})**",
        f"# {x}", f"### Final Answer: {x}", f"**The answer is {x}.**", f"**Answer**\n{x}", f"1. **{x}**",
        f"<strong>{x}</strong>", f"<p>{x}</p>", f"**Answer:** <{x}>", f"**Answer:** {x}) {a.text}",
        f"**Answer:** {x}\n\n**Explanation:** {a.fact(2)}", f"*{x}*", f"---\n\n**{x}**\n\n---",
        f"```text\nAnswer: {x}\n```", f"| Question | Answer |\n|---|---|\n| {a.question} | {x} |",
        f"**Analysis**\n\n{a.fact()}\n\n**Answer:** {x}", f"**Video:** {a.fact()}\n**Answer:** {x}",
    )  # fmt: skip


@committed("json")
def _(a: Asked) -> str | None:
    x = a.letter
    key = a.one(
        "answer", "answer", "choice", "option", "final_answer", "Answer", "prediction", "correct_answer", "letter"
    )
    value = a.one(x, x, x, f"{x}. {a.text}", f"({x})", f"Option {x}", a.text, x.lower())
    why = " ".join([a.fact(), *(why_not(a, i) for i in a.others[:2])])
    options: list[dict[str, object]] = [
        {key: value}, {key: value}, {key: value, "confidence": 0.8}, {"reasoning": why, key: value},
        {key: value, "explanation": why}, {key: {"letter": x, "text": a.text}}, {"question": a.question, key: x},
    ]  # fmt: skip
    rows = a.rng.choice(options)
    indent = a.rng.choice((None, 2))
    text = json.dumps(rows, ensure_ascii=a.rng.random() < 0.2 and value == x, indent=indent)
    return a.one(
        text, text, text, f"```json\n{text}\n```", f"Here is the answer:\n```json\n{text}\n```", f"[{text}]",
        f"{text}\n\n{a.fact()}", text.replace('"', "'") if value == x and rows == {key: x} else text, f'["{x}"]',
        f'{{"{key}": "{x}", "explanation": "{a.fact()[:20]}', f'{{{key}: "{x}"}}',
        f"answer: {x}\nconfidence: 0.9",
        f'<tool_call>\n{{"name": "submit", "arguments": {{"{key}": "{x}"}}}}\n</tool_call>',
    )  # fmt: skip


@committed("xml")
def _(a: Asked) -> str | None:
    x = a.letter
    inside = a.one(x, x, f"\n{x}\n", f"({x})", f"{x}. {a.text}", f"Option {x}", a.text, f"The answer is {x}.")
    return a.one(
        f"<answer>{inside}</answer>", f"<answer>{inside}</answer>", f"<answer>{inside}", f"<Answer>{inside}</Answer>",
        f"<final_answer>{inside}</final_answer>", f"<reason>{a.fact()}</reason>\n<answer>{inside}</answer>",
        f"<response><reasoning>{reasoning(a)}</reasoning><answer>{inside}</answer></response>",
        f'<answer letter="{x}"/>', f"<answer> {x} </answer>\n{a.fact()}", f"{a.fact()}\n<answer>{inside}</answer>",
        f"<choice>{x}</choice>", f"<ANSWER>{x}</ANSWER>", f"<answer>\\boxed{{{x}}}</answer>",
    )  # fmt: skip


@committed("boxed")
def _(a: Asked) -> str | None:
    x = a.letter
    box = a.one(
        f"\\boxed{{{x}}}", f"$\\boxed{{{x}}}$", f"$\\boxed{{\\text{{{x}}}}}$", f"\\(\\boxed{{{x}}}\\)",
        f"\\fbox{{{x}}}", f"$\\boxed{{\\textbf{{({x})}}}}$", f"$$\\boxed{{\\text{{{x}. {a.bare}}}}}$$",
        f"\\boxed{{{x}) {a.bare}}}", f"$\\boxed{{\\mathrm{{{x}}}}}$", f"\\boxed{{({x})}}", f"\\boxed{{{a.bare}}}",
        f"\\[\n\\boxed{{{x}}}\n\\]", f"\\boxed {{{x}}}", f"\\boxed{{\\text{{Option }}{x}}}",
        f"\\boxed{{\\mathbf{{{x}}}}}", f"\\boxed{{ {x} }}", f"$\\text{{{x}}}$",
    )  # fmt: skip
    return (
        a.one("", "", "The final answer is ", "**Final Answer**\n\n", f"{reasoning(a)}\n\nAnswer: ", f"{a.fact()} ")
        + box
    )


@committed("boxes ticked")
def _(a: Asked) -> str | None:
    ticked, empty = a.rng.choice((("[x]", "[ ]"), ("[X]", "[ ]"), ("\u2611", "\u2610"), ("(x)", "( )")))
    bullet = a.one("- ", "", "* ")
    rows = enumerate(a.choices)
    return "\n".join(f"{bullet}{ticked if i == a.index else empty} {LETTERS[i]}. {c}" for i, c in rows)


@committed("loop over one answer")
def _(a: Asked) -> str | None:
    x, n = a.letter, a.rng.randint(3, 40)
    phrase = a.one(
        f"The answer is {x}. ", f"Answer: {x}\n", f"**Answer:** {x}\n\n", f"{x}) {a.text}\n", f"Option {x}. "
    )
    long = (phrase * n).rstrip()
    return a.one(
        " ".join([x] * n), "\n".join([x] * n), ", ".join([x] * n), f"{x}. " * n, f"({x})" * n, long, long, long,
        long + a.one("", " Answer", " The"),
    )  # fmt: skip


@committed("answer given twice")
def _(a: Asked) -> str | None:
    x = a.letter
    return a.one(
        f"Answer: {x}\n\n{a.fact()}\n\nFinal answer: {x}", f"{x}\n\n{a.fact()} Therefore, the answer is {x}.",
        f"**{x}**\n\n\\boxed{{{x}}}", f"The correct answer is {x}.\n\n**Answer:** {x}", f"{a.text}\n\nAnswer: {x}",
        f"{x}. {a.text}\nSo: {x}", f"{x} {x}", f"I would go with {x}. {a.fact()} Yes, {x}.",
        f'{{"answer": "{x}"}}\n\nAnswer: {x}',
    )  # fmt: skip


@committed("options said again, then an answer")
def _(a: Asked) -> str | None:
    mark = a.one(") ", ". ", ": ")
    asked = a.one("", f"{a.question}\n", f"Question: {a.question}\nOptions:\n") + a.listed(mark)
    return asked + a.one("\n", "\n\n") + a.one(
        f"Answer: {a.letter}", f"The answer is {dressed(a)}.", f"**Answer:** {a.letter}",
        f"The correct answer is {a.letter}.", f"Answer: {a.letter}) {a.text}", f"ASSISTANT: {a.letter}",
    )  # fmt: skip


@committed("next question made up")
def _(a: Asked) -> str | None:
    after = ask(a.rng)
    if set(after.choices) & set(a.choices) or after.question == a.question:
        return None
    d = a.one(a.letter, f"({a.letter})", f"The answer is {a.letter}.", f"{a.letter}) {a.text}", f"Answer: {a.letter}")
    q, opts, y = after.question, after.listed(), after.letter
    return a.one(
        f"{d}\n\nQuestion: {q}\n{opts}\nAnswer: {y}", f"{d}\nUSER: {q}\n{opts}\nASSISTANT: {y}",
        f"{d}\n\nQ: {q}\nA: {after.text}", f"{d}\n\n### Human: {q}\n{opts}\n### Assistant: {y}",
        f"{d}\n\n---\n\n**Question 2:** {q}\n\n{opts}\n\n**Answer:** {y}",
        f"{d}<|im_end|>\n<|im_start|>user\n{q}\n{opts}<|im_end|>\n<|im_start|>assistant\n{y}",
        f"{d}\n\nQuestion: {q}\n{opts}", f"{d}\n\nHuman: {q}\n\nAssistant: The answer is {y}.",
        f"{d}</s> [INST] {q}\n{opts} [/INST] {y}", f"{d}\n\n2. {q}\n{opts}\nAnswer: {y}",
    )  # fmt: skip


@committed("answer in another language")
def _(a: Asked) -> str | None:
    x = a.letter
    return a.one(
        f"La respuesta es {x}.", f"La respuesta correcta es la {x}.", f"Respuesta: {x}",
        f"A mi juicio, la respuesta es {x}.", f"La réponse est {x}.", f"Réponse : {x}", f"C'est la réponse {x}.",
        f"D’après la vidéo, la réponse est {x}.", f"Die Antwort ist {x}.", f"Antwort: {x}",
        f"Die richtige Antwort ist {x}.", f"A resposta correta é a letra {x}.", f"A resposta é {x}.", f"Resposta: {x}",
        f"La risposta è {x}.", f"È la risposta {x}.", f"Ответ: {x}", f"A helyes válasz: {x}",
        f"Правильный ответ — {x}.", f"答案是{x}。", f"答案：{x}", f"答案为 {x}", f"正确答案是（{x}）。",
        f"选{x}", f"我选择{x}。",
        f"选项{x}是正确的。", f"根据视频内容，正确答案是 {x}。", f"答えは{x}です。",
        f"正解は「{x}」です。", f"정답은 {x}입니다.", f"정답: {x}",
        f"الإجابة هي {x}", f"उत्तर: {x}", f"Đáp án: {x}", f"Odpowiedź: {x}", f"Svar: {x}", f"Cevap: {x}",
        f"Antwoord: {x}", f"Jawaban: {x}", f"**答案：{x}**", f"因此，答案是{x}。", f"{x}。{a.text}",
        f"Das richtige ist Option {x}.", f"La bonne réponse est l'option {x}.",
    )  # fmt: skip
