"""Probes and expectations: plain asyncio Python, usable without Django."""
