"""Stories of home: things lost, gifts, baking, gardens, noises in the night."""

from plot import Plot

LOST_SOFT = Plot(
    name="lost_soft",
    weathers=("rainy", "cold", "windy", "snowy", "foggy"),
    traits="kind|curious|cheerful|quiet",
    intros=(
        "Of all the things {he} owned, {he} loved {his} {item} best. {his} {gran} had made it, and it smelled of home.",
        "{his} {gran} had made {him} a {item}, and {he} took it everywhere.",
    ),
    bundles=(
        (dict(item="red scarf"), dict(item="striped scarf"), dict(item="green blanket"), dict(item="woolen hat"), dict(item="yellow sweater")),
        (
            dict(last="in the old shed, when I put the tools away", place="shed", animal="cat",
                 found="In the darkest corner lay the gray cat. Beside her, blind and tiny, slept [four|three|five] newborn kittens.",
                 they="the kittens", grown="kittens were chasing [one another|leaves] around the yard", sign="cat"),
            dict(last="in the henhouse, when I looked for eggs", place="henhouse", animal="hen",
                 found="In the last nest sat the smallest hen, wrapped up like a queen. Something under her said peep, and [three|four|five] yellow chicks looked out.",
                 they="the chicks", grown="chicks were running all over the yard", sign="hen"),
            dict(last="under the apple tree, when I raked the leaves", place="garden", animal="hedgehog",
                 found="Under the apple tree was a heap of leaves, and in the heap, warm and round and fast asleep, lay a hedgehog with [two|three] little ones.",
                 they="the hedgehogs", grown="hedgehogs came out and drank from a saucer by the door", sign="hedgehog"),
        ),
    ),
    phases=(
        (
            "{when}, {H} [reached for {his} {item}|went to fetch {his} {item}], but it was gone. {weather_line} [Who could go out without it?|This was no day to go out without it.]",
            "{when}, {H} could not find {his} {item}. {weather_line}",
        ),
        (
            "{he} looked under the bed, behind the door, and even inside the [piano|oven|big clock]. [Nothing.|It was nowhere.] //",
            "{he} searched every room in the house, from the [cellar|kitchen] to the [attic|roof]. It was nowhere. //",
        ),
        (
            "\"Where did you have it last?\" asked {his} {parent}. // {h} [thought hard|closed {his} eyes and thought]. \"{last},\" {he} said [slowly|at last]. //",
            "\"Think back,\" said {his} {parent}. \"Where did you have it last?\" // \"{last},\" said {h}, and {he} was already [running|pulling on {his} boots]. //",
        ),
        (
            "{he} ran to the {place} and [looked around|knelt down]. {found} They were lying on {his} {item}.",
            "In the {place} it was very quiet. {h} [looked closer|bent down]. {found} And there was {his} {item}, keeping them all warm.",
        ),
        (
            "// {h} put out a hand, and then {he} stopped. {they} looked so [warm|comfortable]. \"Keep it,\" {he} whispered. \"You need it more than I do.\"",
            "// For a moment {h} did not know what to do. Then {he} smiled and tucked the {item} a little closer around {they}. \"It is yours now,\" {he} [said softly|whispered].",
        ),
        (
            "// That evening {he} told {his} {gran} [everything|the whole story]. {ghe} laughed and [reached for {ghis} basket of wool|took out {ghis} wool]. \"Then I had better start a new one,\" {ghe} said.",
            "// {his} {gran} was not angry at all. \"A thing is worth most where it is needed most,\" {ghe} said, and {ghe} began to [make|knit] a new one that same evening.",
        ),
        (
            "[A week later|Ten days later] it was finished. Near the edge, in [white|blue|gold] thread, there was a tiny {sign}.",
            "By the time the new one was ready, the {grown}, and {h} knew every one of them by name.",
        ),
    ),
)

