"""Broker transports that survive a message nobody can read.

Kombu takes the message from the queue, fails to decode it and lets the error end the worker. The bell is only a bell:
here such a message is logged and dropped.
"""

from __future__ import annotations

import logging
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, filesystem, redis

logger = logging.getLogger(__name__)

UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, LookupError)


class FilesystemChannel(filesystem.Channel):
    def _get(self, queue: str, timeout: float | None = None) -> Any:
        while True:
            try:
                message: Any = super()._get(queue)  # type: ignore[no-untyped-call]
                message["properties"]["delivery_tag"]
            except UNREADABLE as error:
                logger.warning("an unreadable message in %s was dropped: %r", queue, error)
            else:
                return message


class FilesystemTransport(filesystem.Transport):
    Channel = FilesystemChannel


class RedisChannel(redis.Channel):
    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[no-untyped-call]
        except UNREADABLE as error:
            logger.warning("an unreadable message was dropped: %r", error)
            return True


class RedisTransport(redis.Transport):
    Channel = RedisChannel


def use_them() -> None:
    """For every broker URL of these kinds in this process."""
    TRANSPORT_ALIASES["filesystem"] = "config.broker:FilesystemTransport"
    TRANSPORT_ALIASES["redis"] = TRANSPORT_ALIASES["rediss"] = "config.broker:RedisTransport"
