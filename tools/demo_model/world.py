"""Who and what the stories are about: people, homes, weather, and the openings of stories."""

from grammar import choose, expand

GIRLS = ("Mia Lily Nora Ella Anna Ruby Clara Ivy Zoe Lucy Maya Rose Sara Emma Alice June Hanna Elsa Greta Vera").split()
BOYS = ("Leo Sam Max Ben Finn Oliver Theo Noah Jack Eli Hugo Oscar Adam Peter Luca Will Felix Paul Simon David").split()
# Heard less often, so that the model learns to carry on with any name it is given.
RARE_GIRLS = ("""Abigail Amelia Amy Angela Audrey Beatrice Bella Bridget Camille Carla Carmen Caroline Cecilia Charlotte Chloe
Claire Daisy Diana Dora Eleanor Elena Eliza Emily Erika Esther Eva Fatima Fiona Frida Gloria Grace Hannah Harriet Helen
Ines Ingrid Irene Isabel Jana Jane Jasmine Joanna Julia Kate Katya Laila Laura Lena Leila Linda Lotte Louise Luna
Margaret Maria Marie Mary Matilda Mei Mina Molly Nadia Naomi Nina Olga Olivia Paula Petra Phoebe Priya Rachel
Rebecca Sandra Selma Sofia Sophie Stella Susan Tara Teresa Tilda Ursula Valerie Victoria Violet Wanda Yara Yuki""").split()
RARE_BOYS = ("""Aaron Adrian Ahmed Albert Alexander Andrew Anton Arthur Boris Bruno Carl Charlie Chris Daniel Dennis Diego
Edgar Edward Elliot Emil Eric Ethan Frank Fred Gabriel George Gregory Hans Harry Hassan Igor Isaac Ivan Jakob James
Jan Jasper Joel John Jonas Joseph Julian Kai Karl Kevin Lars Leon Liam Louis Lucas Magnus Marco Mark Martin
Matthew Michael Miles Milo Mohamed Nicholas Nico Nils Omar Otis Pablo Patrick Philip Rafael Ravi Richard Robert
Robin Ryan Samuel Sebastian Stefan Steven Thomas Tim Tobias Victor Vincent Walt William Yusuf Zack""").split()
OLD_WOMEN = "Martha Agnes Edith Rosa Helga Ada".split()
OLD_MEN = "Tom Walter Otto Henry Jacob Amos".split()

SHE = {"he": "she", "him": "her", "his": "her", "himself": "herself"}
HE = {"he": "he", "him": "him", "his": "his", "himself": "himself"}

# Where the hero lives decides what lies nearby, so that nobody meets a lighthouse in the mountains.
AREAS = (
    dict(home="in a small village by the sea|in a white house above the harbor|on a little island where the ferry came twice a week",
         spot="the beach|the harbor|the dunes", path="along the beach|down to the harbor|over the dunes",
         far="the old lighthouse|the island of seals|the cliffs", water="the sea",
         job="fisherman|sailmaker|ferry captain", sound="the waves|the gulls"),
    dict(home="at the edge of a deep forest|in a wooden house among the pines|in a village with the forest on three sides",
         spot="the clearing|the old oak|the mossy stones", path="through the forest|between the tall pines|down the mossy path",
         far="the hidden waterfall|the oldest tree in the forest|the lake beyond the pines", water="the stream",
         job="woodcutter|beekeeper|toymaker", sound="the trees|the owls"),
    dict(home="in a town full of bridges|in a tall narrow house above a bakery|on a street so small that it had no name",
         spot="the market square|the park|the fountain", path="down the narrow streets|across the market square|over the stone bridge",
         far="the top of the clock tower|the castle above the town|the garden on the hill", water="the canal",
         job="clockmaker|baker|bookseller", sound="the bells|the pigeons"),
    dict(home="on a farm in the green hills|in a stone house high in the mountains|in a valley where everyone kept sheep",
         spot="the meadow|the orchard|the stone wall", path="up the hill|across the meadow|along the stone wall",
         far="the top of the mountain|the lake above the clouds|the old mill", water="the brook",
         job="shepherd|miller|beekeeper", sound="the sheep bells|the wind in the grass"),
    dict(home="in a village beside a slow brown river|in a little house beside the river|near the old bridge at the bend of the river",
         spot="the riverbank|the willow trees|the old bridge", path="along the river|under the willow trees|across the old bridge",
         far="the island in the river|the old mill|the place where the river meets the sea", water="the river",
         job="ferryman|boat builder|gardener", sound="the frogs|the water"),
)

