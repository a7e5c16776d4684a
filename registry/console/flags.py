"""The flags of the commands; what the commands stand on is loaded only by those that run."""

import argparse
from pathlib import Path


def add_checks_flags(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of ``registry checks``."""
    wide = argparse.SUPPRESS
    parser.add_argument(
        "--http-addr", dest="http_addr", metavar="HOST:PORT", default=wide, help="whom to ask"
    )
    parser.add_argument("--config", metavar="FILE", default=wide, help="a TOML file that says whom to ask")
    parser.add_argument("--ca-file", type=Path, metavar="FILE", help="ask over TLS, and trust this authority")
    parser.add_argument("--insecure", action="store_true", help="ask over TLS, and trust any certificate")
    parser.add_argument("--service", default="", metavar="NAME", help="only checks of this service")
    parser.add_argument("--node", default="", metavar="NAME", help="only checks on this node")
    parser.add_argument("--state", default="", metavar="STATE", help="only checks in this state")
    parser.add_argument(
        "--kind", default="", metavar="KIND", help="only checks of this kind: http, tcp, ttl ..."
    )
    parser.add_argument(
        "--history", default="", metavar="[NODE/]CHECK", help="the last changes of one check's state"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
