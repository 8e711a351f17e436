"""Stories of the road and the open air: fear, friends, contests, journeys, storms, small animals."""

from plot import Plot

RESCUE = Plot(
    name="rescue",
    weathers=("rainy", "windy", "foggy", "sunny", "cold"),
    traits="kind|gentle|quiet|lonely",
    intros=(
        "{he} liked animals more than anything, and animals seemed to know it.",
        "{he} often walked alone {path}, listening to {sound}.",
    ),
    bundles=(
        (
            dict(small="duckling", a_small="a small wet duckling", cry="a thin little peep", stuck="caught in an old net", mother_animal="a brown duck with six ducklings behind her", bed="a box and some straw", food="oats and water"),
            dict(small="fox cub", a_small="a fox cub no bigger than a shoe", cry="a small whimper", stuck="at the bottom of a deep hole", mother_animal="a red fox with bright eyes", bed="a basket and an old blanket", food="an egg"),
            dict(small="lamb", a_small="a lamb with shaking legs", cry="a weak little bleat", stuck="stuck between two rocks", mother_animal="a white sheep, calling and calling", bed="a warm place by the stove", food="a bottle of milk"),
            dict(small="puppy", a_small="a thin brown puppy", cry="a sad little bark", stuck="tangled in a thorn bush", mother_animal="an old brown dog that belonged to {e}, the {job}", bed="a basket and an old blanket", food="bread and milk"),
        ),
    ),
    phases=(
        (
            "{when}, {H} was walking {path} when {he} heard {cry}. {he} stopped and listened. There it was again!",
            "{when}, {H} heard {cry} near {spot}. {weather_line} Nobody else was about.",
        ),
        (
            "{he} followed the sound and found {a_small}, {stuck}. It looked up at {him} and [trembled|shivered]. //",
            "{he} pushed the grass aside. There, {stuck}, was {a_small}. It was too tired to run away. //",
        ),
        (
            "\"Do not be afraid,\" said {h}. {he} took off {his} coat, [lay down flat|knelt in the mud], and worked carefully until the little {small} was free. Then {he} wrapped it up and carried it home.",
            "\"Hush now,\" {he} whispered. \"I will get you out.\" It took a long time, and {he} tore {his} sleeve, but at last the {small} was free. {he} carried it home inside {his} coat, and {he} could feel its heart beating.",
        ),
        (
            "// {his} {parent} found {bed}, and {h} gave it {food}. \"Can we keep it?\" {he} asked. // \"Somewhere its mother is looking for it,\" said {his} {parent} gently. \"How would you feel?\" // {h} did not answer. But {he} knew.",
            "// That night the {small} ate {food} and fell asleep by the stove. {h} sat beside it for a long time. {he} would have loved to keep it. \"But you have a mother too,\" {he} said.",
        ),
        (
            "// Early the next day {he} took the {small} back to the place where {he} had found it. {he} set it down, went a few steps away, and waited. Soon {he} saw {mother_animal}.",
            "// The next morning {he} carried it back. {he} did not have to wait long. Out of the bushes came {mother_animal}.",
        ),
        (
            "The {small} gave a cry of joy and ran. Just once, before they were gone, it turned and looked back at {him}.",
            "The {small} jumped up and ran to her as fast as its legs would go. For a moment the mother looked straight at {h}. Then they were gone.",
        ),
        (
            "// {h} walked home with an empty coat and a full heart.",
            "// \"Did it hurt to let it go?\" asked {his} {parent}. // \"A little,\" said {h}. \"But it was a good kind of hurt.\"",
            "// {he} was a little sad, and very happy, and {he} did not know that a person could be both at once.",
        ),
    ),
)

