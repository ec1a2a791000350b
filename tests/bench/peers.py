"""Ours beside what people use, with the same weights: transformers, optimum, infinity, Faust, Quix, FastStream.

`inference` is texts a second, `pipeline` events a second from topic to table with a model inside, `loop` the same
without one. The peers' libraries are installed into a folder of their own at the first run, and their model is made
of the bundle in force.
"""

import tempfile
from pathlib import Path

from tests.bench._options import options
from tests.bench._report import write
from tests.bench.race import inference, stream
from tests.bench.race.environment import cache_folder, python_of_peers, quantized, versions
from tests.bench.race.terms import Terms
from tests.bench.race.weights import run_of_bundle, transformers_folder

RACES = ("inference", "pipeline", "loop")
FAIR = {
    "inference": """Texts a second of readers with the same encoder weights, in turn, each in a process of its own.

Each is as its documentation has it, with its own defaults for threads. The peers get their texts prepared, and say
the sentiment alone; ours prepares them, and says the probabilities of all heads. Loading and the first round do not
count.""",
    "pipeline": """Events a second from topic to table, each entrant one process on the same cores, in turn.

Each has a topic of its own with the same partitions and the same headlines, in the same order; the clock runs from
the first event sent until all rows are counted in its table. The peers decode, read and insert in batches of 512. Ours
also redacts, counts windows, writes three tables, publishes, and can lose no event. The check is that every event is in
each table once.""",
    "loop": """The same with views, which have no text: what the stream costs without a model.

The peers insert four columns into one table and acknowledge as their library does by itself; ours does all that it does
for any event. The check is that every event is in each table once.""",
}


def main(argv):
    """Race; with --write put the tables into docs/benchmarks.md."""
    parser = options("peers", __doc__, rounds=5)
    parser.add_argument("races", nargs="*", metavar="RACE", help=f"of {', '.join(RACES)}; all where none is named")
    parser.add_argument("--run", type=Path, help="whose weights they read with; the bundle's own where none is named")
    parser.add_argument("--texts", type=int, default=200, help="of each set and round of inference")
    parser.add_argument("--events", type=int, default=600, help="of each round; 20 times as many in the loop")
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="library or reader; may be given again"
    )
    asked = parser.parse_args(argv)
    if unknown := set(asked.races) - set(RACES):
        parser.error(f"there is no race {', '.join(sorted(unknown))}; there are {', '.join(RACES)}")
    weights = transformers_folder(asked.run or run_of_bundle(cache_folder()), cache_folder())
    python = python_of_peers(cache_folder())
    quantized(python, weights)
    rows = []
    for name in asked.races or RACES:
        with tempfile.TemporaryDirectory() as folder:
            rows += (found := _race(name, python, weights, Path(folder), asked))
        if asked.write:
            told = [
                {column: value for column, value in row.items() if any(one[column] for one in found)} for row in found
            ]
            write(f"{name} against peers", FAIR[name], told, versions=versions())
    return rows


def _race(name, python, weights, folder, asked):
    race, count = {
        "inference": (inference.race, asked.texts),
        "pipeline": (stream.pipeline, asked.events),
        "loop": (stream.loop, 20 * asked.events),
    }[name]
    only = tuple(asked.only)
    return race(Terms(python=python, weights=weights, folder=folder, rounds=asked.rounds, count=count, only=only))
