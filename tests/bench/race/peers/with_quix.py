"""Topic to table with Quix Streams: a sink that batches, which is where it lets a user have more than one event."""

from quixstreams import Application
from quixstreams.sinks import BatchingSink
from rows import BATCH, WITHIN_S, Sink, asked


class Table(BatchingSink):
    """Called with what came since the last checkpoint, partition by partition."""

    def __init__(self, sink):
        super().__init__()
        self._sink = sink

    def write(self, batch):
        for items in batch.iter_chunks(n=BATCH):
            self._sink.put_events([item.value for item in items])


def main():
    options = asked()
    app = Application(
        broker_address=options.kafka, consumer_group=f"race-{options.topic}", auto_offset_reset="earliest",
        commit_interval=WITHIN_S, commit_every=4 * BATCH, consumer_poll_timeout=WITHIN_S / 2, auto_create_topics=False,
        state_dir=options.state, loglevel="WARNING",
    )  # fmt: skip
    app.dataframe(app.topic(options.topic, value_deserializer="json")).sink(Table(Sink(options)))
    app.run()


if __name__ == "__main__":
    main()