FEAR = Plot(
    name="fear",
    weathers=("sunny", "warm"),
    traits="shy|careful|quiet|thoughtful",
    intros=(
        "{he} was good at many things, but there was one thing {he} was afraid of: {fear}.",
        "Everyone has something to be afraid of. {h} was afraid of {fear}.",
    ),
    bundles=(
        (
            dict(fear="deep water", others="were jumping into {water}", refuse="The water is too deep", step="stand in the water up to your knees", step_done="The water was cold, but the ground under {his} feet was firm", big="let go of {f}'s hand and swam", few="four strokes, and then ten", prize="the water held {him} up like a big soft hand"),
            dict(fear="high places", others="were climbing the tall tree near {spot}", refuse="It is too high", step="climb to the first branch", step_done="The branch was broad and did not even shake", big="climbed, branch by branch", few="one branch, and then another, without looking down", prize="the whole world lay below {him}, as small and bright as a toy"),
            dict(fear="singing in front of people", others="were practicing for the summer concert", refuse="Everyone will look at me", step="sing one line for me", step_done="Nobody laughed, and a bird on the roof even seemed to listen", big="stood up before the whole village and sang", few="one line very softly, and the next a little louder", prize="the whole room was singing with {him}"),
            dict(fear="dogs", others="were playing with {e}'s big black dog", refuse="It has so many teeth", step="hold out your hand and keep still", step_done="The dog sniffed at {his} fingers, and its nose was soft and wet", big="sat down in the grass and stroked the big dog's head", few="one ear, and then the other", prize="the dog put its heavy head on {his} knee and sighed"),
        ),
    ),
    phases=(
        (
            "{when}, the other children {others}. Only {h} stood to one side and [looked at {his} shoes|pretended to tie {his} shoe].",
            "{when}, {H} stood and watched while the others had all the fun. They {others}, and they were laughing.",
        ),
        (
            "// \"Come on!\" called {his} friend {f}. // {h} shook {his} head. \"{refuse},\" {he} said. //",
            "// \"Are you coming?\" asked {his} friend {f}. // \"I cannot,\" said {h}. \"{refuse}.\" //",
        ),
        (
            "{f} did not laugh. \"I used to be afraid of the dark,\" {fhe} said. \"My {gran} told me not to fight the whole dark at once. Just a small piece of it. So do not do it all. Only {step}.\"",
            "{f} came and sat down beside {him}. \"You do not have to do all of it,\" {fhe} said. \"Only {step}. I will stay with you the whole time.\"",
        ),
        (
            "// {h} swallowed. That was not so much. {his} heart beat like a drum, but {he} did it. {step_done}.",
            "// {h} thought about it. Then {he} took a deep breath and did it. {step_done}.",
        ),
        (
            "The next day {he} did a little more, and the day after that a little more again. [Some days {he} went back a step.|Once {he} almost gave up.] {f} never said a word about it.",
            "\"You see?\" said {f}. \"And tomorrow we will do one thing more.\" They came back the next day, and the next, and the day after that.",
        ),
        (
            "// And one day, some weeks later, {h} {big}: {few}. All at once {he} noticed that {prize}.",
            "// Then came the day when {h} {big}. First it was {few}. And then {prize}.",
        ),
        (
            "// \"Are you still afraid?\" asked {f}. // \"Yes,\" said {h}, and {he} was beaming. \"But only a small piece.\"",
            "// \"I did it!\" {he} shouted. {f} cheered so loudly that the birds flew up from the roofs.",
            "// {he} was still a {kid} who thought twice about everything. But from then on, the second thought was often, \"Why not?\"",
        ),
    ),
)

QUARREL = Plot(
    name="quarrel",
    weathers=("sunny", "windy", "warm", "snowy"),
    traits="lively|stubborn|cheerful|clever",
    intros=(
        "{his} best friend was {f}, and the two of them did everything together.",
        "{he} and {his} best friend {f} had known each other since before they could walk.",
    ),
    bundles=(
        (
            dict(build="a tree house", thing="tree house", place="in the old oak", plan1="a round window", plan2="a square window", both="one round window and one square one", ruin="the ladder fell down"),
            dict(build="a raft", thing="raft", place="beside {water}", plan1="a red sail", plan2="a blue sail", both="a sail that was red on one side and blue on the other", ruin="the ropes came loose"),
            dict(build="a birdhouse", thing="birdhouse", place="behind the house", plan1="a round door", plan2="a square door", both="two doors, one round and one square", ruin="the roof fell off"),
            dict(build="a little cart", thing="cart", place="in the yard", plan1="a bell on the front", plan2="a flag on the back", both="a bell on the front and a flag on the back", ruin="a wheel came off"),
        ),
    ),
    phases=(
        (
            "{when}, {h} and {his} friend {f} began to build {build} {place}. They [carried wood and nails|brought wood, rope, and nails] and worked until noon, and all went well.",
            "{when}, {h} met {his} friend {f}. They had a plan: they were going to build {build} {place}.",
        ),
        (
            "// \"It must have {plan1},\" said {h}. // \"No, {plan2},\" said {f}. // \"It was my idea!\" // \"But it is my hammer!\" //",
            "// But {h} wanted {plan1}, and {f} wanted {plan2}. First they talked about it. Then they shouted about it. \"You never listen!\" cried {f}. // \"You always want to decide!\" cried {h}. //",
        ),
        (
            "{f} took {fhis} hammer and went home. {h} worked on alone. But there was nobody to hold the other end of anything, and just before dark {ruin}.",
            "They did not speak for [two days|three days]. {h} tried to finish the work alone, but it was no fun at all, and when {he} was nearly done, {ruin}.",
        ),
        (
            "// {h} sat among the pieces. It was very quiet. \"{plan1},\" {he} said to {himself}. \"What good is {plan1} with nobody to share it?\"",
            "// That night {he} could not sleep. {he} thought about all the things that {he} and {f} had done together, and {he} could not think of one that {he} would have liked to do alone.",
        ),
        (
            "// In the morning {he} walked to {f}'s house. Halfway there {he} met {f}, who was coming the other way. They both stopped. // \"I am sorry,\" they said at exactly the same time, and then they had to laugh.",
            "// The next morning there was a knock at the door. It was {f}, with the hammer in {fhis} hand. \"I am sorry,\" said {f}. // \"So am I,\" said {h}. \"I should have listened.\"",
        ),
        (
            "// They started again from the beginning. When it was done, the {thing} had {both}.",
            "// Together they needed only one more day. And when it was done, the {thing} had {both}.",
        ),
        (
            "Everyone who saw it said that it was the strangest they had ever seen. {h} and {f} thought that it was the best.",
            "\"You know,\" said {h}, \"it is better than my plan.\" // \"It is better than mine too,\" said {f}.",
        ),
    ),
)