LOST_SHINY = Plot(
    name="lost_shiny",
    weathers=("sunny", "windy", "warm", "foggy"),
    traits="careful|curious|quiet|clever",
    intros=(
        "{his} {gran} had given {him} a {item}, and {he} kept it in {his} pocket day and night.",
        "{he} had one treasure, a {item} that had once belonged to {his} {gran}.",
    ),
    bundles=(
        (dict(item="silver key"), dict(item="little brass bell"), dict(item="silver whistle"), dict(item="gold ring"), dict(item="shiny old watch")),
        (dict(bird="magpie", tree="tall poplar"), dict(bird="crow", tree="old oak"), dict(bird="jackdaw", tree="chestnut tree")),
        (dict(trade="a blue glass bead"), dict(trade="a bright new button"), dict(trade="a piece of red ribbon"), dict(trade="the silver paper from a chocolate bar")),
    ),
    phases=(
        (
            "{when}, {H} put {his} hand in {his} pocket and felt nothing but a hole. {his} {item} was gone!",
            "{when}, {H} laid {his} {item} on the windowsill, just for a minute. When {he} came back, it was gone.",
        ),
        (
            "\"[Did you take it?|Have you seen it?]\" {he} asked {his} friend {f}. // \"Of course not,\" said {f}. \"But I will help you look.\" //",
            "{he} told {his} friend {f}, and together they looked [everywhere|in all the likely places, and then in all the unlikely ones]. //",
        ),
        (
            "They searched {path}, step by step. They found [a rusty nail, two feathers, and half a spoon|an old coin, three snail shells, and a shoe], but no {item}. {h} felt [tears in {his} eyes|a lump in {his} throat].",
            "They searched near {spot} until their knees were [green|brown] with dirt. \"It is no use,\" said {h}. \"I have lost it forever.\"",
        ),
        (
            "// Just then {f} looked up. High in the {tree}, something flashed in the light. Beside it sat a {bird}, looking very pleased.",
            "// Then a {bird} flew over their heads with something bright in its beak. \"Look!\" cried {f}. \"It has a nest in the {tree}!\"",
        ),
        (
            "// \"I can climb up and take it,\" said {f}. // {h} shook {his} head. \"No. A {bird} loves shiny things. Let us make a fair trade.\" {he} climbed up slowly and held out {trade}.",
            "// {h} climbed from branch to branch. In the nest, between the twigs, lay {his} {item}. \"I have brought you something better,\" {he} said to the {bird}, and {he} held out {trade}.",
        ),
        (
            "The {bird} put its head to one side. It looked at the {item}. It looked at the gift. Then it hopped aside, as if to say that a deal was a deal.",
            "The {bird} hopped closer and looked at it with one black eye. Then it took the gift and let {him} have the {item} back.",
        ),
        (
            "// {h} sewed up the hole in {his} pocket that very night. But every [Sunday|week] {he} left something shiny on the windowsill, and every time, by morning, it was gone.",
            "// From that day on {h} wore the {item} on a string around {his} neck. And whenever {he} passed the {tree}, the {bird} called out to {him} like an old friend.",
            "// \"You are a good trader,\" said {f} on the way home. // \"So is the {bird},\" said {h}, and they both laughed.",
        ),
    ),
)

