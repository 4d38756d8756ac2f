"""Starts the shipper."""

from functools import partial

from keyfold.kafka.connection import ProducerOptions
from keyfold.kafka.publisher import Publisher
from keyfold.kafka.topic_watch import TopicWatch
from keyfold.kafka.topics import prepare_topics
from keyfold.runtime.authenticator import NoTokens
from keyfold.runtime.collector import settle_collector
from keyfold.runtime.http import build_app
from keyfold.runtime.service import Process, run
from keyfold.runtime.waiting import wait_for
from keyfold.shipper.journal_directory import open_journal_directory
from keyfold.shipper.settings import ShipperSettings
from keyfold.shipper.shipping import Shipping
from keyfold.wire.topics import ACCESS

NAME = "shipper"
TOPICS = (ACCESS,)


async def start(process: Process[ShipperSettings]) -> None:
    """Lock the journal directory, wait for Kafka, and ship."""
    settings, clock = process.settings, process.clock
    kafka = settings.kafka
    waiting = partial(wait_for, timeout_s=settings.startup_timeout_s, clock=clock)
    journals = await waiting(
        "the journal directory", lambda: process.enter(open_journal_directory(settings.journal_dir))
    )
    await waiting("Kafka", partial(prepare_topics, kafka, TOPICS))
    publisher = await process.enter(Publisher(ProducerOptions(kafka=kafka, client_id="keyfold-shipper")))
    partitions = await waiting("the access topic", lambda: publisher.partition_count(ACCESS.name))
    shipping = Shipping(
        journals,
        publisher,
        topic=ACCESS.name,
        partitions=partitions,
        clock=clock,
        batch_bytes_max=settings.shipper_batch_bytes_max,
        poll_interval_s=settings.shipper_poll_interval_s,
    )
    process.health.add("shipping", shipping.unready)
    topics = TopicWatch(kafka, TOPICS)
    process.health.add("topics", topics.check)
    await process.serve(build_app(NAME, [], auth=NoTokens(), health=process.health, clock=clock))
    process.spawn("shipping", shipping.run())
    process.spawn("topic watch", topics.watch())
    settle_collector()


if __name__ == "__main__":
    run(NAME, ShipperSettings, start)
