"""Broker transports that survive a message nobody can read.

Kombu takes the message from the queue, fails to decode it and lets the error end the worker. The bell is only a bell:
here such a message is logged and dropped. One module for each, so that only the one in use is imported.
"""

from kombu.transport import TRANSPORT_ALIASES

UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, LookupError)


def use_them() -> None:
    """For every broker URL of these kinds in this process."""
    TRANSPORT_ALIASES["filesystem"] = "config.brokers.filesystem:FilesystemTransport"
    TRANSPORT_ALIASES["redis"] = TRANSPORT_ALIASES["rediss"] = "config.brokers.redis:RedisTransport"
