"""A worker for the fault harness: the program's own, but that its model may be the fake and a protection may be off.

`python -m tests.chaos.worker`, with PULSEWIRE_CHAOS_FAKE=1 and PULSEWIRE_CHAOS_WITHOUT=<mutant> where asked for.
A text with DEADLY in it ends the process when it is read; one byte is added to the file PULSEWIRE_CHAOS_DEATHS before.
"""

import logging
import os
import signal
import threading
import time
from pathlib import Path

from models.fake import FakeClassifier
from models.runtime import Classifier
from streams.app import Worker
from streams.settings import load_settings
from tests.chaos.ledger import DEADLY
from tests.chaos.mutants import MUTANTS


def move_the_clock():
    """The file PULSEWIRE_CHAOS_CLOCK has the seconds by which the clock is ahead; it is read again and again."""
    clock, ahead, plain, plain_ns = Path(os.environ["PULSEWIRE_CHAOS_CLOCK"]), [0], time.time, time.time_ns

    def follow():
        while True:
            ahead[0] = int(clock.read_text())
            time.sleep(0.5)

    threading.Thread(target=follow, daemon=True).start()
    time.time = lambda: plain() + ahead[0]
    time.time_ns = lambda: plain_ns() + ahead[0] * 10**9


def deadly(load):
    """As if the model's library crashed over certain texts."""

    def loaded(*args, **kwargs):
        classifier = load(*args, **kwargs)
        classify = classifier.classify

        def classify_or_die(texts, **how):
            if any(DEADLY in text for text in texts):
                with Path(os.environ["PULSEWIRE_CHAOS_DEATHS"]).open("ab") as deaths:
                    deaths.write(b".")
                os.kill(os.getpid(), signal.SIGKILL)
            return classify(texts, **how)

        classifier.classify = classify_or_die
        return classifier

    return loaded


def main():
    logging.basicConfig(format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    if mutant := os.environ.get("PULSEWIRE_CHAOS_WITHOUT"):
        MUTANTS[mutant]()
    move_the_clock()
    load = FakeClassifier.load if os.environ.get("PULSEWIRE_CHAOS_FAKE") else Classifier.load
    # Shorter than the setting allows: on a quiet machine there is no need to wait for so long
    settings = load_settings().model_copy(update={"session_timeout_ms": int(os.environ["PULSEWIRE_CHAOS_SESSION_MS"])})
    Worker(settings, load=deadly(load)).run()


if __name__ == "__main__":
    main()
