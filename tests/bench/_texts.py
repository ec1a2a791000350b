"""Real texts for benchmarks: from the folder of real data where there is one, else the bundled sample's."""

import csv
import gzip
import json
from itertools import islice

from infra.sample.generate import sample_events
from streams.settings import load_settings, seed_data

LOGS = ("HDFS", "Hadoop", "OpenSSH", "OpenStack", "Linux", "Apache")


def headlines():
    """(where from, texts): each text once."""
    folder = seed_data(load_settings())
    if folder is None:
        return "bundled sample", list(dict.fromkeys(event.row["title"] for event in sample_events()["news"]))
    with (folder / "sentiment_sentfin" / "headlines.csv").open(encoding="utf-8") as file:
        return "SEntFiN headlines", list(dict.fromkeys(row["Title"] for row in csv.DictReader(file)))


def log_lines():
    """(where from, lines), of all systems in turn."""
    folder = seed_data(load_settings())
    if folder is None:
        return "bundled sample", [event.row["message"] for event in sample_events()["logs"]]
    columns = []
    for system in LOGS:
        with (folder / "logs_loghub" / f"{system}_2k.log_structured.csv").open(encoding="utf-8") as file:
            columns.append([row["Content"] for row in csv.DictReader(file)])
    return "Loghub lines", [line for lines in zip(*columns, strict=True) for line in lines if line.strip()]


def articles():
    """(where from, texts) of an article's length, or none where there is no folder of real data."""
    folder = seed_data(load_settings())
    if folder is None:
        return "articles", []
    with gzip.open(folder / "news_reuters" / "articles.jsonl.gz", "rt", encoding="utf-8") as file:
        bodies = [json.loads(line)["body"] for line in islice(file, 2_000)]
    return "Reuters articles", list(dict.fromkeys(body for body in bodies if len(body) > 400))


def endless(texts):
    """Each text once, then again with a number, so that none comes from the memory of answers."""
    turn = 0
    while True:
        for text in texts:
            yield f"{text} ({turn})" if turn else text
        turn += 1
