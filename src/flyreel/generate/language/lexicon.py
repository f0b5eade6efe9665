"""Words by what can be asked of them. Not a thesaurus: a word that is missing gets the plainer question, or none."""

from __future__ import annotations

from flyreel.generate.language.inflect import noun_base

_CLOTHES = (
    "apron armor armour attire bandana bathrobe beanie belt bikini blazer blouse boot bra bracelet cap cape "
    "cardigan clothes clothing coat collar costume dress earring gear glasses glove goggles gown harness "
    "hat headband headscarf helmet high-heels hood hoodie jacket jean jeans jersey jumper kilt kimono leggings "
    "makeup mask mitten necklace outfit overall overalls pajamas pants pyjamas robe sandal sari scarf shirt "
    "shoe short shorts skirt slipper sneaker sock spectacles suit sunglasses suspenders sweater sweatshirt "
    "swimsuit t-shirt tanktop tie tights top trousers trunk trunks turban tutu tuxedo underwear uniform veil "
    "vest vests wig"
)
CLOTHES = frozenset(_CLOTHES.split()) | {noun_base(word) for word in _CLOTHES.split() if word != "glasses"}
BODY = frozenset(
    "arm back beak beard belly body cheek chest chin ear elbow eye face finger fist foot forehead fur hair hand "
    "head heel hip jaw knee lap leg lip moustache mouth mustache nail neck nose paw ponytail shoulder skin "
    "stomach tail thumb toe tongue tooth waist wing wrist braid pigtail eyebrow".split()
)
TIMES = frozenset(
    "afternoon april august autumn christmas dawn day daybreak december dusk evening fall february friday "
    "halloween hour january july june lunch breakfast dinner lunchtime march may midday midnight minute moment "
    "monday month morning night nighttime noon november october saturday season second september spring summer "
    "sunday sundown sunrise sunset thursday time tuesday twilight wednesday week weekend winter year beginning "
    "end start".split()
)
LIGHTS = frozenset("moonlight lamplight sunlight sunshine daylight candlelight firelight starlight".split())
EVENTS = frozenset(
    "ceremony class competition concert contest dance event fight game lesson match meeting party performance "
    "play race rehearsal round session show speech storm tournament wedding".split()
)
MANNER = frozenset(
    "anger care caution circle confusion delight difficulty disbelief disgust ease effort enthusiasm excitement "
    "fear fashion force grace gesture glee hurry joy laughter line manner motion panic pain passion precision "
    "pride rage row sadness shame silence smile speed stride surprise unison sync pace frown grin horror shock "
    "fun costume position pose conversation order tear despair amazement".split()
)
"""With in, with or at: how, not where."""
VEHICLES = frozenset("bicycle bike boat bus car ferry foot plane ship taxi train tram truck".split())
SOUNDS = frozenset(
    "beat conversation instruction lecture melody music rhythm song sound speech story tune radio".split()
)
NOT_PLACES = frozenset(
    "camera cellphone drum flute guitar instrument keyboard mobile order phone piano purpose question saxophone "
    "sleep telephone topic trumpet violin way fire television tv internet list air-guitar task project homework "
    "art attention progress flight detail use love action trouble half piece language english french color colour "
    "black white red blue green".split()
)
"""After a preposition of place, no place."""

STATIC = frozenset(
    "in|inside|on|at|near|by|beside|besides|behind|under|underneath|beneath|below|above|between|among|amongst|"
    "amid|around|outside|over|opposite|against|atop|upon|alongside|next to|in front of|on top of|at the top of|"
    "across from|inside of|outside of|close to|in the middle of|in the center of|in the centre of|on the edge of|"
    "at the edge of|on the side of|at the end of|at the bottom of|at the back of|at the front of|along|far from|"
    "within|throughout|underneath of|in the back of|in the corner of|on the back of|to the left of|"
    "to the right of|on board|aboard|nearby".split("|")
)
MOVING = frozenset(
    "into|onto|to|toward|towards|through|across|down|up|past|back to|back into|off|off of|up to|down to|over to|"
    "on to|in to|up into|down into|up onto|down onto|back onto|up on|out onto|out into|down on|over|around|along".split(
        "|"
    )
)
FROM = frozenset("from|out of|out from|away from|down from|up from|out".split("|"))

AT_SOMETHING = frozenset(
    "aim bark bite chuckle clap cheer fire frown gape gaze gesture giggle glance glare gaze grab growl grin "
    "hiss laugh look marvel nod paw peek peer point roar scowl scream shoot shout smile smirk sniff snap spit "
    "squint stare strike swat swing swipe throw toss wave wink yell".split()
)
"""Smiles at the camera: at what, not where."""
TO_SOMETHING = frozenset(
    "add adjust apologize apply attach attend belong bow clap compare confess connect cling conform dance "
    "explain feed gesture glue groove gyrate introduce lip-sync lead listen nail nod point pray propose react "
    "refer relate respond say sing speak stick switch talk tie vibe whisper".split()
)
WORKED = frozenset(
    "attach cover decorate dress fill line litter lock load make pack paint sprinkle surround wrap stuff".split()
)
"""As participles these say how something is, not where: "wrapped in paper"."""
INTO_OTHER = frozenset(
    "break carve change chop cut convert divide fold form morph shape slice split transform tear turn".split()
)
SAYING = frozenset(
    "believe claim dream feel guess hear hope imagine know say suppose suspect tell think want wish wonder".split()
)
"""What follows is said, not seen."""
SPOTS = frozenset("beach park playground party table restaurant bar concert stadium gym school home lake zoo".split())
"""At these one is, whatever else one does at things."""
LEADING = frozenset(
    "try start begin want seem attempt continue keep stop like love prepare manage decide need learn pretend "
    "appear plan struggle refuse go finish enjoy get be have practice practise offer ask help avoid hate prefer "
    "resume".split()
)
"""What does she try to do? But not: what does she jump to do?"""
TOOLS = frozenset(
    "knife fork spoon stick brush hammer scissors bat racket hand finger tool rope sword pen pencil broom mop towel "
    "cloth sponge whisk saw axe shovel drill ladle tongs chopstick net hose razor needle rake spatula paddle club "
    "hook key blade grater peeler roller sander torch screwdriver wrench comb paintbrush rag foot fist head".split()
)
"""One does with these what one does; the parser likes to hang them on what it is done to."""
WEARING = frozenset("wear have don".split())
RECOLOURING = frozenset("change fade shift switch turn".split())
STATIVE = frozenset("wear dress cover have be name call own contain consist seem look appear belong".split())
"""Not what is meant by "What is the man doing?"."""
RESTING = frozenset("lie stand hang sit rest stay remain lean float lay".split())
PEOPLES = frozenset(
    "african american asian arab australian brazilian british canadian caucasian chinese christian cuban dutch "
    "egyptian english european french german greek hindu hispanic indian irish islamic italian jamaican "
    "japanese jewish korean mexican mongolian muslim polish roman russian scottish spanish swedish thai turkish "
    "vietnamese".split()
)
"""Adjectives that keep their capital inside a sentence."""
LINKS = frozenset(
    "then also too there here next finally first lastly afterwards afterward later meanwhile suddenly".split()
)
"""Adverbs that point at the sentence before, or at nothing."""
