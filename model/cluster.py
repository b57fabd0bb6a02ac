"""Where independent pieces of work run: here one after another, in processes of this machine, or on a Dask cluster.

What goes out are whole pieces (the features of one cell, the fits without one group of cells), so that the results are
the same bytes wherever they are made. Splitting the rows of one booster over workers (`xgboost.dask`) is not done: a
booster here has a few thousand rows at most, and with random subsampling its trees would depend on the split.

The workers need this package on their Python path, and for feature extraction the folder of raw files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from typing import Any

from model.errors import InvalidInput, ModelError

CONNECT_TIMEOUT_s = 10

Run = Callable[[Callable[..., Any], Sequence[tuple[Any, ...]]], Iterator[Any]]
"""run(function, arguments) gives function(*arguments[i]) for each i, in their order."""


def here(function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
    """One after another in this process."""
    for each in arguments:
        yield function(*each)


@contextmanager
def on_processes(count: int) -> Iterator[Run]:
    """In so many processes of this machine, in the order in which the work is handed out; 1: `here`."""
    if count == 1:
        yield here
        return
    with ProcessPoolExecutor(count, mp_context=get_context("spawn")) as pool:

        def run(function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
            futures = [pool.submit(function, *each) for each in arguments]
            return (future.result() for future in futures)

        try:
            yield run
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


@contextmanager
def on_scheduler(address: str | None) -> Iterator[Run]:
    """On the Dask cluster of the scheduler at `address` (for instance tcp://host:8786); None: `here`.

    Raises `InvalidInput` if no scheduler answers there, and `ModelError` if Dask is not installed.
    """
    if address is None:
        yield here
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise ModelError("a Dask cluster needs the packages dask and distributed: pip install distributed") from error
    try:
        client = Client(address, timeout=CONNECT_TIMEOUT_s)
    except (OSError, ValueError) as error:
        raise InvalidInput("scheduler", address, f"the address of a running Dask scheduler ({error})") from error

    def run(function: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> Iterator[Any]:
        futures = [client.submit(function, *each, pure=False) for each in arguments]
        for future in futures:
            yield future.result()

    with client:
        yield run
