"""Gap: MiniStack speaks plain HTTP or TLS on one port, but ECR clients insist on TLS at port 443 of the real name.

A front takes TLS at 443 and hands the bytes on, so that hosts and the controller use AWS's names as on AWS.
"""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
from pathlib import Path

CERTIFICATES = "SANDBOX_TLS_DIR"  # server.pem, server.key
PORT = 443
CHUNK = 1 << 16


def apply() -> None:
    folder = os.environ.get(CERTIFICATES)
    if folder:
        threading.Thread(target=lambda: asyncio.run(serve(Path(folder))), daemon=True, name="tls-front").start()


async def serve(folder: Path) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    server = await asyncio.start_server(_hand_on, "0.0.0.0", PORT, ssl=context)  # noqa: S104 - inside the container
    async with server:
        await server.serve_forever()


async def _hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", int(os.environ["GATEWAY_PORT"]))
    except OSError:
        writer.close()
        return
    await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(CHUNK):
            writer.write(data)
            await writer.drain()
    except (OSError, ssl.SSLError):
        pass  # one side has gone; closing tells the other
    finally:
        writer.close()