BAKING = Plot(
    name="baking",
    weathers=("rainy", "snowy", "cold", "sunny"),
    traits="cheerful|patient|careful|hungry",
    intros=(
        "{he} could climb a tree and whistle a tune, but {he} had never baked anything in {his} life.",
        "{his} {gran} made the best {cake} in the world, and {he} had always wanted to learn how.",
    ),
    bundles=(
        (dict(cake="apple cake", fruit="apples"), dict(cake="plum cake", fruit="plums"), dict(cake="honey cake", fruit="nuts"), dict(cake="cherry pie", fruit="cherries")),
        (
            dict(wrong="put in salt instead of sugar", result="It looked perfect. But it tasted like the sea.", rule="taste first"),
            dict(wrong="put in far too much flour", result="It came out of the oven as flat and hard as a plate.", rule="measure twice"),
            dict(wrong="put the cake in the oven and forgot it", result="When {he} came back, the kitchen was full of smoke and the cake was as black as coal.", rule="watch the oven"),
        ),
    ),
    phases=(
        (
            "{when}, {H} decided to bake {his} first {cake}. {weather_line} It [would be|was] a surprise for {his} {gran}, who [had been ill|was turning seventy].",
            "{when}, {H} tied on an apron that was much too big. {weather_line} {his} {gran} had been ill, and {h} wanted to bake {ghim} a {cake}.",
        ),
        (
            "{he} [cracked the eggs|broke the eggs], cut up the {fruit}, and stirred until {his} arm ached. [Flour floated through the kitchen like snow.|There was flour on the table, on the floor, and on the cat.]",
            "{he} read the recipe twice and set to work. Soon there was flour on the table, on the floor, and on the cat.",
        ),
        (
            "But {he} was thinking of something else, and {he} {wrong}. {result} //",
            "Everything went well until {he} {wrong}. {result} //",
        ),
        (
            "{h} sat down on the kitchen floor. \"I [will never learn|have spoiled everything],\" {he} said. // {his} {parent} sat down beside {him}. \"Do you know how many cakes your {gran} spoiled before {ghe} made a good one?\" {phe} asked. \"[Eleven|Nine|Twelve]. {ghe} counted them.\" //",
            "\"[It is ruined|I give up],\" said {h}, and {his} lip trembled. // \"One bad cake is not the end of the world,\" said {his} {parent}. \"What have you learned?\" // {h} thought for a moment. \"To {rule},\" {he} said. //",
        ),
        (
            "So {h} washed the bowl and began again. This time {he} did everything slowly. {he} [tasted|checked] each thing before it went in, and {he} did not leave the oven for a minute.",
            "There were just enough eggs to try again. This time {h} took {his} time, and {he} [hummed|sang] a little as {he} worked. Soon the whole house smelled of butter and warm {fruit}.",
        ),
        (
            "// When {his} {gran} [took the first bite|tasted it], {ghe} closed {ghis} eyes. For a long time {ghe} said nothing. \"Well?\" asked {h}. // \"It took me twelve tries to make one like this,\" said {his} {gran}. \"How many did you need?\" // \"Two,\" said {h}, and {he} grew an inch taller.",
            "// {his} {gran} ate one slice, and then another. \"This is better than mine,\" {ghe} said. {h} knew that it was not quite true, but it was the nicest thing anyone had ever said to {him}.",
            "// They ate it warm, all three of them, [straight from the pan|with the last of the cream]. It leaned a little to one side. Nobody minded. It was the best {cake} in the world.",
        ),
    ),
)

GIFT = Plot(
    name="gift",
    weathers=("snowy", "cold", "sunny", "rainy"),
    traits="kind|quiet|clever|patient",
    intros=(
        "{he} had [three coins|two coins|one coin] in a jar and a great many ideas in {his} head.",
        "{his} family did not have much money, but there was always soup on the stove and a song in the kitchen.",
    ),
    bundles=(
        (
            dict(gift="a small boat carved from wood", made="carved and smoothed", stuff="a piece of wood that the water had washed up", price="a model ship", use="{ghe} set it on the shelf above the stove, where the light could fall on its sails"),
            dict(gift="a picture of the old house", made="drew and painted", stuff="a sheet of paper and a box of old paints", price="a painting in a gold frame", use="{ghe} hung it above the stove, where {ghe} could see it every day"),
            dict(gift="a lamp made from a jar", made="cut and glued", stuff="an empty jar and some colored paper", price="a fine glass lamp", use="{ghe} lit it at once, and red and blue stars danced on the walls"),
            dict(gift="a little book of stories", made="wrote and sewed", stuff="some paper, a needle, and a long piece of thread", price="a book with a leather cover", use="{ghe} put on {ghis} glasses and read every page aloud, from the first to the last"),
        ),
    ),
    phases=(
        (
            "{when}, {H} stopped in front of the shop window. Tomorrow was {his} {gran}'s birthday, and in the window stood {price}. It was perfect. But it cost more than {h} could save in a year.",
            "{when}, {H} counted {his} money for the third time. It was still not enough. {his} {gran}'s birthday was tomorrow, and {h} had wanted to buy {ghim} {price}.",
        ),
        (
            "{he} walked home slowly. \"What do you give to someone,\" {he} asked {his} {parent}, \"when you have nothing to give?\" // \"You have two hands,\" said {his} {parent}, \"and you have until tomorrow.\" //",
            "\"Why so sad?\" asked {his} friend {f}. {h} told {fhim} about the birthday. // \"Then do not buy something,\" said {f}. \"Make something.\" //",
        ),
        (
            "So {h} looked around the house and found {stuff}. All evening {he} {made}, and {he} did not stop until the [candle|fire] had burned low.",
            "At home {h} found {stuff}. {he} {made} until it was late. [Twice {he} made a mistake and had to begin again.|The first try was crooked, and so was the second.] The third try was just right.",
        ),
        (
            "// In the morning {he} wrapped it in [brown paper|an old newspaper] and tied it with string. Suddenly it looked very small. \"It is only {gift},\" {he} said, and {his} ears turned red.",
            "// The next day {h} held out the gift with both hands. \"It is not much,\" {he} said. \"It is only {gift}.\"",
        ),
        (
            "// {his} {gran} [unwrapped it slowly|folded back the paper] and was quiet for a long time. \"Only?\" {ghe} said at last. \"There is not another one like it in the whole world.\"",
            "// {his} {gran} looked at it from every side. \"You made this?\" {ghe} asked. \"For me?\" ^{ghis} eyes were [shining|bright].",
        ),
        (
            "Then {use}. And {ghe} kept it for many years, long after {h} had grown up.",
            "Then {use}. // {h} passed the shop window again that afternoon. {price} was still there, but {he} did not even stop to look.",
        ),
    ),
)

