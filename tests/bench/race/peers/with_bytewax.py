"""Topic to table with bytewax: collected by partition, and a sink that inserts each batch."""

from datetime import timedelta

import bytewax.operators as op
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.run import cli_main
from rows import BATCH, WITHIN_S, Sink, asked


class _Part(StatelessSinkPartition):
    def __init__(self, sink):
        self._sink = sink

    def write_batch(self, items):
        for _partition, values in items:
            self._sink.put(values)


class Table(DynamicSink):
    """One part for its one worker."""

    def __init__(self, sink):
        self._sink = sink

    def build(self, _step_id, _worker_index, _worker_count):
        return _Part(self._sink)


def main():
    options = asked()
    sink = Sink(options)
    flow = Dataflow("race")
    read = kop.input("kafka", flow, brokers=[options.kafka], topics=[options.topic], batch_size=BATCH)
    keyed = op.map("by_partition", read.oks, lambda message: (str(message.partition), message.value))
    op.output("table", op.collect("batch", keyed, timedelta(seconds=WITHIN_S), BATCH), Table(sink))
    cli_main(flow)


if __name__ == "__main__":
    main()
