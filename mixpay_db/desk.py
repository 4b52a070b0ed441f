"""The dispatcher's desk: what channels have sent at about the same time is booked in one call.

A worker brings its answer and waits until it is booked. Nobody waits for more answers to come:
while one call is under way the next answers gather, and the next call takes all of them.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from mixpay_db.api import Completion
from mixpay_db.rows import ChannelRefund


@dataclass(eq=False)
class _Slip:
    completion: Completion
    taken: bool = False
    booked: ChannelRefund | None = None


@dataclass(eq=False)
class _Queue:
    one_at_a_time: threading.Lock = field(default_factory=threading.Lock)
    slips: list[_Slip] = field(default_factory=list)
    users: int = 0


class Desk:
    """A queue for each merchant; no merchant waits for another."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._queues: dict[str, _Queue] = {}

    def book(
        self,
        merchant: str,
        completion: Completion,
        together: Callable[[list[Completion]], list[ChannelRefund]],
    ) -> ChannelRefund | None:
        """What is booked, by this thread or by another; None: nothing is, so do it alone.

        `together` books all or nothing, and returns an empty list for nothing.
        """
        slip = _Slip(completion)
        with self._guard:
            queue = self._queues.setdefault(merchant, _Queue())
            queue.users += 1
            queue.slips.append(slip)
        try:
            with queue.one_at_a_time:
                # Who had to wait finds that another has taken it along, or takes all that wait.
                if not slip.taken:
                    self._take(queue, together)
        finally:
            with self._guard:
                queue.users -= 1
                if queue.users == 0:
                    del self._queues[merchant]
        return slip.booked

    def _take(
        self, queue: _Queue, together: Callable[[list[Completion]], list[ChannelRefund]]
    ) -> None:
        with self._guard:
            slips, queue.slips = queue.slips, []
        for slip in slips:
            slip.taken = True
        rows = together([slip.completion for slip in slips])
        for slip, row in zip(slips, rows, strict=False):
            slip.booked = row
