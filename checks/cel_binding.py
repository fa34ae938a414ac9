"""The CEL binding without its command line, which `cel` imports too: a third of a second and 27 MB of terminal library."""

import sys
import types

sys.modules.setdefault("cel.cli", types.ModuleType("cel.cli"))

import cel  # noqa: E402  only now may it look for its command line

__all__ = ["cel"]
