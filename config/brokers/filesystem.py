"""A queue folder, for one machine."""

from __future__ import annotations

import logging
from typing import Any

from kombu.transport import filesystem

from config.brokers import UNREADABLE

logger = logging.getLogger(__name__)


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