CONTEST = Plot(
    name="contest",
    weathers=("windy", "sunny", "cold", "warm"),
    times=("morning", "afternoon"),
    traits="quick|cheerful|brave|proud",
    intros=(
        "Every year there was a great race, and every year {he} had come in second.",
        "{he} had only one wish that year, and that was to win the great race.",
    ),
    bundles=(
        (
            dict(race="boat race", ask="Are you very cold?", vehicle="little boat", move="rowed", trouble="{f}'s boat had hit a rock and was filling with water", help="turned {his} boat around and pulled {f} out of the water", road="across the water"),
            dict(race="cart race", ask="Are you hurt?", vehicle="wooden cart", move="rolled", trouble="{f}'s cart had lost a wheel and lay in the ditch", help="stopped {his} cart and helped {f} out of the ditch", road="down the long hill"),
            dict(race="running race", ask="Does it hurt very much?", vehicle="new shoes", move="ran", trouble="{f} had fallen over a root and was holding {fhis} foot", help="turned around and let {f} lean on {his} shoulder", road="around the lake"),
        ),
    ),
    phases=(
        (
            "{when}, the whole village came out to see the {race}. {h} was ready. {he} had practiced every day since [spring|the last race], and {his} {vehicle} shone in the light.",
            "{when}, {H} stood at the starting line of the {race}. {weather_line} Next to {him} stood {f}, who had won the year before.",
        ),
        (
            "// \"Ready? Go!\" The crowd cheered. {h} {move} {road} faster than {he} ever had in {his} life. Soon there were only two of them in front, {h} and {f}, side by side.",
            "// Someone waved a flag, and they were off. {h} {move} so fast {road} that the wind whistled in {his} ears. One after another {he} passed the others, until only {f} was in front.",
        ),
        (
            "// Then {he} heard a cry. {trouble}. Far ahead, {h} could already see the finish line.",
            "// All at once there was a crash. {trouble}. The road to the finish was free. {h} had only to go on.",
        ),
        (
            "For one second {he} thought about the [prize|gold cup]. Then {he} {help}. One after another, the rest of them went by.",
            "{he} looked ahead. {he} looked back. \"Oh, bother,\" {he} said, and {he} {help}.",
        ),
        (
            "// \"Why did you do that?\" asked {f}. \"You would have won!\" // \"There will be another race next year,\" said {h}. \"{ask}\"",
            "// \"You could have won,\" said {f} quietly. // \"Maybe,\" said {h}. \"But I would have had nobody to beat.\"",
        ),
        (
            "// They came in last of all, arm in arm. And the crowd cheered louder for them than it had cheered for the winner.",
            "// They crossed the finish line together, long after the others, and both of them were laughing.",
        ),
        (
            "{h} did not win the cup that year. {he} won a friend, and that lasted much longer.",
            "The next day {f} stood at {h}'s door with a cup made of [tin|wood]. \"I made it myself,\" said {f}. On it was written: first prize. // {h} has won other cups since then. But that is the one that stands by {his} bed.",
        ),
    ),
)