GARDEN = Plot(
    name="garden",
    weathers=("sunny", "warm", "rainy"),
    times=("morning", "afternoon"),
    traits="impatient|cheerful|curious|lively",
    intros=(
        "{he} did not like to wait. {he} ate soup before it was cool and opened letters before {he} sat down.",
        "{he} wanted everything to happen at once.",
    ),
    bundles=(
        (
            dict(plant="sunflower", seed="a striped seed", grown="It was taller than the door, and its face was as big as a plate."),
            dict(plant="pumpkin", seed="a flat white seed", grown="It was so big and round that two people had to carry it."),
            dict(plant="apple tree", seed="a small brown seed", grown="In its third spring it was covered with blossoms, and in autumn it gave one red apple."),
            dict(plant="rose", seed="a thin brown twig with one bud", grown="It climbed right up to the window, and its flowers smelled of honey."),
        ),
    ),
    phases=(
        (
            "{when}, an old gardener named {e} gave {h} {seed}. \"Plant it,\" {ehe} said, \"and then do the hardest thing of all.\" // \"What is that?\" asked {h}. // \"Wait,\" said {e}. //",
            "{when}, {H} found {seed} on the path. {he} showed it to {e}, the old gardener next door. // \"That will be a {plant}, if you let it,\" said {e}. \"Give it water, give it light, and give it time.\" //",
        ),
        (
            "{h} dug a hole, dropped it in, and covered it with earth. Then {he} sat down to watch. {he} watched until [supper|dark]. Nothing happened.",
            "{h} planted it by the wall and gave it a whole can of water. An hour later {he} came back to look. Nothing. {he} came back again at noon, and again in the evening. Still nothing.",
        ),
        (
            "The next day {he} could not bear it any longer, and {he} [dug it up to see if it was growing|began to dig it up]. // \"Stop!\" called {e} over the wall. \"Would you wake a baby every hour to see if it had slept well?\" //",
            "On the third day {he} ran to {e}. \"It is broken,\" {he} said. // {e} laughed. \"It is not broken. It is busy. The best work is done where nobody can see it.\" //",
        ),
        (
            "So {h} learned to wait. {he} learned the names of the birds. {he} learned to [whistle|play the flute]. {he} helped {e} pull weeds, and {e} told {him} stories about [far countries|the sea|the old days].",
            "So {h} waited. While {he} waited, {he} helped {e} carry water, and {he} found that there was a great deal to see in a garden: ants with heavy loads, a toad under a stone, a spider mending its net.",
        ),
        (
            "// And then, one morning, there was a tiny green [point|hook] in the brown earth. {h} did not shout. {he} knelt down and said very softly, \"Good morning.\"",
            "// Then, when {he} had almost forgotten it, something green pushed up out of the earth. {h} called {e}, and the two of them stood and looked at it as if it were a king.",
        ),
        (
            "// The {plant} grew and grew. {grown} \"Was it hard to wait?\" asked {e}. // \"Only at first,\" said {h}.",
            "// It took a long time, but at last the {plant} was grown. {grown} By then {h} had learned to save seeds. {he} kept one for the next year, and {he} gave another to a little {kid} down the road. \"Plant it,\" {he} said, \"and then do the hardest thing of all.\"",
        ),
    ),
)

