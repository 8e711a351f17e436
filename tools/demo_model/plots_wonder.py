"""Stories with a little wonder in them: strangers, letters from far away, music, kings and dragons."""

from plot import Plot

NEIGHBOR = Plot(
    name="neighbor",
    weathers=("sunny", "warm", "windy", "foggy"),
    traits="friendly|shy|curious|quiet",
    intros=(
        "The house next door had been empty for years, and {he} had always wished that someone would move in.",
        "{he} knew everybody in the street, and everybody knew {him}.",
    ),
    bundles=(
        (
            dict(game="a ball", show="rolled the ball gently across the grass", answer="stopped it with one foot and kicked it back", word="ball"),
            dict(game="a bag of marbles", show="drew a circle in the dust and rolled a marble into it", answer="knelt down and rolled one too", word="marble"),
            dict(game="a plate of pancakes", show="took one pancake and pointed to the other", answer="took a bite, and then another, and began to smile", word="pancake"),
            dict(game="a piece of chalk", show="drew a house on the stones, with smoke coming out of the chimney", answer="took the chalk and drew a tree beside it", word="house"),
        ),
    ),
    phases=(
        (
            "{when}, a cart stopped in front of the empty house, piled high with chairs and boxes. On top of it all sat a child named {f}. {h} ran out to say hello.",
            "{when}, {H} saw a new face at the window next door. A family had moved in, and with them a child named {f}.",
        ),
        (
            "// \"What is your name? Where do you come from? Do you want to play?\" asked {h}. // {f} only looked at {him}. Then {fhe} said something that {h} did not understand at all. They had come from far away, and in that country people spoke another language.",
            "// \"Hello!\" called {h}. {f} answered, but the words were strange. It sounded like water running over stones. {f} did not know a single word that {h} knew.",
        ),
        (
            "// {h} went home and thought. \"How do you talk to someone who does not know your words?\" {he} asked. // \"With your hands,\" said {his} {parent}, \"and your eyes, and your feet. Words are only a part of it.\"",
            "// \"It is no use,\" {he} told {his} {parent}. \"We cannot talk.\" // \"When you were a baby, you had no words either,\" said {his} {parent}. \"And I understood you very well.\"",
        ),
        (
            "// So {h} went back with {game}. {he} did not say anything. {he} {show}. {f} looked at it for a while. Then {fhe} {answer}.",
            "// The next day {h} knocked at the door and held up {game}. {f} came outside. {h} {show}, and {f} {answer}.",
        ),
        (
            "\"{word},\" said {h}. // \"{word},\" said {f}, very carefully, and then {fhe} said it in {fhis} own language. {h} tried to repeat it. It came out so badly that they both fell down laughing.",
            "After that it was easy. They played until it was dark, and when their parents called them in, each in another language, they both knew exactly what it meant.",
        ),
        (
            "// By the end of the summer {f} could say almost anything. And {h}? {he} could say one hundred words in a language like water running over stones.",
            "// That was many years ago. They know all of each other's words by now. But sometimes they still sit together and say nothing at all, and understand each other very well.",
        ),
    ),
)

BOTTLE = Plot(
    name="bottle",
    weathers=("sunny", "windy", "foggy", "cold"),
    traits="curious|dreamy|quiet|patient",
    intros=(
        "{he} loved letters, but nobody ever wrote to {him}.",
        "{he} liked to sit near {water} and wonder where all the water came from, and where it went.",
    ),
    bundles=(
        (
            dict(question="Is there anyone there", reply="Yes, there is"),
            dict(question="What do you see from your window", reply="I see the masts of ships, and one very fat gull"),
            dict(question="What makes you laugh", reply="My little brother, when he tries to whistle"),
        ),
    ),
    phases=(
        (
            "{when}, {H} found an old green bottle near {water}. It was empty, but it had a good cork, and that gave {him} an idea.",
            "{when}, {H} was washing out an old green bottle when {he} had an idea.",
        ),
        (
            "{he} wrote a letter. \"My name is {h},\" {he} wrote. \"{question}? Please write back.\" Then {he} put it into the bottle, pushed in the cork, and threw it as far as {he} could.",
            "On a piece of paper {he} wrote {his} name, the name of the village, and one question: \"{question}?\" {he} put the paper into the bottle, closed it well, and gave it to the water.",
        ),
        (
            "// \"It will break,\" said {his} friend {f}. \"Or a fish will eat it.\" // \"Maybe,\" said {h}. \"And maybe not.\"",
            "// {his} {gran} watched it float away. \"You may have to wait a long time for an answer,\" said {his} {gran}. // \"I have time,\" said {h}.",
        ),
        (
            "// Weeks went by. At first {he} went to look every day. Then {he} went every Sunday. Then the winter came, and {he} almost forgot about it.",
            "// {he} waited all through the summer. The leaves turned yellow and fell. {his} friends grew tired of asking about it, and at last even {h} stopped talking about it.",
        ),
        (
            "// And then, one morning in spring, there was a letter on the table. The stamp was strange, and the paper smelled of [salt|oranges]. \"{reply},\" it said. \"My name is Marina. I found your bottle on the other side of the sea. Now it is my turn to ask you something.\"",
            "// But one day the mail cart stopped at the gate, and there was a letter with five stamps on it. {h} opened it with shaking fingers. \"{reply},\" it said. \"I am a sailor, and I found your bottle in my net. What is it like where you live?\"",
        ),
        (
            "// {h} read the letter three times. Then {he} sat down at the table, took a clean sheet of paper, and began to write.",
            "// {he} ran all the way to show it to {his} {gran}. \"You see?\" said {h}. \"There is always someone there.\"",
        ),
    ),
)

