"""What a sentence says of its things: sentences by hand with every link they state, and what holds for any text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flyreel.generate.language.links import Link, links
from flyreel.generate.language.model import english
from flyreel.toybox import world

GOLD = Path(__file__).parent.parent / "gold"

SENTENCES: dict[str, list[str]] = {
    # one verb, with a direct object, a preposition, or both
    "A young man picks up a hat.": ["A young man|picks up|a hat"],
    "A man takes his hat off.": ["A man|takes off|his hat"],
    "a dog barks at a cat": ["a dog|barks at|a cat"],
    "Pip jumps over the box.": ["Pip|jumps over|the box"],
    "Pip is a small red circle.": ["Pip|is|a small red circle"],
    "Pip and Mo are friends.": ["Pip|are|friends", "Mo|are|friends"],
    "Wren is behind the tent.": ["Wren|is behind|the tent"],
    "There is a snake under the bed.": ["a snake|is under|the bed"],
    "A man puts a hat on the table.": ["A man|puts|a hat", "A man|puts on|the table"],
    "A cat jumps from the table to the floor.": ["A cat|jumps from|the table", "A cat|jumps to|the floor"],
    "A man gets out of a car.": ["A man|gets out of|a car"],
    "A man stands next to a woman.": ["A man|stands next to|a woman"],
    "A man stands in front of the mirror.": ["A man|stands in front of|the mirror"],
    "A gorilla walks up to a child.": ["A gorilla|walks up to|a child"],
    "A boy throws it into the river.": ["A boy|throws into|the river"],
    "A group of men lift a heavy log.": ["A group of men|lift|a heavy log"],
    "the kitten plays with a ball of yarn": ["the kitten|plays with|a ball of yarn"],
    "a man slams the door of the car": ["a man|slams|the door"],
    "a cat catches the frisbee in mid-air": ["a cat|catches|the frisbee", "a cat|catches in|mid-air"],
    "The detective's coat hangs on a hook.": ["The detective's coat|hangs on|a hook"],
    # two objects
    "The man gives the boy a book.": ["The man|gives|the boy", "The man|gives|a book"],
    "The man gives a book to the boy.": ["The man|gives|a book", "The man|gives to|the boy"],
    "A man shows a woman a picture.": ["A man|shows|a woman", "A man|shows|a picture"],
    "The old woman feeds the pigeons crumbs.": ["The old woman|feeds|the pigeons", "The old woman|feeds|crumbs"],
    # joined
    "a boy and a girl push and pull a cart": [
        "a boy|push|a cart", "a boy|pull|a cart", "a girl|push|a cart", "a girl|pull|a cart",
    ],
    "A man sits and eats an apple.": ["A man|eats|an apple"],
    "Someone picks up the phone and leaves.": [],
    "A chef peels a potato and puts it in a bowl.": ["A chef|peels|a potato", "A chef|puts in|a bowl"],
    "A skier loses his poles and slides into a fence.": ["A skier|loses|his poles", "A skier|slides into|a fence"],
    "A tiger walks towards the river and drinks water.": ["A tiger|walks towards|the river", "A tiger|drinks|water"],
    "A monk lights a candle and rings a bell.": ["A monk|lights|a candle", "A monk|rings|a bell"],
    "A little boy draws a house, a tree and a sun.": [
        "A little boy|draws|a house", "A little boy|draws|a tree", "A little boy|draws|a sun",
    ],
    "The spider crawls up the wall and across the ceiling.": [
        "The spider|crawls up|the wall", "The spider|crawls across|the ceiling",
    ],
    "Martin leaves the house, locks the door and walks to the bus stop.": [
        "Martin|leaves|the house", "Martin|locks|the door", "Martin|walks to|the bus stop",
    ],
    "Tam gives the kite to Lulu and Lulu gives Tam the drum.": [
        "Tam|gives|the kite", "Tam|gives to|Lulu", "Lulu|gives|Tam", "Lulu|gives|the drum",
    ],
    "A girl wearing glasses and a boy holding an umbrella cross the street.": [
        "A girl|wearing|glasses", "a boy|holding|an umbrella", "A girl|cross|the street", "a boy|cross|the street",
    ],
    # subjects that stand elsewhere
    "The girl wants to eat the cake.": ["The girl|eat|the cake"],
    "A boy keeps throwing stones into the river.": ["A boy|throwing|stones", "A boy|throwing into|the river"],
    "The teacher asks a student to open the window.": ["The teacher|asks|a student", "a student|open|the window"],
    "A girl uses a brush to paint a wall.": ["A girl|uses|a brush", "A girl|paint|a wall"],
    "A man climbs a ladder to reach the roof.": ["A man|climbs|a ladder", "A man|reach|the roof"],
    "A man watches a woman slice a cucumber.": ["A man|watches|a woman", "a woman|slice|a cucumber"],
    "The man hits the ball before running to the base.": ["The man|hits|the ball", "The man|running to|the base"],
    "A dog runs across the field chasing a ball": ["A dog|runs across|the field", "A dog|chasing|a ball"],
    "A woman lies in a hammock reading a magazine.": ["A woman|lies in|a hammock", "A woman|reading|a magazine"],
    "Holding a torch, the guard enters the cellar.": ["the guard|Holding|a torch", "the guard|enters|the cellar"],
    "The boy who kicks the ball falls on the grass.": ["The boy|kicks|the ball", "The boy|falls on|the grass"],
    "The ball that the girl throws hits the window.": ["the girl|throws|The ball", "The ball|hits|the window"],
    "The ball that Bix carries rolls into the tent.": ["Bix|carries|The ball", "The ball|rolls into|the tent"],
    # participles, and captions without a finite verb
    "a man dancing on stage": ["a man|dancing on|stage"],
    "a man playing a guitar": ["a man|playing|a guitar"],
    "A woman wearing a red dress walks down the street.": [
        "A woman|wearing|a red dress", "A woman|walks down|the street",
    ],
    "A dog covered with snow shakes its body.": ["A dog|covered with|snow", "A dog|shakes|its body"],
    "a horse pulling a cart loaded with wood": ["a horse|pulling|a cart", "a cart|loaded with|wood"],
    "a toddler splashing water in a bathtub": ["a toddler|splashing|water"],
    "The camera shows a man playing drums.": ["The camera|shows|a man", "a man|playing|drums"],
    "a woman in a bikini carrying a surfboard": ["a woman|carrying|a surfboard"],
    # passives
    "The ball is kicked by a girl.": ["a girl|kicked|The ball"],
    "The ball is kicked into the net by a girl.": ["a girl|kicked|The ball", "a girl|kicked into|the net"],
    "The car is parked near a tree.": ["The car|parked near|a tree"],
    "the ball is thrown": [],
    "A boy is looked after by his grandmother.": ["his grandmother|looked after|A boy"],
    "A girl is given a present by her father.": ["her father|given|A girl", "her father|given|a present"],
    "The wall, painted by the students, faces a playground.": [
        "the students|painted|The wall", "The wall|faces|a playground",
    ],
    "The vase was broken by the cat and repaired by Anna.": ["the cat|broken|The vase", "Anna|repaired|The vase"],
    # appositions and what is no link
    "Pip, the small red circle, chases Mo.": ["Pip|is|the small red circle", "Pip|chases|Mo"],
    "Pip, the small red circle, hugs Mo, the big green star.": [
        "Pip|is|the small red circle", "Pip|hugs|Mo", "Mo|is|the big green star",
    ],
    "A man with a beard in a hat sings.": [],
    "The fence is green.": [],
    "He looks at her and she looks at him.": [],
    "The dog does not chase the cat.": [],
    # verbs that are taken for nouns, names that are taken for verbs, sentences that are taken for one
    "Pip chases Mo.": ["Pip|chases|Mo"],
    "Zed chases Gus and Gus carries the kite.": ["Zed|chases|Gus", "Gus|carries|the kite"],
    "Zed and Pip chase Mo.": ["Zed|chase|Mo", "Pip|chase|Mo"],
    "Mo bumps into Pip.": ["Mo|bumps into|Pip"],
    "a man skis down a hill": ["a man|skis down|a hill"],
    "Tam pushes Bix off the bridge.": ["Tam|pushes|Bix", "Tam|pushes off|the bridge"],
    "Mo changes colour to purple and swaps places with Wren.": [
        "Mo|changes|colour", "Mo|changes to|purple", "Mo|swaps|places", "Mo|swaps with|Wren",
    ],
    "Pip chases Mo. Mo carries the ball.": ["Pip|chases|Mo", "Mo|carries|the ball"],
    "The beach at noon: Pip chases Mo, then Zed hides behind the rock.": [
        "Pip|chases|Mo", "Zed|hides behind|the rock",
    ],
}  # fmt: skip


def said(text: str) -> list[str]:
    return [f"{link.subject}|{link.predicate}|{link.object}" for link in links(english()(text))]


@pytest.mark.parametrize("text", SENTENCES)
def test_every_link_of_a_sentence_is_found_and_no_other(text: str) -> None:
    assert sorted(said(text)) == sorted(SENTENCES[text])


def scored(rows: list[dict[str, Any]]) -> tuple[float, float]:
    """Precision and recall over all links of all sentences."""
    right = told = true = 0
    for row, doc in zip(rows, english().pipe(row["text"] for row in rows), strict=True):
        wanted = {tuple(part.lower() for part in triple) for triple in row["triples"]}
        got = {(link.subject.lower(), link.predicate.lower(), link.object.lower()) for link in links(doc)}
        right, told, true = right + len(wanted & got), told + len(got), true + len(wanted)
    return right / told, right / true


def test_sentences_that_somebody_else_wrote_are_read_right() -> None:
    rows = [json.loads(line) for line in (GOLD / "triples_dev.jsonl").read_text("utf-8").splitlines()]
    precision, recall = scored(rows)
    assert precision >= 0.85, f"{precision:.3f} of what is found is there"
    assert recall >= 0.85, f"{recall:.3f} of what is there is found"


def toybox_sentences() -> dict[str, list[str]]:
    """What the toybox says an event is, with the links it states."""
    told: dict[str, list[str]] = {}
    for i, name in enumerate(world.NAMES):
        other = world.NAMES[(i + 3) % len(world.NAMES)]
        for verb in world.VERBS:
            for prop in world.PROPS if verb in world.WITH_PROP else world.THINGS:
                if verb in (*world.WITH_PROP, *world.WITH_THING):
                    told[f"{name} {verb} the {prop}."] = [f"{name}|{verb}|the {prop}"]
        told[f"{name} chases {other}."] = [f"{name}|chases|{other}"]
        told[f"{name} collides with {other}."] = [f"{name}|collides with|{other}"]
        told[f"{name} swaps places with {other}."] = [f"{name}|swaps|places", f"{name}|swaps with|{other}"]
        for colour in world.COLOURS:
            told[f"{name} changes colour to {colour}."] = [f"{name}|changes|colour", f"{name}|changes to|{colour}"]
    return told


def test_no_sentence_of_the_toybox_is_misread() -> None:
    told = toybox_sentences()
    for (text, wanted), doc in zip(told.items(), english().pipe(told), strict=True):
        got = [f"{link.subject}|{link.predicate}|{link.object}" for link in links(doc)]
        assert sorted(got) == sorted(wanted), text


@pytest.mark.parametrize(
    ("text", "tense", "between"),
    [
        ("A man puts a hat on the table.", "present", "a hat"),
        ("A man is putting a hat on the table.", "progressive", "a hat"),
        ("A man was putting a hat and a coat on the table.", "past progressive", "a hat and a coat"),
        ("A man put it on the table.", "past", "it"),
        ("A man has put a hat on the table.", "perfect", "a hat"),
        ("The hat is put on the table.", "passive", ""),
        ("The hat was put on the table.", "past passive", ""),
        ("The hat is carried to the table by a man.", "present", "The hat"),
        ("The hat was carried to the table by a man.", "past", "The hat"),
        ("The hat was thrown onto the table by a man.", "perfect", "The hat"),
        ("A man wants to put a hat on the table.", "infinitive", "a hat"),
        ("A man can put a hat on the table.", "modal", "a hat"),
    ],
)
def test_the_verb_tells_how_it_can_be_asked_for(text: str, tense: str, between: str) -> None:
    found = [link for link in links(english()(text)) if link.object == "the table"]
    assert [(link.verb.tense, link.verb.between) for link in found] == [(tense, between)]


WORDS = st.sampled_from(
    "a the Pip Mo. man dogs chases chase wearing kicked by is are was to and , : ; who that over behind ball red not "
    "gives her it in front of group leaves slide . \n colour green then Bix with".split(" ")
)


def check(text: str) -> None:
    found: list[Link] = links(english()(text))
    for link in found:
        assert link.subject == text[slice(*link.subject_span)]
        assert link.object == text[slice(*link.object_span)]
        assert link.subject.strip() and link.object.strip() and link.predicate.strip()
        first, second = sorted((link.subject_span, link.object_span))
        assert first[1] <= second[0]
    assert len(set(found)) == len(found)
    assert len({(x.subject_span, x.predicate, x.object_span) for x in found}) == len(found)


@settings(max_examples=150, deadline=None)
@given(st.lists(WORDS, max_size=25))
def test_spans_are_the_text_and_nothing_is_said_twice_in_any_order_of_words(words: list[str]) -> None:
    check(" ".join(words))


@settings(max_examples=75, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_no_text_can_make_it_fail(text: str) -> None:
    check(text)


@pytest.mark.parametrize(
    "text", ["", " ", "\n\n", ".", ":", "Mo.", "the the the", "and and", "a" * 3000, "🐈 chases 🐕"]
)
def test_what_is_no_sentence_has_no_links_or_sound_ones(text: str) -> None:
    check(text)