NOISE = Plot(
    name="noise",
    weathers=("stormy", "windy", "rainy", "foggy"),
    times=("night", "evening"),
    traits="brave|curious|quiet|shy",
    intros=(
        "{he} was not afraid of [spiders or thunder|dogs or deep water], but {he} did not like the dark.",
        "{his} room was at the top of the house, right under the attic.",
    ),
    bundles=(
        (
            dict(noise="tap, tap, tap", cause="a small brown owl with a hurt wing, knocking its beak against the window", fix="wrapped the owl in a towel and gave it water from a spoon", later="In a week the wing was well, and the owl flew off into the dark without a sound", name="an owl"),
            dict(noise="scratch, scratch, scratch", cause="a wet kitten, scratching at a wooden box to make itself a bed", fix="dried the kitten with a towel and gave it a saucer of milk", later="The kitten stayed, and it grew into a fat orange cat that was afraid of nothing", name="a kitten"),
            dict(noise="ding, ding, ding", cause="an old toy piano, and a mouse that was running across the keys", fix="gave the mouse a piece of cheese and a bed in an old slipper", later="The toy piano stands beside the bed now, and sometimes at night it plays one note all by itself", name="a mouse"),
            dict(noise="thump, thump, thump", cause="the old window, which had come open and was swinging in the wind, and under it a shivering pigeon", fix="closed the window and made the pigeon a bed of straw", later="The pigeon came back every spring, and it always knocked before it came in", name="a pigeon"),
        ),
    ),
    phases=(
        (
            "{when}, {H} woke up and lay very still. There was a noise above {his} head. {noise}, it went, and then it stopped.",
            "{when}, {H} was in bed with a book when {he} heard it. {noise}. It came from the attic.",
        ),
        (
            "{weather_line} \"It is only the [wind|house],\" {he} told {himself}. But then it came again: {noise}. //",
            "{he} pulled the blanket up to {his} nose. {weather_line} {noise}, went the noise. //",
        ),
        (
            "{he} thought of [ghosts|robbers]. {he} thought of [robbers with long beards|ghosts with cold hands]. Then {he} thought, \"If I do not look, I will lie here and be afraid until morning.\" So {he} lit a [candle|lamp] and climbed the stairs, one at a time.",
            "{h} crept down the hall and woke {his} {parent}. \"There is something in the attic,\" {he} whispered. // \"Then let us go and say hello to it,\" said {his} {parent}, and they climbed the stairs together with a lamp.",
        ),
        (
            "// The door creaked. Shadows jumped across the walls. {noise}! {h} held up the light with a shaking hand.",
            "// It was dark and cold under the roof, and it smelled of dust. Something moved behind an old trunk. {h} held {his} breath and lifted the light.",
        ),
        (
            "And there was no ghost at all. There was {cause}.",
            "It was not a robber, and it was not a ghost. It was {cause}.",
        ),
        (
            "// {h} began to laugh. \"So it was you,\" {he} said. \"I think you were more afraid than I was.\" {he} {fix}.",
            "// \"Oh, you poor thing,\" said {h}, and all at once {he} was not afraid anymore. {he} {fix}.",
        ),
        (
            "// {later}. And {h}? {he} still hears noises at night. But now {he} takes a lamp and goes to look.",
            "// After that night the dark was never quite so dark. {later}.",
        ),
    ),
)

PLOTS = (LOST_SOFT, LOST_SHINY, BAKING, GIFT, GARDEN, NOISE)