MUSIC = Plot(
    name="music",
    weathers=("rainy", "cold", "snowy", "foggy"),
    traits="quiet|kind|thoughtful|gentle",
    intros=(
        "{he} did not talk much, but {he} heard everything: the rain, the mice in the wall, the song of the kettle.",
        "Every day on {his} way home {he} passed old {e}, who played the violin in the street.",
    ),
    bundles=(
        (
            dict(broke="a string of the violin had broken", need="a new string"),
            dict(broke="the bow of the violin had snapped in two", need="a new bow"),
        ),
    ),
    phases=(
        (
            "{when}, it was strangely quiet in the street. {H} stopped. Old {e} was sitting on the steps as always, but {ehe} was not playing.",
            "{when}, {H} saw old {e} sitting on a bench with {ehis} violin on {ehis} knees. {weather_line} There was no music.",
        ),
        (
            "// \"Are you ill?\" asked {h}. // \"No,\" said {e}, and {ehe} showed {him} that {broke}. \"I have no money for {need}. I am afraid I have played my last song.\"",
            "// \"Why do you not play?\" asked {h}. // Then {he} saw that {broke}. \"It is an old violin,\" said {e}, \"and I am an old player. Perhaps it is time to stop.\"",
        ),
        (
            "// {h} could not imagine the street without music. That evening {he} went from door to door. \"Do you like the violin?\" {he} asked. Everyone did. Nobody had ever said so. The baker gave a coin, the tailor gave two, and a little girl gave a button.",
            "// All night {h} lay awake. In the morning {he} took {his} cap and went to every house in the street. \"It is for {e},\" {he} said. Some gave a coin, some gave two, and someone gave a warm pair of gloves.",
        ),
        (
            "// The next day {h} laid {need} in {e}'s hands. \"It is from all of us,\" {he} said. {e} looked up, and there they were, at every window and in every door.",
            "// Two days later there was {need}, wrapped in blue paper. {e} held it for a long time. \"I thought that nobody was listening,\" {ehe} said. // \"Everybody was,\" said {h}.",
        ),
        (
            "// {ehe} put the violin under {ehis} chin and began to play. First it was slow and sad, and then it grew quicker, and soon the whole street was dancing.",
            "// Then {e} stood up and played. {ehe} played a song that nobody had heard before, and even the [pigeons|dogs] were quiet until it was over.",
        ),
        (
            "// \"What is it called?\" asked {h} afterward. // {e} smiled. \"I have only just made it,\" {ehe} said. \"I think I will call it {h}.\"",
            "// Since that day nobody passes {e} without a word of thanks. And every Saturday {h} sits on the steps beside {ehim}, with a small violin of {his} own.",
        ),
    ),
)

