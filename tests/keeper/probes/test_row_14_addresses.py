"""Row 14: resolve once, check the address, connect to that address."""

import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.support import OK, answer, probe, run, target
from registry.keeper.probes import AddressPolicy, Options, Outcome, Tools, prober
from registry.keeper.probes.dialer import Dialer
from registry.keeper.probes.resolver import Address, Resolver, parse_address
from registry.keeper.probes.target import Target as Place

METADATA = "169.254.169.254"
LINK_LOCAL = "probes may not connect to a link-local address"
KINDS: list[dict[str, Any]] = [
    {"HTTP": "http://{}:{}/"},
    {"HTTP": "https://{}:{}/"},
    {"TCP": "{}:{}"},
    {"TCP": "{}:{}", "TCPUseTLS": True},
    {"UDP": "{}:{}"},
    {"GRPC": "{}:{}"},
    {"H2PING": "{}:{}"},
]


def at(kind: dict[str, Any], host: str, port: int) -> dict[str, Any]:
    return {
        name: value.format(host, port) if isinstance(value, str) else value for name, value in kind.items()
    }


class StandInForDns(Resolver):
    """Answers each lookup of a name with the next of its answers; the last one stays."""

    def __init__(self, **names: list[list[str]]) -> None:
        super().__init__()
        self._answers = names
        self.asked: list[str] = []

    async def lookup(self, host: str) -> tuple[Address, ...]:
        if host not in self._answers:
            return await super().lookup(host)
        self.asked.append(host)
        answers = self._answers[host]
        texts = answers.pop(0) if len(answers) > 1 else answers[0]
        return tuple(address for text in texts if (address := parse_address(text)))


async def probe_with(
    dns: Resolver, definition: dict[str, Any], policy: AddressPolicy | None = None
) -> Outcome:
    async with Tools() as tools:
        tools.dialer = Dialer(dns, policy or AddressPolicy())
        return await prober(definition, tools).run()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(kind))
@pytest.mark.parametrize("host", [METADATA, "[::ffff:169.254.169.254]", "[fe80::1]", "100.100.100.200"])
def test_row_14_every_kind_refuses(kind: dict[str, Any], host: str) -> None:
    found = run(probe(at(kind, host, 80)))
    assert found.status == "critical"
    assert "probes may not connect to a" in found.output


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(kind))
def test_row_14_names_are_judged_by_their_address(kind: dict[str, Any]) -> None:
    dns = StandInForDns(**{"innocent.example": [[METADATA]]})
    found = run(probe_with(dns, at(kind, "innocent.example", 80)))
    assert found.status == "critical"
    assert f"{METADATA}:80: {LINK_LOCAL}" in found.output


def test_row_14_the_address_checked_is_the_one_connected_to() -> None:
    async def main() -> tuple[Outcome, list[str]]:
        dns = StandInForDns(rebinding=[["127.0.0.1"], [METADATA]])
        async with target(answer(OK)) as server:
            found = await probe_with(dns, {"HTTP": f"http://rebinding:{server.port}/"})
        return found, dns.asked

    found, asked = run(main())
    assert found.status == "passing"
    assert asked == ["rebinding"], "a second lookup could have had another answer"


def test_row_14_the_name_is_still_asked_for() -> None:
    heads: list[bytes] = []

    async def keep(reader: Any, writer: Any) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)

    async def main() -> int:
        async with target(keep) as server:
            await probe_with(StandInForDns(name=[["127.0.0.1"]]), {"HTTP": f"http://name:{server.port}/"})
            return server.port

    assert f"\r\nHost: name:{run(main())}\r\n".encode() in heads[0]


@pytest.mark.parametrize("order", [["127.0.0.1", METADATA], [METADATA, "127.0.0.1"]])
def test_row_14_of_two_addresses_only_the_allowed_one_is_tried(order: list[str]) -> None:
    async def main() -> tuple[Outcome, Outcome]:
        async with target(answer(OK)) as server:
            url = {"HTTP": f"http://two:{server.port}/", "Timeout": 5_000_000_000}
            there = await probe_with(StandInForDns(two=[order]), url)
        return there, await probe_with(StandInForDns(two=[order]), url)

    there, gone = run(main())
    assert there.status == "passing"
    assert gone.output.endswith("connect: connection refused"), gone.output
    assert METADATA not in gone.output


def test_row_14_the_next_address_is_tried_when_one_fails() -> None:
    async def main() -> Outcome:
        async with target(answer(OK)) as server:
            dns = StandInForDns(two=[["::1", "127.0.0.1"]])
            return await probe_with(dns, {"HTTP": f"http://two:{server.port}/"})

    assert run(main()).status == "passing"


