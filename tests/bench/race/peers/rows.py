"""What the stream programs share: their arguments, what a row is, and how rows get into ClickHouse."""

import argparse
import os
from pathlib import Path
from urllib.parse import urlsplit

import clickhouse_connect
import orjson
from reading import open_reader

COLUMNS = ["event_id", "event_time", "said", "label"]
BATCH = 512  # events an insert, and at once to the model, which cuts them as it likes
WITHIN_S = 0.2  # how long a batch that is not full may wait


def asked():
    """The arguments of each program."""
    options = argparse.ArgumentParser()
    options.add_argument("--kafka", required=True, help="host:port")
    options.add_argument("--clickhouse", required=True, help="its URL")
    options.add_argument("--database", required=True)
    options.add_argument("--user", required=True)
    options.add_argument("--topic", required=True)
    options.add_argument("--table", required=True, help="of the database")
    options.add_argument("--reader", required=True, help="a name that reading.py knows")
    options.add_argument("--weights", type=Path, required=True, help="a folder of transformers")
    options.add_argument("--state", required=True, help="a folder for what the library keeps")
    return options.parse_args()


class Sink:
    """Raw events in; read, and inserted as one block. Blocking."""

    def __init__(self, options):
        url = urlsplit(options.clickhouse)
        self._read = open_reader(options.reader, options.weights)
        self._table = options.table
        self._client = clickhouse_connect.get_client(
            host=url.hostname,
            port=url.port,
            username=options.user,
            password=os.environ.get("RACE_CLICKHOUSE_PASSWORD", ""),
            database=options.database,
            settings={"async_insert": 0},  # whole batches have nothing to wait for
        )

    def put(self, values):
        """Each as JSON in bytes."""
        self.put_events([orjson.loads(value) for value in values])

    def put_events(self, events):
        """The same, decoded."""
        said = [event.get("title") or event["action"] for event in events]
        labels = self._read([f"query: {text}" for text in said])
        ids, times = [event["id"] for event in events], [event["ts"] for event in events]
        self._client.insert(self._table, [ids, times, said, labels], column_names=COLUMNS, column_oriented=True)