KING = Plot(
    name="king",
    weathers=("windy", "stormy", "sunny", "cold"),
    times=("evening",),
    traits="clever|cheerful|poor|brave",
    own_opening=(
        "Once upon a time, there was a {trait} {kid} named {h} who lived {home}. [{his} family was poor, but {he} knew more stories than anyone in the land.|{he} had never been to the castle, and {he} had never wanted to go there.] //",
        "There was once a {trait} {kid} named {h} who lived {home}. {his} family was poor, but {he} knew more stories than anyone in the land. //",
    ),
    bundles=(
        (dict(ruler="king", rhe="he", rhis="his", rhim="him"), dict(ruler="queen", rhe="she", rhis="her", rhim="her")),
        (
            dict(cures="One doctor brought a pillow filled with feathers from a hundred swans. Another brought a tea that tasted of mud.", tool="A shovel", work="dig up the potatoes in the garden", work2="dug up a whole row of potatoes", reward="a bag of gold"),
            dict(cures="Musicians played soft music, and learned men read aloud from the dullest books in the land.", tool="A bucket", work="carry water to the kitchen", work2="carried forty buckets of water", reward="a white horse"),
        ),
    ),
    phases=(
        (
            "Now the {ruler} of that land could not sleep. {cures} Nothing helped. Night after night the {ruler} lay in a golden bed with wide open eyes.",
            "At that time the {ruler} had not slept for [thirty|forty] nights. {cures} It was all in vain.",
        ),
        (
            "// {when}, {h} knocked at the gate of the castle. \"I can help,\" {he} said. // The guards laughed. \"You? What do you have that the great doctors do not have?\" // \"{tool},\" said {h}. //",
            "// {when}, {h} came to the castle. \"I know a cure,\" {he} said, \"but it is hard work.\" // \"I will try anything,\" said the {ruler}. //",
        ),
        (
            "The next morning {h} asked the {ruler} to take off {rhis} crown and {work}. The whole court stood and stared. The {ruler} {work2}, and {rhis} face grew red, and {rhis} hands grew sore, and at noon {rhe} ate bread and cheese under a tree.",
            "As soon as it was light, they began. \"First,\" said {h}, \"you must {work}.\" The {ruler} had never done such a thing before. By noon {rhe} had worked harder than ever before in {rhis} life, and {rhe} was as hungry as a wolf.",
        ),
        (
            "// In the evening {h} sat down by the golden bed. \"And now,\" {he} said, \"I will tell you a story.\" But {he} had hardly said \"once upon a time\" when the {ruler} was fast asleep.",
            "// That night the {ruler} sat down on the bed to take off {rhis} shoes. {rhe} took off one of them. {rhe} never got to the other. {rhe} was asleep, and {rhe} snored so loudly that the windows shook.",
        ),
        (
            "// {rhe} slept until the next afternoon. \"You shall have {reward}!\" cried the {ruler}. \"But what was in the story?\" // \"I will tell you,\" said {h}, \"if you can stay awake.\"",
            "// \"What magic was that?\" asked the {ruler} in the morning. // \"No magic,\" said {h}. \"You were only not tired yet.\" {h} went home with {reward}, and the {ruler} kept a garden from that day on.",
        ),
    ),
)

DRAGON = Plot(
    name="dragon",
    weathers=("snowy", "cold"),
    times=("evening", "morning"),
    traits="small|shy|gentle|lonely",
    own_opening=(
        "Once upon a time, high in the mountains, there lived a {trait} dragon named {h}.",
        "Once upon a time there was a {trait} dragon named {h}, who lived in a cave above the clouds.",
        "High in the mountains lived a {trait} dragon named {h}.",
    ),
    bundles=(
        (
            dict(h="Ember", he="she", him="her", his="her", himself="herself"),
            dict(h="Cinder", he="he", him="him", his="his", himself="himself"),
            dict(h="Spark", he="he", him="him", his="his", himself="himself"),
            dict(h="Saffron", he="she", him="her", his="her", himself="herself"),
        ),
        (
            dict(need="the ovens had gone out, and there was no dry wood left", job2="lit every oven in the village, one after another", thanks="a loaf of bread as big as a wheel"),
            dict(need="the stove in the school had gone out, and the children were shivering", job2="lit the stove with one careful breath", thanks="forty drawings of dragons"),
            dict(need="the lamp in the tower had gone out, and the travelers could not find the pass", job2="flew up to the tower and lit the lamp", thanks="a red scarf, twelve feet long"),
        ),
    ),
    phases=(
        (
            "The other dragons could breathe fire as wide as a river. But {h} could only make a tiny flame, no bigger than that of a candle. The others laughed, and so {he} lived alone.",
            "{he} had beautiful green wings and a fine long tail. But when {he} tried to breathe fire, only one small flame came out, and then a puff of smoke.",
        ),
        (
            "// {when}, {h} looked down at the village in the valley. {weather_line} There was no smoke above the roofs. Something was wrong. It took all {his} courage, but {he} spread {his} wings and flew down.",
            "// {when}, a child named {f} came climbing up to the cave. \"Please,\" said {f}, and {fhis} teeth were chattering, \"we need help. It is so cold in the village!\"",
        ),
        (
            "// At first the people were afraid. Then {h} heard what had happened: {need}.",
            "// In the village {h} heard what had happened: {need}.",
        ),
        (
            "\"We asked the great dragons,\" said an old man, \"but their fire would burn the whole village down. If only there were a dragon with a small fire!\" // {h} could not believe {his} ears.",
            "\"A big fire would be no use to us,\" said an old woman. \"It would burn down the roof. What we need is a very small one.\" // {h} began to smile. It was a smile with a great many teeth.",
        ),
        (
            "// {he} took a deep breath, but not too deep, and {he} {job2}. The people cheered until the snow fell from the roofs.",
            "// \"Stand back,\" said {h}, \"but you do not have to stand back very far.\" And {he} {job2}. Soon it was bright and warm, and someone began to sing.",
        ),
        (
            "// They thanked {him} with {thanks}. And they asked {him} to come again the next day, and the day after that. {h} was never lonely anymore.",
            "// That evening {he} flew home with {thanks}. The great dragons asked where {he} had been. \"At work,\" said {h}.",
        ),
    ),
)

PLOTS = (NEIGHBOR, BOTTLE, MUSIC, KING, DRAGON)
