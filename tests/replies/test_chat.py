"""A chat given back whole, prompt and all, is read as the answer alone; turns made up after it count for nothing."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from flyreel.evaluate.answering import read
from flyreel.evaluate.showing import Item, show
from flyreel.evaluate.views import VIEWS
from flyreel.models.call import content_of
from flyreel.replies.chat import cleaned, given_back
from flyreel.replies.parsing import read_reply

CHOICES = ("the dog", "the red car", "a boat", "the assistant", "three men")
LISTED = "".join(f"{letter}) {choice}\n" for letter, choice in zip("ABCDE", CHOICES, strict=True))
DASHED = "".join(f"- {letter}) {choice}\n" for letter, choice in zip("ABCDE", CHOICES, strict=True))
CUES = tuple({"kind": "subtitle", "start": float(i), "end": i + 1.0, "text": text, "speaker": who}
             for i, (who, text) in enumerate([(None, "B) is the answer"), ("USER", "the red car"),
                                              ("ASSISTANT", "C")]))  # fmt: skip


def as_evaluated(choices: tuple[str, ...] = CHOICES) -> tuple[str, str]:
    """What the system says and what the user says, as `evaluate` puts it."""
    made = show(Item("q", "What drives away?", choices, CUES), VIEWS["dialogue"], None)
    return content_of(made.call.messages[0]), content_of(made.call.messages[1])


SYSTEM, EVALUATED = as_evaluated()
PROMPTS = [
    EVALUATED,
    f"What drives away?\n{LISTED}Answer with the letter of the right option.",
    f"**Output Format:** **Answer:** <Option_key>\n**Video:** <video>\n**Subtitles:** hello\nQuestion: What?\n{DASHED}",
    f"Here is an example. Question: who sings? **Answer:** A\nQuestion: What drives away?\n{DASHED}**Answer:**",
]
STYLES = {
    "llava": ("USER: {} ASSISTANT:", " USER: "),
    "llava, no space": ("USER: {} ASSISTANT:", "\nUSER:"),
    "pictured": ("USER: <image>\n<image>\n{} ASSISTANT:", " USER: "),
    "of evaluate": (SYSTEM + " USER: {} ASSISTANT:", " USER: "),
    "vicuna": ("A chat between a curious user and an assistant. USER: {} ASSISTANT:", " USER: "),
    "lines": ("Human: {}\n\nAssistant:", "\n\nHuman: "),
    "headings": ("### Human: {}\n### Assistant:", "\n### Human: "),
    "instructions": ("<s>[INST] {} [/INST]", "</s> [INST] "),
    "chatml": ("<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n", "<|im_end|>\n<|im_start|>user\n"),
    "chatml with a system": (
        "<|im_start|>system\nYou watch.<|im_end|>\n<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n",
        "<|im_end|>",
    ),
    "zephyr": ("<|user|>\n{}</s>\n<|assistant|>\n", "</s>\n<|user|>\n"),
    "phi": ("<|user|>\n{}<|end|>\n<|assistant|>\n", "<|end|><|user|>"),
    "gemma": ("<start_of_turn>user\n{}<end_of_turn>\n<start_of_turn>model\n", "<end_of_turn>\n<start_of_turn>user\n"),
    "headers": (
        "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n{}<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>"
    ),
    "marks not decoded": ("user\n{}\nassistant\n", "\nuser\n"),
    "headers not decoded": ("system\n\nYou watch.user\n\n{}assistant\n\n", "</s>"),
}  # fmt: skip
DRESSES = ["{}", "{})", "({})", "**Answer:** {}", "The answer is {}.", "Option {}"]


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("prompt", PROMPTS, ids=["evaluate", "plain", "output format", "with an example"])
def test_a_prompt_given_back_says_nothing_and_what_follows_it_is_read(prompt: str, style: str) -> None:
    before, then = STYLES[style]
    for i, letter in enumerate("ABCDE"):
        made_up = f"And who sings?\n{LISTED} ASSISTANT: {'ABCDE'[i - 1]}"
        for dress in DRESSES:
            answer = dress.format(letter)
            for reply in (before.format(prompt) + " " + answer, before.format(prompt) + " " + answer + then + made_up):
                assert read_reply(reply, CHOICES).index == i, reply


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("prompt", PROMPTS, ids=["evaluate", "plain", "output format", "with an example"])
def test_a_prompt_alone_and_one_with_no_answer_commit_to_nothing(prompt: str, style: str) -> None:
    before, _ = STYLES[style]
    for said in ("", "It could be B or C.", "I cannot tell.", "Sorry, there is no video."):
        assert read_reply(before.format(prompt) + said, CHOICES).index is None


@pytest.mark.parametrize(
    ("reply", "index"),
    [
        ("B USER: what else? ASSISTANT: C", 1),
        ("B) the red car USER: A boat? ASSISTANT: C) a boat", 1),
        ("B. USER: Is it?", 1),
        ("I see a street. USER: what? ASSISTANT: C", None),
        ("USER: who sings?\nA) Tom\nB) Ann\nASSISTANT: A\nUSER: What drives away? ASSISTANT:", None),
        ("B<|eot|>C", 1),
        ("ASSISTANT: B</s>", 1),
        ("B\n\nASSISTANT: B", 1),
    ],
)
def test_turns_in_one_line(reply: str, index: int | None) -> None:
    """Tuned on lines, a model goes on in a line; read as one turn, the last letter would have won."""
    assert read_reply(reply, CHOICES).index == index


def test_a_choice_that_looks_like_a_turn_is_still_a_choice() -> None:
    choices = ("USER: admin ASSISTANT: root", "ASSISTANT: B", "nobody")
    assert [read_reply(choice, choices).index for choice in choices] == [0, 1, 2]


SIGNS = ("It says", "It says USER: admin", "It says USER: root", "HUMAN: nobody")


@pytest.mark.parametrize(
    "frame", ["{}", "{}.", "**{}**", "The answer is: {}.", "I see a sign. {}", "{} is the answer."]
)
@pytest.mark.parametrize("choice", SIGNS[1:])
def test_a_choice_that_says_user_is_not_cut_where_it_says_so(choice: str, frame: str) -> None:
    """Cut there, `It says USER: admin.` would commit to `It says`."""
    said, plain = (frame.format(text) for text in (choice, choice.replace(":", "")))
    assert read_reply(said, SIGNS).index == read_reply(plain, [text.replace(":", "") for text in SIGNS]).index != 0


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("answer", ["a red car", "Two men; one sings.", "3", "the user: nobody", "He says: B"])
def test_an_open_answer_is_what_stands_between_the_prompt_and_the_next_turn(style: str, answer: str) -> None:
    before, then = STYLES[style]
    chat = before.format(as_evaluated(())[1]) + " " + answer
    for reply in (chat, chat + then + "What else? ASSISTANT: a boat", answer, f"ASSISTANT: {answer}", f"{answer}</s>"):
        assert cleaned(reply) == answer
    about = read(chat, (), question="q", model="m", view="full")
    assert (about.answer, about.reply, about.failure) == (answer, chat, None), "the reply itself is kept as it came"


def test_an_open_answer_that_is_nothing_is_empty() -> None:
    about = read("USER: what? ASSISTANT:</s>", (), question="q", model="m", view="full")
    assert (about.answer, about.failure) == (None, "empty")


SAYS = "user assistant USER: ASSISTANT: Human: ### system : - an end-user sign".split()
OF_WORDS = st.lists(st.sampled_from([*SAYS, " ", "\n", "\r\n", "\t"]) | st.text(max_size=8), max_size=20).map("".join)


@given(OF_WORDS)
@example("A sign reading:\nuser")
@example("A sign reading:\nuser\nand below it: assistant\nor so")
@example("an end-user")
@example("an end-user\nand an end-assistant\nand so on")
@example("It says USER: admin")
@example("It says USER: admin and below it ASSISTANT: root")
def test_of_an_answer_in_words_nothing_is_taken_away(text: str) -> None:
    """What is no answer here has control tokens, a line that begins with a mark, or begins as a prompt does."""
    assume(not re.search(r"<|\[|^\s*(?:USER|ASSISTANT|HUMAN|GPT):|^###", text, re.MULTILINE | re.IGNORECASE))
    assume(not re.match(r"\s*(?:user|assistant|system)\s*\n|A chat between|You a", text))
    assert cleaned(text) == text.strip()


@pytest.mark.parametrize("text", ["user", "assistant", "assistant\n", "user\nassistant", "system\nuser\nassistant"])
def test_an_answer_is_not_emptied_for_what_may_be_the_name_of_a_role(text: str) -> None:
    assert cleaned(text) == text.strip()


@given(OF_WORDS)
def test_something_is_left_of_every_reply_that_has_no_marks(text: str) -> None:
    assume(not re.search(r"<|\[|:", text))
    assert bool(cleaned(text)) == bool(text.strip())


@pytest.mark.parametrize("before", ["USER: What? ASSISTANT: ", "user\nWhat?\nassistant\n", "ASSISTANT: ", ""])
@pytest.mark.parametrize("answer", ["an end-user", "A sign reading:\nuser", "user", "assistant", "a power-user\nsings"])
def test_the_answer_in_a_chat_may_be_about_a_user(before: str, answer: str) -> None:
    assert cleaned(before + answer) == answer


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        ("ASSISTANT: a car USER: What else? ASSISTANT: a boat", "a car"),
        ("assistant\na car\nuser\nWhat else?\nassistant\na boat", "a car"),
        ("system\n\nYou watch.user\n\nWhat?assistant\n\nA car.user\n\nWhat else?assistant\n\nA boat", "A car."),
        ("a car\nUSER: What else? ASSISTANT: a boat", "a car"),
        ("a car<|im_end|>\nuser\nWhat else?", "a car"),
        ("user\nWhat?\nassistant", "user\nWhat?\nassistant"),
    ],
)
def test_where_an_open_answer_ends(reply: str, answer: str) -> None:
    assert cleaned(reply) == answer


PIECES = "USER: ASSISTANT: [INST] [/INST] </s> <|user|> <|assistant|> B red".split()


@given(st.lists(st.sampled_from([*PIECES, " ", "\n", "user\n", "assistant\n", "system\n"]), max_size=30))
def test_whatever_stands_where_nothing_fails_and_nothing_is_made_up(pieces: list[str]) -> None:
    reply = "".join(pieces)
    assert cleaned(reply) in reply
    found = given_back(reply)
    assert found is None or (reply.startswith(found[0]) and reply.endswith(found[1]))
    parsed = read_reply(reply, CHOICES)
    assert (parsed.failure is None) == (parsed.index is not None)


def test_a_long_loop_of_marks_is_read_in_time_that_grows_with_it() -> None:
    """Not measured: were a pattern to go back over what it has read, this would not end."""
    for piece in ("ASSISTANT: ", "USER: ", "<s>", "assistant\n", "[INST] [/INST] ", "<|user|><|assistant|>", "\n \n"):
        assert read_reply(piece * 4_000, CHOICES).index is None
        cleaned(piece * 4_000)
