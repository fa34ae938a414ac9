"""What happens on the way to a target: families, the system's resolver, who cannot be reached."""

import asyncio
import socket
from typing import Any

import pytest
from websockets.asyncio.server import serve

from checks.egress import EgressPolicy, Refusal
from checks.name_service import system_resolvers
from tests.checks.listeners import answering, listening, probe, response
from tests.checks.test_dns import name_server, zone
from tests.checks.test_websocket import echo


def test_listeners_on_ipv6():
    async def run() -> list[Any]:
        async with listening(answering(response(b"six")), "::1") as port:
            url = f"http://[::1]:{port}/"
            return [
                await probe("http", {"url": url}, ('remote_ip == "::1" && body == "six"',)),
                await probe("http", {"url": url, "ip_version": 4}, ('error == "resolve_failed"',)),
                await probe("http", {"url": f"http://site.example:{port}/", "connect_to": "::1"}),
                await probe("tcp", {"host": "::1", "port": port}, ("connected",)),
            ]

    assert [result.verdict for result in asyncio.run(run())] == ["passed"] * 4


def test_a_websocket_on_ipv6():
    async def run() -> Any:
        async with serve(echo, "::1", 0, compression=None) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            return await probe("websocket", {"url": f"ws://[::1]:{port}/", "message": "hi"}, ("echoed",))

    assert asyncio.run(run()).verdict == "passed"


def test_without_a_resolver_the_systems_own_is_asked_on_port_53_whatever_its_address():
    if not system_resolvers():
        pytest.skip("this machine names no resolver")
    parameters = {"name": "name.invalid", "timeout_seconds": 1}
    result = asyncio.run(probe("dns", parameters, (), EgressPolicy()))
    assert result.refusal is None
    assert (result.observation["remote_ip"], result.observation["remote_port"]) == (system_resolvers()[0], 53)
    assert result.observation["rcode"] in ("NXDOMAIN", "SERVFAIL", "REFUSED", "NOERROR", None)


def test_the_systems_resolver_is_no_way_to_its_other_ports():
    policy = EgressPolicy()
    private = [server for server in system_resolvers() if isinstance(policy.judge(server, 54), Refusal)]
    if not private:
        pytest.skip("this machine's resolver has a public address")
    shown = f"[{private[0]}]:54" if ":" in private[0] else f"{private[0]}:54"
    for parameters in ({"name": "a.example", "resolvers": shown}, {"name": "a.example", "resolver": shown}):
        assert asyncio.run(probe("dns", parameters, (), EgressPolicy())).refusal is not None


def test_an_address_without_a_route_is_unreachable():
    """TCP to a broadcast address: the kernel says so at once."""
    result = asyncio.run(probe("tcp", {"host": "127.255.255.255", "port": 9}))
    assert (result.verdict, result.observation["error"]) == ("failed", "unreachable")
    assert result.observation["connected"] is False


def test_a_full_backlog_is_a_connect_timeout():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        place = server.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(place)
        try:
            result = asyncio.run(probe("tcp", {"host": place[0], "port": place[1], "timeout_seconds": 0.7}))
        finally:
            for client in waiting:
                client.close()
    assert (result.verdict, result.observation["error"]) == ("failed", "connect_timeout")


@pytest.mark.parametrize(("allowed", "verdict"), [(0, "failed"), (1, "failed"), (2, "passed")])
def test_max_failures_holds_for_each_member_by_itself(allowed: int, verdict: str):
    """Two of one member's attempts fail; the other member's two good ones make up for nothing."""

    async def run() -> Any:
        good = zone({("chat.example", "A"): ["192.0.2.9"]})
        old = zone({("chat.example", "A"): ["192.0.2.1"]})
        async with name_server(good) as one, name_server(old) as two:
            parameters = {"name": "chat.example", "resolvers": f"127.0.0.1:{one},127.0.0.1:{two}"}
            return await probe("dns", parameters, ('"192.0.2.9" in answers',), repeat=2, max_failures=allowed)

    result = asyncio.run(run())
    assert (result.verdict, result.attempts, result.failures) == (verdict, 4, 2)
