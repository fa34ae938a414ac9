"""Messages handed down by any floor, and their deliveries."""

from notifications.models.message import Delivery, DeliveryState, Message

__all__ = ["Delivery", "DeliveryState", "Message"]
