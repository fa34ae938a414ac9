"""Redis, for more than one machine."""

from __future__ import annotations

import logging
from typing import Any

from kombu.transport import redis

from config.brokers import UNREADABLE

logger = logging.getLogger(__name__)


class RedisChannel(redis.Channel):
    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[no-untyped-call]
        except UNREADABLE as error:
            logger.warning("an unreadable message was dropped: %r", error)
            return True


class RedisTransport(redis.Transport):
    Channel = RedisChannel