@pytest.mark.parametrize(
    "host",
    [
        "2852039166",  # decimal
        "0xa9fea9fe",
        "0xA9.254.169.254",
        "0251.0376.0251.0376",  # octal
        "169.254.43518",  # short
        "169.254.169.254.",
        "127.1",
        "0",
    ],
)
def test_row_14_other_spellings_of_addresses_are_no_names(host: str) -> None:
    found = run(probe({"HTTP": f"http://{host}/"}))
    assert found == Outcome("critical", f'Get "http://{host}/": dial tcp: lookup {host}: no such host')


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1@169.254.169.254/",
        "http://127.0.0.1:80@169.254.169.254/",
        "http://a@127.0.0.1@169.254.169.254/",
        "http://127.0.0.1%40x@169.254.169.254/",
    ],
)
def test_row_14_what_is_before_an_at_sign_is_no_host(url: str) -> None:
    assert f"dial tcp {METADATA}:80: {LINK_LOCAL}" in run(probe({"HTTP": url})).output


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1\\@evil/", "http://127.0.0.1#@evil/", "http://127.0.0.1?@evil/"]
)
def test_row_14_what_is_after_the_host_is_no_host(url: str) -> None:
    assert "evil" not in run(probe({"HTTP": url})).output.partition("dial tcp")[2]


ALLOWED = AddressPolicy()
NOTHING = AddressPolicy(allow_loopback=False, allow_private=False)
EVERYTHING = AddressPolicy(allow_link_local=True)


@pytest.mark.parametrize(
    ("address", "by_default", "strictest", "loosest"),
    [
        ("8.8.8.8", True, True, True),
        ("2606:4700::1111", True, True, True),
        ("127.0.0.1", True, False, True),
        ("127.255.255.254", True, False, True),
        ("::1", True, False, True),
        ("::ffff:127.0.0.1", True, False, True),
        ("10.1.2.3", True, False, True),
        ("172.31.0.1", True, False, True),
        ("172.32.0.1", True, True, True),
        ("192.168.0.1", True, False, True),
        ("100.64.0.1", True, False, True),
        ("fd12::1", True, False, True),
        ("::ffff:10.0.0.1", True, False, True),
        ("169.254.1.1", False, False, True),
        ("fe80::1", False, False, True),
        ("febf::1", False, False, True),
        ("100.100.100.200", False, False, True),
        ("192.0.0.192", False, False, True),
        ("fd00:ec2::254", False, False, True),
        ("::ffff:169.254.169.254", False, False, True),
        ("::169.254.169.254", False, False, True),
        ("2002:a9fe:a9fe::", False, False, True),
        ("64:ff9b::a9fe:a9fe", False, False, True),
        ("64:ff9b::100.100.100.200", False, False, True),
        ("0.0.0.0", False, False, False),
        ("0.1.2.3", False, False, False),
        ("::", False, False, False),
        ("::ffff:0.0.0.0", False, False, False),
        ("224.0.0.1", False, False, False),
        ("255.255.255.255", False, False, False),
        ("240.0.0.1", False, False, False),
        ("ff02::1", False, False, False),
        ("::ffff:224.0.0.1", False, False, False),
    ],
)
def test_row_14_policy(address: str, by_default: bool, strictest: bool, loosest: bool) -> None:
    for policy, allowed in ((ALLOWED, by_default), (NOTHING, strictest), (EVERYTHING, loosest)):
        assert (policy.refusal(address) == "") is allowed, policy


@given(st.ip_addresses(v=4), st.sampled_from(["::ffff:{}", "::{}", "64:ff9b::{}"]))
def test_row_14_an_address_within_another_is_no_way_around(inner: Any, form: str) -> None:
    for policy in (ALLOWED, NOTHING):
        if policy.refusal(str(inner)):
            assert policy.refusal(form.format(inner)), (inner, policy)


def test_row_14_switches_reach_the_probes() -> None:
    async def main() -> tuple[Outcome, Outcome]:
        async with target(answer(OK)) as server:
            check = {"TCP": f"127.0.0.1:{server.port}"}
            off = await probe(check, addresses=AddressPolicy(allow_loopback=False))
            assert server.connections == 0
            return await probe(check), off

    on, off = run(main())
    assert on.status == "passing"
    assert off.output.endswith("probes may not connect to a loopback address")


def test_an_address_that_does_not_answer_does_not_hold_up_the_next() -> None:
    async def main() -> tuple[str, int]:
        listener = socket.create_server(("127.0.0.2", 0), backlog=0)
        port = listener.getsockname()[1]
        callers = [socket.socket() for _ in range(4)]
        for caller in callers:
            caller.setblocking(False)
            caller.connect_ex(("127.0.0.2", port))
        with socket.create_server(("127.0.0.1", port)):
            dialer = Dialer(StandInForDns(two=[["127.0.0.2", "127.0.0.1"]]), AddressPolicy())
            sock, where = await dialer.connect(Place("two", port))
            sock.close()
        for held in (listener, *callers):
            held.close()
        return where, port

    where, port = run(main())
    assert where == f"127.0.0.1:{port}"


def test_options_begin_with_the_safe_choice() -> None:
    options = Options()
    assert not options.addresses.allow_link_local
    assert not options.follow_redirects
    assert not options.allow_scripts
