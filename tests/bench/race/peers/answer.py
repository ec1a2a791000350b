"""A peer that reads texts when it is asked to: one JSON list of texts a line in, labels and what it took out.

python answer.py READER FOLDER
"""

import json
import os
import sys
import time
from pathlib import Path

from reading import open_reader


def main(name, folder):
    # Libraries print as they like: what is ours goes where they cannot reach
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    read = open_reader(name, folder)
    print(json.dumps({"ready": name}), file=answers)
    for line in sys.stdin:
        texts = json.loads(line)
        began, used = time.perf_counter(), time.process_time()
        labels = read(texts)
        took = {"seconds": time.perf_counter() - began, "processor_s": time.process_time() - used}
        print(json.dumps({"labels": labels} | took), file=answers)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
