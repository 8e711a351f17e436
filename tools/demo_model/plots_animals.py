"""Stories in which the animals speak."""

from plot import Plot

# Each animal hero is drawn as one bundle; the names and pronouns replace those of the child.
SHE = dict(he="she", him="her", his="her", himself="herself")
HE = dict(he="he", him="him", his="his", himself="himself")
HEROES = (
    dict(h="Hazel", kind="squirrel", **SHE),
    dict(h="Rusty", kind="fox", **HE),
    dict(h="Pip", kind="mouse", **HE),
    dict(h="Bramble", kind="hedgehog", **SHE),
    dict(h="Clover", kind="rabbit", **SHE),
    dict(h="Barnaby", kind="bear", **HE),
    dict(h="Willow", kind="otter", **SHE),
)
FRIENDS = (
    dict(f="Sage", fkind="owl", fhe="she", fhim="her", fhis="her"),
    dict(f="Moss", fkind="toad", fhe="he", fhim="him", fhis="his"),
    dict(f="Basil", fkind="badger", fhe="he", fhim="him", fhis="his"),
    dict(f="Linnet", fkind="wren", fhe="she", fhim="her", fhis="her"),
)
OPENINGS = (
    "Once upon a time, [deep in the forest|in a quiet green valley|in a wood where nobody ever went], there lived a {trait} [young|little] {kind} named {h}.",
    "[Deep in the forest|At the foot of an old oak|In a quiet green valley] lived a {trait} [young|little] {kind} named {h}.",
    "{h} was a {trait} [young|little] {kind} who lived [deep in the forest|at the foot of an old oak].",
)

WINTER_STORE = Plot(
    name="winter_store",
    weathers=("snowy", "cold"),
    traits="busy|careful|hardworking",
    own_opening=OPENINGS,
    bundles=(
        HEROES,
        FRIENDS,
        (dict(food="nuts"), dict(food="berries"), dict(food="roots"), dict(food="mushrooms")),
    ),
    phases=(
        (
            "All through the autumn {he} gathered {food} and carried them home, until {his} store was full to the roof. \"Now the winter can come,\" said {h}.",
            "From the first yellow leaf to the last, {he} gathered {food}. {he} counted them every evening, and every evening there were more.",
        ),
        (
            "// And the winter came. {weather_line} One night there was a soft knock at the door. It was {f}, the old {fkind}. \"I was ill all autumn,\" said {f}, \"and I have nothing to eat. Could you spare a little?\"",
            "// Then it turned cold. {weather_line} {f}, the old {fkind}, came to {h}'s door. \"My store was washed away in the great rain,\" said {f}. \"I am ashamed to ask.\"",
        ),
        (
            "// {h} looked at {his} {food}. If {he} gave some away, there might not be enough until spring. {he} counted, and {he} counted again. Then {he} pushed the whole heap into the middle of the room. \"Half for you,\" {he} said, \"and half for me.\"",
            "// {h} did not answer at once. {he} had worked so hard. But the wind was cold, and {f} was so thin. \"Come in,\" said {h}. \"There is room at my table for two.\"",
        ),
        (
            "// So they shared. {f} knew a hundred stories, and every evening, when they had eaten, {fhe} told one. The winter was long, but it did not seem so.",
            "// {f} had nothing to give in return but songs. {fhe} sang them by the fire, and {h} learned every one of them. Outside, the snow climbed up to the window.",
        ),
        (
            "// When the first green leaves came, the store was empty. \"We have eaten it all,\" said {f}. \"I am sorry.\" // \"I am not,\" said {h}. \"Last winter I had twice as much to eat, and nobody to talk to.\"",
            "// In spring, when the snow had melted, {h} swept out {his} empty store. There was not one crumb left. But it had been the best winter of {his} life.",
        ),
    ),
)

