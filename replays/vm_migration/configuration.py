"""The text of the configurations: nginx on both addresses, and the zone."""

from replays.vm_migration.layout import HOSTNAME, NAME_SERVERS, NEW_ADDRESS, OLD_ADDRESS, ZONE

TTL_SECONDS = 5
SERIAL_OF_OLD_ADDRESS = 1
SERIAL_OF_NEW_ADDRESS = 2


def new_host(port: int, chat_socket: str) -> str:
    """The moved machine's own nginx. Nothing is wrong with it, which is what took so long to believe."""
    return f"""
    map $http_upgrade $connection_header {{ default upgrade; "" close; }}
    server {{
        listen {NEW_ADDRESS}:{port};
        server_name {HOSTNAME};
        location / {{
            proxy_pass http://unix:{chat_socket};
            proxy_http_version 1.1;
            proxy_set_header Host $http_host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_header;
        }}
    }}
"""


def forwarding_host(port: int, *, passes_upgrades: bool) -> str:
    """The provider's proxy on the old address.

    nginx drops the hop-by-hop headers Upgrade and Connection unless told otherwise (RFC 9110 section 7.6.1): the
    fault is four lines that are *not* there.
    """
    upgrade_map, upgrade_headers = "", ""
    if passes_upgrades:
        upgrade_map = """map $http_upgrade $connection_header { default upgrade; "" close; }"""
        upgrade_headers = """
            proxy_http_version 1.1;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_header;"""
    return f"""
    {upgrade_map}
    server {{
        listen {OLD_ADDRESS}:{port};
        location / {{
            proxy_pass http://{NEW_ADDRESS}:{port};
            proxy_set_header Host $http_host;{upgrade_headers}
        }}
    }}
"""


def zone(address: str) -> str:
    """The zone with the chat's name at `address`, in master file format."""
    serial = SERIAL_OF_NEW_ADDRESS if address == NEW_ADDRESS else SERIAL_OF_OLD_ADDRESS
    lines = [
        f"$TTL {TTL_SECONDS}",
        f"@ SOA ns1.{ZONE}. hostmaster.{ZONE}. {serial} 3600 600 86400 {TTL_SECONDS}",
        *(f"@ NS {name}.{ZONE}." for name in NAME_SERVERS),
        *(f"{name}.{ZONE}. A {server}" for name, server in NAME_SERVERS.items()),
        f"{HOSTNAME}. A {address}",
    ]
    return "\n".join(lines) + "\n"
