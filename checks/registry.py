"""Every check kind by name. A new kind is a file in `checks/kinds/` and a line here."""

from checks.kind import Kind
from checks.kinds import dns, http, tcp, tls, websocket

KINDS: dict[str, Kind] = {kind.name: kind for kind in (http.KIND, dns.KIND, tls.KIND, tcp.KIND, websocket.KIND)}