MOON = Plot(
    name="moon",
    weathers=("warm", "sunny"),
    traits="curious|dreamy|small",
    own_opening=OPENINGS,
    bundles=(
        HEROES,
        FRIENDS,
        (
            dict(how="dipped a bucket into the pond, and there was the moon, in the bucket", gone="But when {he} carried it inside, it was only water"),
            dict(how="climbed the tallest tree and reached up as far as {he} could", gone="But the moon was just as far away as before"),
            dict(how="threw a net into the pond, where the moon lay shining", gone="But when {he} pulled it out, there was only a surprised frog in it"),
        ),
    ),
    phases=(
        (
            "{he} loved the moon more than anything else in the world. \"If only I could have it for myself,\" {he} said. \"I would hang it over my bed.\"",
            "Every night {he} looked at the moon, and every night {he} wished that it belonged to {him}.",
        ),
        (
            "// So one night {he} {how}. {gone}.",
            "// One clear night {he} made up {his} mind to catch it. {he} {how}. {gone}.",
        ),
        (
            "// \"What are you doing?\" asked {f}, the {fkind}, who had been watching for some time. // \"I am trying to catch the moon,\" said {h}. \"But it will not be caught.\" //",
            "// {h} began to cry. {f}, the {fkind}, heard it and came to see what was the matter. // \"I want the moon,\" said {h}, \"and it does not want me.\" //",
        ),
        (
            "\"Come with me,\" said {f}. They walked for a while, and {f} pointed up. \"Where is the moon now?\" // \"It is still above us,\" said {h}. They walked on, over the hill and through the trees. \"And now?\" // \"Still above us!\" //",
            "{f} thought for a moment. \"Take a walk with me,\" {fhe} said. So they walked through the trees, over the hill, and along the stream. \"Look up,\" said {f}. // {h} looked up. \"It came along with us!\" {he} said. //",
        ),
        (
            "\"You see,\" said {f}, \"it follows you wherever you go. What more could you ask of a friend?\"",
            "\"It goes with everyone who looks at it,\" said {f}. \"It would be a pity to keep it over one bed.\"",
        ),
        (
            "// {h} thought about that all the way home. Then {he} opened the window as wide as it would go, lay down, and fell asleep in the moonlight.",
            "// That night {h} pulled {his} bed under the window. The moon looked in, and the {kind} looked out, and after a while one of them was asleep.",
        ),
    ),
)

BOAST = Plot(
    name="boast",
    weathers=("sunny", "windy"),
    traits="quick|proud|lively",
    own_opening=OPENINGS,
    bundles=(
        HEROES,
        (
            dict(f="Moss", fkind="toad", fhe="he", fhim="him", fhis="his"),
            dict(f="Dot", fkind="snail", fhe="she", fhim="her", fhis="her"),
            dict(f="Sandy", fkind="tortoise", fhe="he", fhim="him", fhis="his"),
        ),
        (
            dict(missed="the nest with four blue eggs, the spider's web full of dew, and the first strawberries", give="a handful of strawberries", given="the strawberries"),
            dict(missed="the rainbow over the pond, the dancing cranes, and the bush where the sweet blackberries grow", give="a leaf full of blackberries", given="the blackberries"),
            dict(missed="the mushrooms standing in a ring, the deer with her new fawn, and the honey in the hollow tree", give="a piece of honeycomb", given="the sweet honeycomb"),
        ),
    ),
    phases=(
        (
            "Nobody could run as fast as {h}, and nobody talked about it as much. \"I was at the pond and back before breakfast,\" {he} would say. \"Where have you been?\"",
            "{he} was the fastest runner for miles around, and {he} told everyone so, whether they had asked or not.",
        ),
        (
            "// {when}, {h} met {f}, the {fkind}. \"You are so slow,\" said {h}, \"that I could run to the hill and back three times before you got there once.\" // \"I am sure that you could,\" said {f}. //",
            "// {when}, {he} ran past {f}, the {fkind}, and then ran back to laugh at {fhim}. \"Do you never get tired of being so slow?\" asked {h}. // \"Not so far,\" said {f}. //",
        ),
        (
            "\"Then let us both go to the hill,\" said {h}, \"and you will see.\" And {he} was gone in a cloud of dust. {he} ran so fast that everything was only a green blur.",
            "\"I will race you to the hill,\" said {h}. Before {f} could answer, {he} was gone, faster than the wind.",
        ),
        (
            "// {h} sat on the hill and waited. {he} waited until noon. {he} waited until the shadows were long. At last {f} came up the path, carrying {give}.",
            "// {h} was on the hill in no time at all. It was dull there, all alone. When {f} came at last, it was almost evening, and {fhe} was carrying {give}.",
        ),
        (
            "// \"I won!\" said {h}. // \"You did,\" said {f}. \"And what did you see on the way?\" // {h} opened {his} mouth and closed it again. {he} had seen nothing at all.",
            "// \"What took you so long?\" asked {h}. // \"There was so much to see,\" said {f}. {fhe} told {him} about {missed}. // \"I did not see any of that,\" said {h} in a small voice.",
        ),
        (
            "// {f} laughed and shared {given} with {him}. They walked home together, very slowly, and {f} showed {him} everything.",
            "// \"Then come back with me,\" said {f}, \"and I will show you.\" It was the slowest walk of {h}'s life. It was also the best.",
        ),
    ),
)

