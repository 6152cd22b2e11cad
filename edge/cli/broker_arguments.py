"""Which broker a command talks to, and as whom: the arguments of whatever listens, takes in or simulates."""

import argparse
import ssl
from contextlib import suppress
from ipaddress import ip_address

from edge.cli.arguments import is_port
from edge.config import LOOPBACK
from edge.errors import UsageError
from edge.mqtt import load_client, read_secret, secret_path, trusting
from edge.platform import BrokerAddress

DEFAULT_PORT = 1883


def add_broker_arguments(parser: argparse.ArgumentParser) -> None:
    """Where to listen, and as whom."""
    parser.add_argument("--broker", default="127.0.0.1:1883", metavar="HOST:PORT", help="default: 127.0.0.1:1883")
    parser.add_argument("--tls", action="store_true", help="encrypt and verify the broker")
    parser.add_argument("--ca-file", metavar="PEM", help="the broker's authority, if the system does not know it")
    parser.add_argument("--username", metavar="NAME", help="as the broker knows you; default: nobody")
    parser.add_argument("--password-file", metavar="FILE", help="holds the password; of mode 0600")
    parser.add_argument("--client-file", metavar="PEM", help="certificate and key, for a broker that asks for them")
    parser.add_argument(
        "--insecure", action="store_true", help="a password in plain text: laboratory or private network"
    )


def broker_address(args: argparse.Namespace) -> BrokerAddress:
    """What the broker arguments describe. Raises UsageError, ConfigError."""
    host, port = _address(args.broker)
    is_encrypted = args.tls or args.ca_file or args.client_file
    if args.password_file and not is_encrypted and host not in LOOPBACK and not args.insecure:
        raise UsageError(
            f"--broker {args.broker} without --tls: the password would cross the network in the open; "
            "add --tls, or --insecure in a laboratory"
        )
    return BrokerAddress(
        host=host,
        port=port,
        tls=_tls(args) if is_encrypted else None,
        username=args.username,
        password=read_secret(args.password_file, "--password-file").reveal() if args.password_file else None,
        client_file=secret_path(args.client_file, "--client-file") if args.client_file else None,
        client_key=_client_key(args.client_file) if args.client_file else None,
    )


def _address(broker: str) -> tuple[str, int]:
    with suppress(ValueError):  # an address of IPv6 has colons of its own
        return str(ip_address(broker.strip("[]"))), DEFAULT_PORT
    host, colon, port = broker.rpartition(":")
    if not colon:
        return broker, DEFAULT_PORT
    if not host or not is_port(port):
        raise UsageError(f"--broker {broker} is no HOST:PORT; write for example 127.0.0.1:1883")
    return host.strip("[]"), int(port)


def _tls(args: argparse.Namespace) -> ssl.SSLContext:
    context = trusting(args.ca_file, "--ca-file")
    if args.client_file:
        load_client(context, args.client_file, "--client-file")
    return context


def _client_key(name: str) -> str:
    """Of a file that `_tls` could read, without the certificate, which is renewed more often."""
    return secret_path(name, "--client-file").read_text("latin-1").split("PRIVATE KEY-----")[1]
