"""An application in a process of its own: several sessions that count and queue through the proxy, and may not see one error.

`python writers.py <port> <stop file>`, token on standard input. Ends with a JSON line: what was acknowledged, errors, longest wait.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from pathlib import Path

import redis
from redis.backoff import ConstantBackoff
from redis.retry import Retry

SESSIONS, PAUSE = 4, 0.004


def work(session: int, port: int, token: str, stop: Path, told: dict) -> None:
    client = redis.Redis(
        port=port,
        password=token,
        socket_timeout=30,
        retry=Retry(ConstantBackoff(0.01), 200),
        retry_on_error=[redis.ConnectionError, redis.TimeoutError],
    )
    count, longest, errors = 0, 0.0, []
    while not stop.exists():
        began = time.monotonic()
        try:
            value = client.incr(f"count:{session}")
            if value != count + 1:
                errors.append(f"count {value} after {count}")
            count = value
            client.rpush(f"log:{session}", count)
            client.set(f"short:{session}:{count % 50}", count, px=2000)
        except redis.RedisError as error:
            errors.append(repr(error))
        longest = max(longest, time.monotonic() - began)
        time.sleep(PAUSE)
    told[session] = {"count": count, "longest": longest, "errors": errors}


def main() -> None:
    port, stop = int(sys.argv[1]), Path(sys.argv[2])
    token = sys.stdin.readline().strip()
    told: dict = {}
    threads = [threading.Thread(target=work, args=(n, port, token, stop, told)) for n in range(SESSIONS)]
    for thread in threads:
        thread.start()
    print("started", flush=True)
    for thread in threads:
        thread.join()
    print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