LANTERN = Plot(
    name="lantern",
    weathers=("foggy", "stormy", "windy"),
    times=("evening", "night"),
    traits="shy|small|quiet",
    own_opening=OPENINGS,
    bundles=(
        HEROES,
        FRIENDS,
        (
            dict(glow="a firefly", size="no bigger than a seed", thanks="\"I was only a little light,\" said the firefly."),
            dict(glow="a glowworm", size="no longer than a thorn", thanks="\"I was only a little light,\" said the glowworm."),
        ),
    ),
    phases=(
        (
            "{when}, {he} was on {his} way home when {he} saw {glow} under a leaf. It was {size}, and it was crying. \"I am too small,\" it said. \"The moon lights up the whole world, and I cannot even light up this leaf.\"",
            "{when}, {he} heard someone crying under a leaf. It was {glow}. \"What good is a light like mine?\" it said. \"I am {size}, and nobody ever notices me.\"",
        ),
        (
            "// \"I noticed you,\" said {h}. {he} did not know what else to say, so {he} sat down beside it. {weather_line} Soon it was so dark that {h} could not see {his} own paws.",
            "// \"Come and walk with me for a while,\" said {h}, \"and tell me about it.\" {weather_line} They went on together, and the night grew blacker with every step.",
        ),
        (
            "// Then a voice called out. \"Help! Is anyone there?\" It was {f}, the {fkind}. {fhe} had lost the path, and in front of {fhim} was a deep hole that {fhe} could not see.",
            "// Suddenly they heard a cry. {f}, the {fkind}, was lost in the dark. One more step, and {fhe} would have fallen into the stream.",
        ),
        (
            "// \"Stand still!\" cried {h}. \"Shine,\" {he} said to the little one. \"Shine as brightly as you can!\" And it shone. It was a tiny green light, but in all that darkness there was no other, and {f} saw it at once.",
            "// There was no moon, and there were no stars. There was one small light. It flew ahead, close to the ground, and step by step {f} followed it until {fhe} was safe.",
        ),
        (
            "// \"Who was that?\" asked {f}, when they had all come home. \"I have never seen such a beautiful light.\" // {thanks} // \"A little light in the dark,\" said {f}, \"is worth more than a big one at noon.\"",
            "// {f} bowed very low. \"You saved my life,\" {fhe} said. // {thanks} // \"You were the only light,\" said {f}, \"and that was enough.\"",
        ),
        (
            "// After that, nobody in the forest ever called it small.",
            "// From then on, {h} and the little light walked home together every night, and neither of them was ever afraid of the dark.",
        ),
    ),
)

PLOTS = (WINTER_STORE, MOON, BOAST, LANTERN)
