"""Asking the server for TLS as a client would: reached, encrypted, and verified by name."""

from __future__ import annotations

import socket
import ssl
import struct

SSL_REQUEST = struct.pack("!II", 8, 80877103)


def probe(host: str, port: int, name: str, ca: str, timeout: float = 5.0) -> str:
    """Empty when the server is there and its certificate is good for the name; else what went wrong."""
    context = ssl.create_default_context(cadata=ca)
    try:
        with socket.create_connection((host, port), timeout) as raw:
            raw.sendall(SSL_REQUEST)
            if (answer := raw.recv(1)) != b"S":
                return "the server has no TLS" if answer == b"N" else "what listens there is not PostgreSQL"
            with context.wrap_socket(raw, server_hostname=name):
                return ""
    except ssl.SSLCertVerificationError as error:
        return f"its certificate is not good for {name}: {error.verify_message}"
    except (OSError, ValueError) as error:
        return f"{type(error).__name__}: {error}"


def own_address() -> str:
    """The address that this host has towards others; no packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as outward:
        try:
            outward.connect(("192.0.2.1", 9))
        except OSError:
            return ""
        return str(outward.getsockname()[0])
