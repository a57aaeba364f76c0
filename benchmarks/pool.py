"""Images spread over processes, each with what it needs loaded once, with a progress bar."""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any

from rich.console import Console
from rich.progress import Progress


def spread(
    work: Sequence[tuple[Any, ...]],
    function: Callable[..., None],
    *,
    workers: int,
    ready: Callable[..., None],
    given: tuple[Any, ...],
) -> None:
    """Call `function(*item)` for every item; `ready(*given)` first in every process.

    The first error, or Ctrl-C, ends it: what has begun is finished, what has not is left.
    """
    pool = ProcessPoolExecutor(
        workers, mp_context=get_context("spawn"), initializer=ready, initargs=given
    )
    with Progress(console=Console(stderr=True)) as progress, pool:
        bar = progress.add_task("explanations", total=len(work))
        futures = [pool.submit(function, *item) for item in work]
        try:
            for future in as_completed(futures):
                future.result()
                progress.advance(bar)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
