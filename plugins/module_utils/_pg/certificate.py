"""Why a server's certificate is not accepted, and until when one that is accepted holds: libpq says neither."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Mapping
from typing import Any

from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint

SSL_REQUEST = struct.pack("!ii", 8, 80877103)
TIMEOUT = 5.0


def date(certificate: Mapping[str, Any], key: str) -> float:
    return float(ssl.cert_time_to_seconds(str(certificate[key])))


def look(end: Endpoint) -> tuple[str, float | None]:
    """Why the server's certificate is not accepted (empty: it is), and until when it is valid."""
    if not end.ca_file or not end.verified:
        return "", None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(end.ca_file)
        with socket.create_connection((end.host, end.port), TIMEOUT) as plain:
            plain.sendall(SSL_REQUEST)
            if plain.recv(1) != b"S":
                return "", None
            with context.wrap_socket(plain, server_hostname=end.host) as wrapped:
                certificate = wrapped.getpeercert() or {}
        return "", date(dict(certificate), "notAfter") if certificate else None
    except ssl.SSLCertVerificationError as error:
        return str(error.verify_message), None
    except (OSError, ValueError):
        return "", None
