#!/usr/bin/env python3
"""Writes little stories: the training text of the demo model. The same seed gives the same stories.

    python3 tools/demo_model/stories.py --count 3 --seed 7
"""

import argparse
import multiprocessing
import random

import plots_animals
import plots_home
import plots_outdoors
import plots_wonder
from grammar import choose, expand, polish
from world import make_world, opening

PLOTS = plots_home.PLOTS + plots_outdoors.PLOTS + plots_wonder.PLOTS + plots_animals.PLOTS
_CHUNK = 500


def write_story(rng, plot=None):
    """One story as plain ASCII text; paragraphs are separated by a blank line."""
    plot = plot or rng.choice(PLOTS)
    slots = make_world(rng, plot)
    if plot.own_opening:
        text = expand(rng, choose(rng, plot.own_opening), slots) + " "
    else:
        text = opening(rng, slots, plot)
    for phase in plot.phases:
        text += expand(rng, choose(rng, phase), slots) + " "
    return polish(text)


def _chunk(arguments):
    seed, first, last = arguments
    # One generator for each story: story i is the same however the work is divided.
    return [write_story(random.Random(f"{seed}/{index}")) for index in range(first, last)]


def write_stories(seed, count, processes=1):
    """A list of `count` stories; `processes` changes the time it takes, not the result."""
    work = [(seed, first, min(first + _CHUNK, count)) for first in range(0, count, _CHUNK)]
    if processes == 1:
        chunks = map(_chunk, work)
    else:
        with multiprocessing.Pool(processes) as pool:
            chunks = pool.map(_chunk, work)
    return [story for chunk in chunks for story in chunk]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plot", choices=[plot.name for plot in PLOTS], help="only this kind of story")
    arguments = parser.parse_args()
    by_name = {plot.name: plot for plot in PLOTS}
    for index in range(arguments.count):
        rng = random.Random(f"{arguments.seed}/{index}")
        print(write_story(rng, by_name.get(arguments.plot)), end="\n\n* * *\n\n")


if __name__ == "__main__":
    main()
