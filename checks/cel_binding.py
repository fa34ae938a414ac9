"""The CEL binding without its command line, which it imports too: 0.35 s and 27 MB of terminal library a process."""

import sys
import types

sys.modules.setdefault("cel.cli", types.ModuleType("cel.cli"))

import cel  # noqa: E402  only now may it look for its command line

__all__ = ["cel"]
