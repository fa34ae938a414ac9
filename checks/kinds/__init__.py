"""One file per check kind; `checks.registry` names them."""
