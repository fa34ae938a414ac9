"""Real incidents rebuilt in miniature on loopback: broken systems to aim checks at, with a switch to fixed."""
