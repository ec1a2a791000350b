"""A worker for the fault harness: the program's own, but that its model may be the fake and a protection may be off.

`python -m tests.chaos.worker`, with PULSEWIRE_CHAOS_FAKE=1 and PULSEWIRE_CHAOS_WITHOUT=<mutant> where asked for.
"""

import logging
import os

from models.fake import FakeClassifier
from models.runtime import Classifier
from streams.app import Worker
from streams.settings import load_settings
from tests.chaos.mutants import MUTANTS


def main():
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    if mutant := os.environ.get("PULSEWIRE_CHAOS_WITHOUT"):
        MUTANTS[mutant]()
    load = FakeClassifier.load if os.environ.get("PULSEWIRE_CHAOS_FAKE") else Classifier.load
    Worker(load_settings(), load=load).run()


if __name__ == "__main__":
    main()
