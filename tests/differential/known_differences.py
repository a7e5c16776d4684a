"""Every difference from Consul 1.8.7 that is meant, each as a rule with its reason.

A rule looks at one place of one exchange. Where a request is answered in another way altogether, the
rule covers all places of that exchange, and says by the two answers when it applies.
"""

import re
from collections import Counter
from dataclasses import dataclass

from harness.compare import MISSING

from differential.covers import (
    Covers,
    added_field,
    added_header,
    added_text_field,
    after,
    answers,
    at,
    body_order,
    both,
    both_begin,
    changed,
    either,
    flapped,
    has,
    left_behind,
    louder_index,
    method,
    quieter_index,
    quieter_index_with,
    quieter_watcher,
    slashed,
    text_alone_moved,
    their_text,
)
from differential.pair import INDEX_HEADER, Difference


@dataclass(frozen=True)
class Rule:
    """A named, meant difference.

    Attributes:
        name: short, unique.
        reason: why the two differ, and why ours is right.
        covers: says of a difference whether it is this one.
    """

    name: str
    reason: str
    covers: Covers


class KnownDifferences:
    """Explains differences by the first rule that covers them, and counts how often each did."""

    def __init__(self, rules: tuple[Rule, ...]) -> None:
        self.rules = rules
        self.fired: Counter[str] = Counter()

    def explains(self, difference: Difference) -> bool:
        """Say whether a rule covers the difference, and count it."""
        for rule in self.rules:
            if rule.covers(difference):
                self.fired[rule.name] += 1
                return True
        return False


SERVICE_VIEWS = ("/v1/catalog/service/", "/v1/health/service/")
NODE_VIEWS = ("/v1/catalog/node/", "/v1/catalog/node-services/")

NEWER_FIELDS = (
    ("consul-version", "the release in the metadata of the own node", added_text_field("consul-version")),
    ("read_replica", "what kind of server the own service is", added_field("read_replica", "false")),
    ("Interval", "the interval of a check as it was configured", added_text_field("Interval")),
    ("Timeout", "the timeout of a check as it was configured", added_text_field("Timeout")),
    ("ExposedPort", "the port of a check that is exposed through a proxy", added_field("ExposedPort", 0)),
    ("PeerName", "the peer that a service was imported from", added_field("PeerName", "")),
    ("Mode", "the mode of a proxy", added_field("Mode", "")),
    ("ServiceSocketPath", "the Unix socket of a service", added_field("ServiceSocketPath", "")),
    ("ServiceLocality", "region and zone of a service", added_field("ServiceLocality", None)),
    ("Datacenter", "the datacenter in services of the agent", added_field("Datacenter", "dc1")),
)

HEALTH_DEFINITION = ("TLSServerName", "TCPUseTLS", "UDP", "GRPC", "OSService", "GRPCUseTLS")

NEWER_HEADERS = (
    ("x-consul-query-backend", "blocking-query", "how the answer was made"),
    ("x-consul-default-acl-policy", "allow", "what is allowed without a token"),
)