# True indoors and out, for a line may follow either.
WEATHER = {
    "rainy": ("The rain came down in long silver lines.|The gutters sang, and every puddle was full of rings.|The sky was the color of an old spoon.", "spring|autumn"),
    "snowy": ("Snow lay over everything, and the world was white and still.|Every roof wore a thick white hat.|Big soft flakes came drifting down.", "winter"),
    "windy": ("The wind rattled the shutters and chased dry leaves down the lane.|The wind pulled at everything that was not tied down.|Clouds hurried across the sky as if they were late for supper.", "autumn|spring"),
    "sunny": ("The sky was wide and blue, without a single cloud.|The light was as warm and yellow as butter.|Swallows were racing one another through the air.", "summer|spring"),
    "foggy": ("Fog had come in, and the trees looked like gray ghosts.|The fog was so thick that even the nearest trees had disappeared.|Every sound seemed soft and far away.", "autumn"),
    "cold": ("Frost sparkled on every blade of grass.|The puddles had turned to glass, and breath hung in the air like smoke.|There was a smell of wood smoke in the air.", "winter|autumn"),
    "warm": ("Bees hummed in the flowers, and the air smelled of cut grass.|Even the cat was too lazy to chase anything.|The leaves hardly moved.", "summer"),
    "stormy": ("Thunder grumbled behind the hills.|The wind howled, and lightning lit up the sky.|The clouds were as dark as plums.", "autumn|summer"),
}


def any_name(rng):
    """A name that need not exist: Belora, Tavin, Rumo."""
    syllables = [rng.choice("b d f g h j k l m n p r s t v z br tr st".split()) + rng.choice("aeiou") for _ in range(rng.randint(1, 2))]
    name = "".join(syllables) + rng.choice(("n", "l", "r", "s", "ra", "na", "lo", "mi"))
    return name.capitalize()


def child_name(rng, common, rare):
    kind = rng.random()
    if kind < 0.7:
        return rng.choice(common)
    return rng.choice(rare) if kind < 0.92 else any_name(rng)


def person(rng, slots, prefix, women, men, avoid=(), girls=0.5):
    """Adds a person to `slots`: the name under `prefix` and pronouns under `prefix` + he, him, his, himself."""
    female = rng.random() < girls
    while True:
        if women is GIRLS:
            name = child_name(rng, GIRLS if female else BOYS, RARE_GIRLS if female else RARE_BOYS)
        else:
            name = rng.choice(women if female else men)
        if name not in avoid:
            break
    slots[prefix] = name
    lead = "" if prefix == "h" else prefix
    for key, word in (SHE if female else HE).items():
        slots[lead + key] = word
    return female


def make_world(rng, plot):
    """The slots of one story: hero (h, he, ...), friend (f, fhe, ...), elder (e, ehe, ...), family, home, weather."""
    slots = {}
    girl = person(rng, slots, "h", GIRLS, BOYS)
    slots["kid"] = "girl" if girl else "boy"
    # A friend is mostly of the other sex, so that "he" and "she" stay clear.
    person(rng, slots, "f", GIRLS, BOYS, avoid=(slots["h"],), girls=0.1 if girl else 0.9)
    old_woman = person(rng, slots, "e", OLD_WOMEN, OLD_MEN)
    for key, template in choose(rng, AREAS).items():
        slots[key] = expand(rng, f"[{template}]", slots)
    if old_woman:
        slots["job"] = slots["job"].replace("fisherman", "net mender").replace("ferryman", "ferry captain")
    mother = rng.random() < 0.5
    slots["parent"], slots["phe"], slots["phis"], slots["phim"] = (
        ("mother", "she", "her", "her") if mother else ("father", "he", "his", "him"))
    grandma = rng.random() < 0.6
    slots["gran"], slots["ghe"], slots["ghis"], slots["ghim"] = (
        ("grandmother", "she", "her", "her") if grandma else ("grandfather", "he", "his", "him"))
    weather = choose(rng, plot.weathers)
    lines, seasons = WEATHER[weather]
    slots["weather"] = weather
    slots["weather_line"] = expand(rng, f"[{lines}]", slots)
    slots["season"] = expand(rng, f"[{seasons}]", slots)
    slots["time"] = choose(rng, plot.times)
    when = "[one {weather} {time}|one {weather} {time}|on a {weather} {time} in {season}|late one {weather} {time}]"
    if slots["time"] == "morning":
        when = when.replace("late one", "early one")
    slots["when"] = expand(rng, when, slots)
    slots["trait"] = expand(rng, f"[{plot.traits}]", slots)
    for bundle in plot.bundles:
        for key, template in choose(rng, bundle).items():
            slots[key] = expand(rng, template, slots)
    return slots


ONCE_UPON_A_TIME = (
    "Once upon a time, there was a {trait} {kid} named {h} who lived {home}.",
    "Once upon a time, {home}, there lived a {trait} {kid} named {h}.",
    "Once upon a time there was a {kid} named {h}, who lived {home}.",
)
INTRODUCTIONS = (
    "{h} was a {trait} {kid} who lived {home}.",
    "There was once a {trait} {kid} named {h} who lived {home}.",
    "{h} lived {home} with {his} [{parent}|{gran}|{parent} and {gran}].",
)


def opening(rng, slots, plot):
    """The first lines of a story, up to the sentence that starts the plot. Sets slot H, the hero's name there."""
    kind = rng.random()
    if kind < 0.42:
        slots["H"] = slots["h"]
        return ""
    slots["H"] = rng.choice((slots["h"], slots["he"]))
    lines = ONCE_UPON_A_TIME if kind < 0.78 else INTRODUCTIONS
    return expand(rng, choose(rng, lines) + " " + choose(rng, plot.intros), slots) + " // "