# Who is met, what the hero does, the gift, and how it helps at the gate and at the bridge.
ROAD_MEETINGS = (
    ("an old woman whose cart was stuck in the mud", "put {his} shoulder to the wheel and pushed until the cart came free",
     "ball of string", ("tied the string to the latch and pulled with all {his} strength", "tied the loose boards together with the string")),
    ("a boy who had dropped his whole basket of apples", "helped him pick up every single one of them",
     "big red apple", ("gave the apple to the old donkey that stood in front of it, and the donkey pushed it open",
                           "gave the apple to a man with a boat, and he took {him} across")),
    ("a shepherd who was looking for a lost sheep", "climbed over the stones and brought the sheep back",
     "little horn", ("blew the horn, and a farmer came and opened it",
                       "blew the horn, and a woman with a boat came and took {him} across")),
)

JOURNEY = Plot(
    name="journey",
    weathers=("sunny", "foggy", "warm", "windy"),
    times=("morning",),
    traits="curious|brave|patient|cheerful",
    intros=(
        "{he} had always wanted to see {far}, but everyone said that it was too far.",
        "From {his} window {he} could see the road that led to {far}, and {he} often wondered what it was like there.",
    ),
    bundles=(
        tuple(
            dict(first=first, do1=do1, gift1=gift, second=second, use_gift=use)
            for first, do1, gift, uses in ROAD_MEETINGS
            for second, use in zip(("a heavy gate that would not open", "a broken bridge"), uses)
        ),
    ),
    phases=(
        (
            "{when}, {H} packed some bread and cheese and set out for {far}. {weather_line}",
            "{when}, {H} put on {his} strongest shoes and set out for {far}. \"Be home by dark,\" said {his} {parent}.",
        ),
        (
            "// {he} had not gone far when {he} met {first}. It would take time to help, and the road was long. But {h} {do1}. \"Thank you,\" was the answer. \"Take this, it may be of use.\" And {he} was given a {gift1}.",
            "// On the way {he} met {first}. {h} {do1}. \"You are a kind {kid},\" {he} was told. \"Here is something for the road.\" It was a {gift1}.",
        ),
        (
            "// At noon {he} came to {second}. {h} almost turned back. Then {he} remembered the {gift1}. {he} {use_gift}, and {he} could go on.",
            "// Farther on, the way was closed. There was {second}. {h} sat down on a stone and thought. \"Of course!\" {he} said. {he} {use_gift}, and the way was free.",
        ),
        (
            "// The sun was already low when {he} came to {far}. It was even more beautiful than {he} had dreamed. {h} sat down, ate the last of {his} bread, and looked and looked.",
            "// Late in the afternoon {he} was there. {h} stood quite still. {he} listened to {sound}, and {he} did not even notice how tired {his} legs were.",
        ),
        (
            "// It was almost dark when {he} came home. \"Well?\" asked {his} {parent}. \"Was it too far?\" // \"No,\" said {h}, and {he} yawned. \"It was just far enough.\"",
            "// \"What was it like?\" asked {his} {parent} that evening. // {h} thought of the long road and the people {he} had met. \"The best part,\" {he} said, \"was getting there.\"",
        ),
    ),
)

STORM = Plot(
    name="storm",
    weathers=("stormy", "foggy", "snowy"),
    times=("evening", "night"),
    traits="brave|quiet|clever|careful",
    intros=(
        "{his} {gran} had taught {him} how to read the clouds, and {he} was seldom wrong.",
        "{he} knew every path and every stone for miles around.",
    ),
    bundles=(
        (
            dict(signal="rang the big bell, again and again", heard="the bell"),
            dict(signal="lit every lamp in the house and put them all in the windows", heard="the light"),
            dict(signal="hung a lantern on a long pole and swung it back and forth", heard="the lantern"),
        ),
    ),
    phases=(
        (
            "{when}, {H} was sitting by the fire with {his} {gran}. {weather_line} \"I hope that nobody is out tonight,\" said {his} {gran}.",
            "{when}, {H} looked out of the window. {weather_line} There was no light to be seen anywhere.",
        ),
        (
            "// There was a knock at the door. It was {f}, out of breath. \"{e}, the {job}, has not come home!\" {fhe} cried. \"{ehe} went out this morning, and nobody has seen {ehim} since.\"",
            "// Then {f} came running from next door. \"Have you seen {e}?\" {fhe} asked. \"{ehe} should have been back hours ago!\"",
        ),
        (
            "// Nobody could go far in such weather. {h} thought hard. \"We cannot find {ehim},\" {he} said, \"but maybe {ehe} can find us.\" And {he} {signal}.",
            "// \"If we go out, we will be lost too,\" said {his} {gran}. // \"Then we must bring {ehim} to us,\" said {h}. {he} {signal}.",
        ),
        (
            "One hour went by, and then another. {his} arms ached and {his} eyes were [heavy|tired]. But {he} did not stop. {f} brought {him} hot tea, and they took turns.",
            "The night was long. \"It is no use,\" said {f} at last. // \"A little longer,\" said {h}. \"Just a little longer.\"",
        ),
        (
            "// It was long past midnight when a [tired figure|bent figure] came slowly out of the dark. It was {e}, wet and cold and [smiling|alive].",
            "// And then they heard a voice. Far away at first, and then nearer. It was {e}!",
        ),
        (
            "// \"I had lost the way,\" said {e}, when {ehe} was sitting by the fire with a blanket around {ehim}. \"I was going in circles. Then I noticed {heard}, and I knew where home was.\"",
            "// They gave {ehim} a blanket and a bowl of hot soup. \"I was ready to give up,\" said {e}. \"Then I noticed {heard}. I thought, where somebody is waiting, I can still get there.\"",
        ),
        (
            "// In the morning the sky was clear. {h} did not see it. {he} slept until noon, and nobody woke {him}.",
            "// Since then, whenever the weather is bad, there is a light in {h}'s window. You never know who may be out there.",
        ),
    ),
)

