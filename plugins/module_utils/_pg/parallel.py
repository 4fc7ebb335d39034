"""The same work on many objects, over several sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, TypeVar

from ansible_collections.tiketi.platform.plugins.module_utils._pg.connect import connect
from ansible_collections.tiketi.platform.plugins.module_utils._pg.endpoint import Endpoint

if TYPE_CHECKING:
    import psycopg

Item = TypeVar("Item")


def each(
    where: Endpoint,
    application: str,
    jobs: int,
    items: Iterable[Item],
    work: Callable[[psycopg.Connection[Any], Item], None],
    before: Callable[[psycopg.Connection[Any]], None] = lambda session: None,
) -> None:
    """Work through the items in their order; `before` prepares each session. The first failure ends it all."""
    todo: SimpleQueue[Item] = SimpleQueue()
    for item in items:
        todo.put(item)
    failed: list[BaseException] = []

    def worker() -> None:
        try:
            with connect(where, application) as session:
                before(session)
                while not failed:
                    work(session, todo.get_nowait())
        except Empty:
            return
        except BaseException as error:
            failed.append(error)
            raise

    count = max(1, min(jobs, todo.qsize()))
    with ThreadPoolExecutor(count) as pool:
        for future in [pool.submit(worker) for _ in range(count)]:
            future.result()
