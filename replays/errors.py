class ReplayError(Exception):
    """A replay could not start or go on. The message is for people: what is wrong and what to do."""