RULES: tuple[Rule, ...] = (
    *(
        Rule(f"header {name}", f"Releases after 1.8.7 tell {what}.", added_header(name, value))
        for name, value, what in NEWER_HEADERS
    ),
    *(
        Rule(f"field {name}", f"Releases after 1.8.7 show {what}.", covers)
        for name, what, covers in NEWER_FIELDS
    ),
    Rule(
        "HEAD",
        "Consul refuses HEAD with 405; here it is GET without a body, as HTTP defines it.",
        method("HEAD"),
    ),
    Rule(
        "unknown path",
        "Later releases tell what is wrong with the path; 1.8.7 has an empty body.",
        lambda it: (
            it.exchange.theirs.status == it.exchange.ours.status == 404
            and it.exchange.replies.theirs.body == b""
            and it.exchange.replies.ours.text.startswith("Invalid URL path: ")
        ),
    ),
    Rule(
        "query string that can't be decoded",
        "Consul answers 500 with an empty body; bad input is 400 here.",
        both(answers(500, 400, "/"), lambda it: it.exchange.replies.theirs.body == b""),
    ),
    Rule(
        "unknown fields",
        "Consul refuses fields it does not know, and each release knows others; we accept and ignore them, "
        "because clients send removed ones and those of other releases.",
        both(their_text("Request decode failed: json: unknown field"), answers(400, 200, "/")),
    ),
    Rule(
        "decoding detail",
        "Clients match on the prefix alone; the text of Go's decoder after it is not imitated to the letter.",
        both_begin("Request decode failed: "),
    ),
    Rule(
        "text that is none",
        "Consul puts replacement characters where bytes are no UTF-8 or a surrogate has no partner; "
        "such bodies are refused here, because names would not come back as they were sent.",
        lambda it: (
            it.exchange.ours.status == 400
            and any(part in str(it.exchange.ours.body) for part in ("is not UTF-8", "surrogate"))
        ),
    ),
    Rule(
        "control characters",
        "Consul takes names with control characters; they are refused here.",
        lambda it: it.exchange.ours.status == 400 and "control characters" in str(it.exchange.ours.body),
    ),
    Rule(
        "durations of a wrong type",
        "Consul takes a boolean, a list or an object for a duration as 0; here it is a wrong type.",
        lambda it: (
            it.exchange.ours.status == 400
            and str(it.exchange.ours.body).startswith("Request decode failed: ")
            and str(it.exchange.ours.body).endswith("of type time.Duration")
        ),
    ),
    Rule(
        "duplicate keys",
        "Go merges the objects of a key that is given twice; here the last one counts.",
        lambda it: it.where.endswith(".Meta.a") and (it.theirs, it.ours) == ("1", MISSING),
    ),
    Rule(
        "text of a bad node id",
        "What Go's decoder of hexadecimal digits says after the prefix is not imitated.",
        both_begin("Bad node ID: "),
    ),
    Rule(
        "spelling of a node",
        "1.8.7 shows instances with the spelling of the node that was valid when they were registered; "
        "ours show that of the node.",
        lambda it: it.where.endswith(".Node") and str(it.theirs).lower() == str(it.ours).lower(),
    ),
    Rule(
        "two redirects for one",
        "A cleaned path that then lacks its slash is redirected twice here.",
        lambda it: (
            it.exchange.theirs.status == it.exchange.ours.status == 301
            and it.exchange.theirs.headers["location"] == slashed(it.exchange.ours.headers["location"])
        ),
    ),
    Rule(
        "path that can't be decoded",
        "Go's server answers before Consul sees the request, with a text of its own.",
        lambda it: (
            it.exchange.theirs.status == it.exchange.ours.status == 400
            and it.exchange.theirs.body == "400 Bad Request"
        ),
    ),
    Rule(
        "texts of the rules for proxies",
        "Releases after 1.8.7 say in other words, and of more kinds, what is wrong.",
        lambda it: (
            it.exchange.theirs.status == it.exchange.ours.status
            and it.exchange.ours.status in (400, 500)
            and "occurred:" in str(it.exchange.theirs.body)
            and "occurred:" in str(it.exchange.ours.body)
        ),
    ),
    Rule(
        "native service without a port",
        "Releases after 1.8.7 ask for a port or a socket.",
        lambda it: "for a Connect native service" in str(it.exchange.ours.body),
    ),
    Rule(
        "destination of a plain service",
        "Releases after 1.8.7 refuse, and we drop, what only a proxy can have.",
        changed(".DestinationServiceName", "db", MISSING),
    ),
    Rule(
        "panics",
        "1.8.7 stumbles over these bodies and closes the connection without an answer; a null among checks "
        "counts as an empty check here.",
        lambda it: (
            it.exchange.theirs.status == 0
            and (
                it.exchange.ours.status in (200, 400)
                or "object missing primary index" in str(it.exchange.ours.body)
            )
        ),
    ),
    Rule(
        "unknown check",
        "Releases after 1.8.7 answer 404 and name the check, where it says 500 and speaks of its TTL.",
        answers(500, 404, *(f"/v1/agent/check/{call}/" for call in ("pass", "warn", "fail", "update"))),
    ),
    Rule(
        "deregistering what is not there",
        "Releases after 1.8.7 answer 404 where it answers 200.",
        answers(200, 404, "/v1/agent/service/deregister/", "/v1/agent/check/deregister/"),
    ),
    Rule(
        "deregistering a check without an id",
        "Releases after 1.8.7 look for the check before anything else, and there is none of that name.",
        both(answers(500, 404, "/v1/agent/check/deregister/"), their_text("CheckID missing")),
    ),
    Rule(
        "unknown service in maintenance",
        "Releases after 1.8.7 have another text.",
        both(
            answers(404, 404, "/v1/agent/service/maintenance/"), their_text("No service registered with ID")
        ),
    ),
    Rule(
        "check of an unknown service",
        "Releases after 1.8.7 answer 404 where it answers 500, with the same text.",
        answers(500, 404, "/v1/agent/check/register"),
    ),
    Rule(
        "text of an interval that is missing",
        "Releases after 1.8.7 name more types of checks.",
        both(
            changed(
                "$",
                "Invalid check: Interval must be > 0 for Script, HTTP, or TCP checks",
                "Invalid check: Interval must be > 0 for Script, HTTP, H2PING, TCP, UDP or OSService checks",
            )
        ),
    ),
    Rule(
        "text of a service id without a name",
        "Releases after 1.8.7 name the field.",
        changed(
            "$",
            "Must provide service name with ID",
            "Must provide service name (Service.Service) when service ID is provided",
        ),
    ),
    Rule(
        "namespaces",
        "Only a namespace or partition other than the default is refused, with the text of later releases; "
        "1.8.7 refuses every namespace in some places and ignores partitions.",
        lambda it: any(part in it.exchange.target for part in ("ns=", "partition=")),
    ),
    Rule(
        "small bodies are not compressed",
        "Releases after 1.8.7 compress bodies of 1,400 bytes and more; it compresses all.",
        lambda it: (
            it.where == "header content-encoding"
            and it.theirs == "gzip"
            and it.ours is None
            and len(it.exchange.replies.ours.body) < 1400
        ),
    ),
    Rule(
        "Meta is never null",
        "Consul shows null or {} for no metadata, depending on the way it took; we always show {}.",
        changed(".Meta", None, {}),
    ),
    Rule(
        "order of a check's definition",
        "Releases after 1.8.7 show the durations among the other fields, it shows them first.",
        lambda it: it.where.endswith(".Definition (order of keys)"),
    ),
    Rule(
        "order with passing",
        "Consul fills the place of an instance that is left out with the last one; our order is stable.",
        both(has("passing"), body_order),
    ),
    Rule(
        "ingress by tag or from the cache",
        "1.8.7 forgets that ingress gateways were asked for when ?tag or ?cached is given.",
        lambda it: (
            it.exchange.path.startswith("/v1/health/ingress/")
            and any(name in it.exchange.target for name in ("cached", "tag"))
        ),
    ),
    Rule(
        "?cached",
        "There is no cache between the agent and the servers here: every answer is fresh, and says MISS.",
        lambda it: (
            has("cached")(it) and it.where in ("header x-cache", "header age") and it.ours in ("MISS", None)
        ),
    ),
    Rule(
        "fields of local health",
        "Releases after 1.8.7 show more kinds of checks in the definition.",
        lambda it: (
            it.exchange.path.startswith("/v1/agent/health/service/")
            and it.theirs is MISSING
            and it.where.rpartition(".")[2] in HEALTH_DEFINITION
            and it.ours in ("", False)
        ),
    ),
    Rule(
        "tags in local health",
        "Consul shows null or [] for no tags there, depending on how they were given; ours null.",
        at(changed(".ServiceTags", [], None), "/v1/agent/health/service/"),
    ),
    Rule(
        "local health without a name",
        "Releases after 1.8.7 do without the prefix.",
        at(
            lambda it: it.where == "$" and it.theirs == f"Bad request: {it.ours}", "/v1/agent/health/service/"
        ),
    ),
    Rule(
        "local health of an unknown id as text",
        "1.8.7 answers a JSON string where text was asked for.",
        both(
            at(answers(404, 404, "/v1/agent/health/service/id/"), "/"),
            lambda it: (
                it.exchange.theirs.headers["content-type"] == "application/json"
                and it.exchange.ours.headers["content-type"] == "text/plain"
            ),
        ),
    ),
    Rule(
        "upstreams of a proxy",
        "Releases after 1.8.7 leave out what is empty.",
        lambda it: (
            re.search(r"\.Upstreams\[.*\.Config$", it.where) is not None
            and it.theirs is None
            and it.ours is MISSING
        ),
    ),
    Rule(
        "exposed paths",
        "Releases after 1.8.7 tell only of those paths that they come from a check.",
        changed(".ParsedFromCheck", False, MISSING),
    ),
    Rule(
        "index of a node that is gone",
        "In 1.8.7 the index of catalog/node falls to 1 when the node is removed; ours never goes backwards.",
        at(changed(f"header {INDEX_HEADER}", "fell", "rose"), *NODE_VIEWS),
    ),
    Rule(
        "watcher of a node that is gone",
        "For the same reason 1.8.7 does not wake a watcher of catalog/node when the node is removed.",
        at(changed("watcher", "overslept", "woke"), *NODE_VIEWS),
    ),
    Rule(
        "index of checks of a service or node",
        "Consul reports the table of checks; ours reports the service or the node, so it also rises when "
        "the service or the node itself changes.",
        at(louder_index, "/v1/health/checks/", "/v1/health/node/"),
    ),
    Rule(
        "index of checks by node metadata",
        "1.8.7 reports the table of checks alone, later releases that of nodes as well.",
        at(both(has("node-meta"), louder_index), "/v1/health/state/"),
    ),
    Rule(
        "watcher of checks by node metadata",
        "For the same reason 1.8.7 does not wake a watcher when a node comes to have the metadata or not.",
        at(both(has("node-meta"), changed("watcher", "overslept", "woke")), "/v1/health/state/"),
    ),
    Rule(
        "text of a check",
        "In 1.8.7 another output of a check is a change, here it moves no index and wakes nobody.",
        both(
            text_alone_moved,
            either(
                changed(f"header {INDEX_HEADER}", "rose", "stood still"),
                changed("watcher", "woke", "overslept"),
                left_behind,
            ),
        ),
    ),
    Rule(
        "text of a check of the agent",
        "The agent of 1.8.7 holds another output back for minutes; here it is shown at once, as no change.",
        at(
            both(
                after(*(f"/v1/agent/check/{call}/" for call in ("pass", "warn", "fail", "update"))),
                either(lambda it: it.where.endswith(".Output"), changed("watcher", "slept", "overslept")),
            ),
            "/v1/health/",
        ),
    ),
    Rule(
        "index of an unknown node",
        "1.8.7 says 1 for every unknown node; ours remembers when there was a node of that name.",
        at(both(louder_index, lambda it: it.exchange.replies.theirs.index == 1), *NODE_VIEWS),
    ),
    Rule(
        "check registered again",
        "1.8.7 makes a check critical for a moment before it restores the status that the check had; "
        "a check that stays as it is does not change here.",
        lambda it: flapped(it) or (quieter_index_with(it) and it.exchange.path.startswith("/v1/health/")),
    ),
    Rule(
        "check or instance that leaves a service",
        "1.8.7 raises the index of the service that a check or an instance moves to, not of the one that it "
        "leaves, though an answer about that one changes: the service may have none but checks left.",
        at(
            both(
                louder_index,
                either(
                    lambda it: it.exchange.their_body_moved,
                    lambda it: it.exchange.theirs.body == [],
                    after("/v1/agent/check/register", "/v1/agent/service/register", "/v1/catalog/register"),
                ),
            ),
            *SERVICE_VIEWS,
        ),
    ),
    Rule(
        "service of a check of the agent",
        "The agent of 1.8.7 goes on telling the name and tags that the service had when the check was "
        "registered, its catalog those of the check's last status; here both tell the latter.",
        at(
            lambda it: re.search(r"\.(ServiceName|ServiceTags(\[\d\])?)$", it.where) is not None,
            "/v1/agent/checks",
            "/v1/agent/health/service/",
        ),
    ),
    Rule(
        "index of a service renamed away",
        "In 1.8.7 the index of a name falls when its last instance takes another name; ours never goes "
        "backwards.",
        at(changed(f"header {INDEX_HEADER}", "fell", "rose"), *SERVICE_VIEWS),
    ),
    Rule(
        "redirects of checks",
        "Consul follows them; here they are critical unless check_redirects says otherwise, as they let "
        "whoever answers a check choose what is asked next.",
        lambda it: it.where.startswith("$.status 301."),
    ),
    Rule(
        "text of a name that can't be looked up",
        "Go tells which name server it asked; here the system's resolver asks, and does not tell.",
        lambda it: (
            it.where.endswith(".Output")
            and re.sub(r"(lookup \S+) on \S+:53", r"\1", str(it.theirs)) == it.ours
            and it.theirs != it.ours
        ),
    ),
    Rule(
        "text of a certificate that is not trusted",
        "Of several things wrong with a certificate Go and OpenSSL name another one first.",
        lambda it: (
            it.where.endswith(".Output")
            and ": x509: cannot validate certificate for " in str(it.theirs)
            and str(it.ours).endswith(": x509: certificate signed by unknown authority")
        ),
    ),
    Rule(
        "text of a gRPC service that is not well",
        "Releases after 1.8.7 name the service and its state.",
        lambda it: (
            it.where.endswith(".Output")
            and it.theirs == "gRPC application didn't report service healthy"
            and str(it.ours).endswith(" serving status: NOT_SERVING")
        ),
    ),
    Rule(
        "text of a gRPC server that is not there",
        "Releases of grpc-go after that of 1.8.7 put a colon there.",
        lambda it: (
            it.where.endswith(".Output")
            and str(it.theirs).replace("while dialing dial", "while dialing: dial") == it.ours
            and it.theirs != it.ours
        ),
    ),
    Rule(
        "index of the own topic",
        "Our index is that of the service, node or list that was asked for, not of the whole table, "
        "so that a watcher wakes only if its answer changed.",
        quieter_index,
    ),
    Rule(
        "watcher of the own topic",
        "The same for watchers: ours sleep through changes that leave their answer as it is.",
        quieter_watcher,
    ),
    Rule(
        "type of a check from a file",
        "1.8.7 shows checks of definition files that stand for themselves without the type that it shows of "
        "all others.",
        lambda it: (
            it.where.endswith(".Type")
            and it.theirs == ""
            and it.ours in ("script", "ttl", "tcp")
            and it.exchange.path == "/v1/agent/checks"
        ),
    ),
)
