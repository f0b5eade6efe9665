"""Questions, choices and things said about a clip, from which replies are made.

A family is a way that choices look: nouns, sentences, names, choices that contain each other or speak of letters.
Within a family no two choices are the same; what may be done with a choice's text depends on its family.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

LETTERS = "ABCDEFGHIJ"
COLOURS = "red blue green yellow purple orange grey white black pink".split()
THINGS = "ball cube cone box ring star disc block".split()

FAMILIES: dict[str, str | list[str]] = {
    "toys": [f"the {c} {t}" for c in COLOURS for t in THINGS],
    "plain": [f"{c} {t}" for c in COLOURS for t in THINGS],
    "nouns": "a revolver|the letter|a suitcase|an umbrella|car keys|a photograph|the necklace|binoculars|a lantern|"
    "a rope|the map|a telephone|an old violin|a bicycle|the mirror|a candle|ice|bread|the envelope|a cigarette case",
    "people": "the waiter|the chef|the detective|his sister|the taxi driver|a nurse|the bride|an old sailor|the priest|"
    "her landlord|the guard|the pianist|a child|the twins|the barber|the mayor|the stunt double|a courier",
    "names": "Bob|Anna|Claire|Dmitri|Eve|Frank|Gina|Hassan|Ines|Jack|Ada|Ben Carver|Carol|Dr. Chen|Emil|Captain Ashe|"
    "Mrs. Dalloway|Bea|Abel|Dora|Felix|Greta|Hugo|Ivy|Jonah|Mr. Okafor|Priya|Tomasz",
    "deeds": "Bob did it|Anna lied|Claire left the door open|Dmitri took the money|Eve followed them|Frank made a call|"
    "Gina swapped the cases|Hassan cut the wire|Ines hid upstairs|Jack paid the driver|Ada broke the lamp|"
    "Ben warned the others|Carol burned the photo|Emil stole the boat|Felix forgot the code",
    "sentences": "She hides the letter under the floorboard.|He burns the map in the fireplace.|They drive away "
    "before dawn.|The dog barks at the stranger.|A waiter drops the tray on purpose.|Everyone stops dancing.|"
    "Both brothers refuse to speak.|Because the bridge is closed, the convoy turns back.|He pretends to be asleep.|"
    "The captain salutes and walks off.|Did she really leave? The film never shows it.|In the end the house is sold.|"
    "Her father signs the papers without reading them.|Children run across the frozen lake.|It starts to rain.|"
    "Gunshots are heard from the cellar.|Firefighters break down the door.|Dust covers the piano.",
    "toy-sentences": [
        f"The {a} {s} {verb} the {b} {t}."
        for a, s, b, t in [
            ("red", "ball", "blue", "cube"), ("blue", "cube", "red", "ball"), ("green", "cone", "grey", "box"),
            ("grey", "box", "green", "cone"), ("white", "star", "black", "ring"), ("black", "ring", "white", "star"),
        ]
        for verb in ("hits", "passes behind", "stops beside")
    ],
    "clauses": "because he missed the last train|to warn her brother|so that nobody recognises him|by climbing the "
    "fire escape|after the lights go out|before the music stops|in order to win the bet|while the guard is asleep|"
    "as a favour to an old friend|for the insurance money|at the request of the bride|during the storm",
    "numbers": "1|2|3|4|5|6|7|8|9|10|11|12|20|21|100",
    "counts": "once|twice|three times|four times|five times|more than five times|never|at least ten times",
    "measures": "3 cars|4 cars|13 cars|5 cars|1 car|30 cars|15 cars|no cars|0.5 km|5 km",
    "single letters": "K|L|M|N|P|Q|R|S|T|V|W|X|Y|Z",
    "letter in it": "Plan B|Plan A|vitamin C|vitamin D|Apartment 4B|Gate E|platform A|the letter F|Block C|Type A|"
    "Camera B|Section D|Route G|Studio H",
    "contained": "a man|a man with a dog|a man with a dog and a hat|an old man|an old man with a dog|a man in a car|"
    "a man in a car with a dog|a young man",
    "contained more": "the door|the cellar door|the door of the cellar|the back door|the door and the window|"
    "the window|the cellar window|the back door and the window",
    "a or i first": "A red car|A woman in blue|A phone call|I never saw him|I am leaving tonight|An apology|"
    "A man in a hat|A key|I do|A stranger|A gift for her mother|I forgive you|As a joke|At the station|A broken vase",
    "like letters": "Beneath the stairs|Behind the curtain|Across the river|Down in the cellar|Everywhere|"
    "Far from the village|Garage|Home|In the attic|Just outside the gate|At a bar|By the sea|Church|Dockside",
    "yes or no": "Yes|No",
    "yes, no, other": "Yes|No|It is never shown|Only at the end",
    "true or false": "True|False",
    "times": "00:12|00:15|01:12|0:45|10:30|12:00|00:12 to 00:20|1:30|at 2:05|2:05 to 2:50",
    "clock": "at noon|at 3 a.m.|at 3 p.m.|around midnight|at dawn|at 9:15 in the morning|shortly before five",
    "marks": '"Get out!"|"Who\'s there?"|Mr. & Mrs. Hale|He says: "never again."|(nothing)|rock \'n\' roll|50% of it|'
    "$1,000|#7|left/right|one... two... three|well-being (his own)|[whispering]|R.S.V.P.|x + y = z|it's hers, not his",
    "accents": "Café Müller|Zoë’s dog|the naïve lieutenant|São Paulo|Gdańsk|“Da capo”|Ångström|piñata|the façade|"
    "Dvořák — Symphony No. 9|crème brûlée|Noël|El Niño|Straßenbahn",
    "Spanish": "la maleta roja|el perro del vecino|una carta|a la izquierda|en el tejado|las llaves|el camarero",
    "French": "la valise rouge|le chien du voisin|une lettre|à gauche|sur le toit|l’écharpe|d’abord le chat",
    "German": "der rote Koffer|ein Brief|auf dem Dach|der Hund des Nachbarn|Bäckerei|die Schlüssel|links",
    "Russian": "красный чемодан|письмо|на крыше|собака соседа|ключи|официант|зонт",
    "Chinese": "红色的箱子|一封信|在屋顶上|邻居的狗|钥匙|服务员|雨伞",
    "Japanese": "赤いスーツケース|手紙|屋根の上|隣の犬|鍵|ウェイター|傘",
    "Arabic": "حقيبة حمراء|رسالة|على السطح|كلب الجار|المفاتيح",
    "feelings": "angry|relieved|afraid|bored|jealous|calm|embarrassed|curious|heartbroken|amused|indifferent|proud",
    "places": "Berlin|a diner|Grand Central|the attic|Cairo|Edinburgh|the deck of a ship|Denver|Hanoi|Istanbul|Accra",
}  # fmt: skip
META = ("None of the above", "All of the above", "Both A and B", "Neither A nor B", "A and C only")
NOUNLIKE = set("toys plain nouns people names places contained".split()) | {"contained more", "letter in it"}
FOREIGN = {"Spanish", "French", "German", "Russian", "Chinese", "Japanese", "Arabic"}

QUESTIONS = (
    "What happens right after the lights go out?", "Who opens the gate?", "Why does she turn around?",
    "Which object is picked up first?", "What is said at the table?", "How does the scene end?",
    "Where does the chase begin?", "What does the stranger want?", "What can be inferred about the two?",
)  # fmt: skip

# Said of the clip, and of no choice.
FACTS = (
    "The scene is dimly lit and the camera moves slowly.", "Two characters face each other without speaking.",
    "A crowd can be seen in the background.", "Around the middle of the clip the music changes.",
    "Dialogue in the subtitles is sparse here.", "In frame 3 the lighting shifts.",
    "At 0:41 there is a close-up of someone's hands.", "Everything happens within a single room.",
    "The mood grows tense toward the end of the clip.", "Both frames at the start show the same corridor.",
    "I looked at the frames in order.", "Clearly, the edit skips some of the action.",
    "Before that, the shot lingers on an empty chair.", "The subtitles mention an earlier conversation.",
    "Given the body language, the conversation is not friendly.", "An establishing shot opens the clip.",
    "Finally, the image fades.", "Here the visual description and the dialogue agree.",
)  # fmt: skip

# Sentences with a capital letter that names no option.
STRAY = (
    "They discuss plan B over dinner.", "The sign on the wall reads 'Platform A'.", "She parks on level C.",
    "He takes a vitamin D tablet.", "It is shot like a B-movie.", "An A-list actor appears in a cameo.",
    "Someone hums a tune in C major.", "The badge says 'Agent E'.", "The teacher writes a big F on the paper.",
    "Hepatitis B is mentioned on the radio.", "They walk from point A to point B.", "In apartment B a dog barks.",
    "The second unit filmed the B-roll.", "He got a D in chemistry.", "Malcolm A. Reed signs the form.",
)  # fmt: skip


@dataclass
class Asked:
    """One question with the choice that the reply is to commit to, if it commits to one, and the dice."""

    rng: Random
    family: str
    question: str
    choices: tuple[str, ...]
    index: int
    others: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.others = [i for i in range(len(self.choices)) if i != self.index]
        self.rng.shuffle(self.others)

    @property
    def letter(self) -> str:
        return LETTERS[self.index]

    @property
    def text(self) -> str:
        return self.choices[self.index]

    @property
    def bare(self) -> str:
        """The text as it stands inside a sentence, without its full stop."""
        return unstopped(self.text)

    @property
    def other(self) -> str:
        return LETTERS[self.others[0]]

    @property
    def letters(self) -> str:
        return LETTERS[: len(self.choices)]

    @property
    def speaks_of_letters(self) -> bool:
        return any(choice in META for choice in self.choices)

    def one(self, *options: str) -> str:
        return self.rng.choice(options)

    def fact(self, count: int = 1, pool: Sequence[str] = FACTS) -> str:
        """Facts in which no choice is named, for whatever the choices are."""
        fit = [fact for fact in pool if not any(named(choice, fact) for choice in self.choices)]
        return " ".join(self.rng.sample(fit, count))

    def listed(self, mark: str = ") ") -> str:
        return "\n".join(f"{LETTERS[i]}{mark}{choice}" for i, choice in enumerate(self.choices))


def unstopped(text: str) -> str:
    """Without the full stop of a sentence; "a.m." keeps its own."""
    return text.removesuffix(".") if text.count(".") == 1 else text


def plain(text: str) -> str:
    return " " + " ".join("".join(c.casefold() if c.isalnum() else " " for c in text).split()) + " "


def named(choice: str, text: str) -> bool:
    """Whether the words of the choice stand in the text, one after another."""
    words = plain(choice).strip()
    return bool(words) and (f" {words} " in plain(text) or (not words.isascii() and words in plain(text)))


def contained(choices: Sequence[str]) -> bool:
    return any(a is not b and named(a, b) for a in choices for b in choices)


def pool(family: str) -> list[str]:
    given = FAMILIES[family]
    return given.split("|") if isinstance(given, str) else given


def ask(rng: Random) -> Asked:
    """A question of a random family with two to ten choices, four and five most often."""
    family = rng.choice(list(FAMILIES))
    size = min(rng.choices(range(2, 11), (3, 3, 10, 10, 3, 2, 2, 2, 2))[0], len(pool(family)))
    choices = rng.sample(pool(family), size)
    if family in ("people", "nouns", "toys") and size > 3 and rng.random() < 0.4:
        for last, text in enumerate(rng.sample(META, rng.choice((1, 1, 2))), 1):
            choices[-last] = text
        family = "about letters"
    return Asked(rng, family, rng.choice(QUESTIONS), tuple(choices), rng.randrange(size))