CRAFT = Plot(
    name="craft",
    weathers=("rainy", "cold", "windy", "sunny"),
    traits="curious|patient|clever|careful",
    intros=(
        "{he} asked so many questions that {his} {parent} sometimes ran out of answers.",
        "{he} liked to look at things for a long time, until {he} understood how they worked.",
    ),
    bundles=(
        (
            dict(thing="the big clock of the village", trouble="had stopped at ten past three", cause="a tiny feather between two wheels", tool="a pair of tweezers", after="struck four, so loudly that all the pigeons flew up", small_gift="a little clock of {his} own"),
            dict(thing="the old music machine at the inn", trouble="played only one note", cause="a cherry stone under one of the keys", tool="a bent wire", after="played so merrily that people in the street began to dance", small_gift="a little flute"),
            dict(thing="the wooden carousel", trouble="would not turn", cause="a child's lost marble under the great wheel", tool="a long thin stick", after="began to turn, and the painted horses rose and fell", small_gift="a small painted horse"),
        ),
    ),
    phases=(
        (
            "{when}, {H} heard bad news: {thing} {trouble}. {e}, who looked after it, had worked on it all night and could not find out why.",
            "{when}, {H} saw a crowd of people near {spot}. \"What is it?\" {he} asked. It was {thing}. It {trouble}, and even old {e} could not mend it.",
        ),
        (
            "// \"I have cleaned every part,\" said {e}. \"My eyes are not what they were. I am afraid it is too old, and so am I.\"",
            "// {e} sat on the steps with {ehis} head in {ehis} hands. \"Fifty years I have kept it going,\" {ehe} said. \"And now I do not know what to do.\"",
        ),
        (
            "// \"May I look?\" asked {h}. Some people laughed. But {e} moved aside and gave {him} the lamp.",
            "// \"May I try?\" asked {h}. // \"A child?\" said someone. // \"Let {him} look,\" said {e}. \"Young eyes see small things.\"",
        ),
        (
            "// {h} did not touch anything. {he} looked, and {he} listened, and {he} looked again. A quarter of an hour went by. \"There,\" {he} said at last. It was {cause}.",
            "// {h} crept inside with the lamp. For a long time there was no sound. Then {his} voice came out of the dark. \"I have found it!\" It was {cause}.",
        ),
        (
            "{e} gave {him} {tool}, and with great care {h} took it out. // For a moment nothing happened. Then it {after}.",
            "With {tool} and a steady hand {he} pulled it out. // Something clicked. Something hummed. And then it {after}.",
        ),
        (
            "// \"How did you know?\" asked {e}. // \"I did not know,\" said {h}. \"I only looked until I saw.\" // {e} nodded slowly. \"That is the whole secret,\" {ehe} said.",
            "// Everyone cheered. {e} wiped {ehis} glasses. \"I have been looking for someone to learn my trade,\" {ehe} said. \"Would you like to come by tomorrow?\" // {h} would have liked to start that very minute.",
        ),
        (
            "// The next week {e} gave {him} {small_gift}. {h} keeps it to this day.",
            "// And so it began. Today it is {h} who looks after it, and when a child asks, \"May I look?\" the answer is always yes.",
        ),
    ),
)

PLOTS = (RESCUE, FEAR, QUARREL, CONTEST, JOURNEY, STORM, CRAFT)
