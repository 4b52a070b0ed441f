"""How `mixpay dispatch` talks to a channel: what an adapter is given, and what it answers.

An adapter is a class whose constructor takes the keys of the channel's table in the configuration
as keyword arguments, and whose objects are used by many threads at once:

    @dataclass
    class Acme:
        url: str
        secret: bytes = field(repr=False)  # of secret_env or secret_file
        timeout: float = 10.0

        def send(self, refund: RefundRequest, time_left: float) -> Sent:
            answer = acme_client.refund(self.url, self.secret, key=refund.channel_refund_no, …)
            if answer.state == "done":
                return Completed(answer.id, answer.done_at)
            if answer.state == "refused":
                return Failed(answer.text)
            return Doubtful(answer.state)

        def query(self, refund: RefundRequest, time_left: float) -> Asked:
            answer = acme_client.find(self.url, self.secret, key=refund.channel_refund_no)
            return Unknown() if answer is None else …

Its package registers it under the name that `adapter` has in the configuration:

    [project.entry-points."mixpay_db.channels"]
    acme = "acme_for_mixpay:Acme"

Three rules keep the money safe:

- `channel_refund_no` goes with every request as the idempotency key. However often the adapter
  sends it, the channel must send the money once.
- `Failed` only if the channel says that it did not and will not send the money: the amount is free
  from then on. A time-out, a lost answer, an error page or anything not understood is `Doubtful`.
- Whatever an adapter raises counts as `Doubtful`, so it need not catch anything.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

GROUP = "mixpay_db.channels"


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """A channel refund, and the payment whose money it sends back."""

    merchant_id: str
    # The idempotency key.
    channel_refund_no: str
    refund_no: str
    payment_no: str
    channel: str
    # In the smallest unit of the currency, as all amounts.
    amount: int
    currency: str
    # How many times it was claimed, this time included.
    attempts: int
    # The channel by which the payment came, its own number of it, and how much came.
    payment_channel: str
    payment_channel_txn_no: str | None
    payment_amount: int


@dataclass(frozen=True, slots=True)
class Completed:
    """The channel sent the money: by which transaction of its own, and when, as far as it says."""

    channel_txn_no: str | None = None
    refunded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """The channel did not and will not send the money."""

    reason: str


@dataclass(frozen=True, slots=True)
class Doubtful:
    """Nobody knows whether the channel sent the money, or it is still at work on it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Deferred:
    """Nothing was sent. It is due again at that moment, or without one waits for a person."""

    reason: str
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """The channel has never heard of this number."""


Sent = Completed | Failed | Doubtful | Deferred
Asked = Completed | Failed | Doubtful | Unknown


class Adapter(Protocol):
    """One channel. Its methods are called by many threads at once."""

    @property
    def timeout(self) -> float:
        """How many seconds one call may take. With less left of the lease none is made.

        A call that has not come back when the lease ends is left alone, and is `Doubtful`.
        """

    def send(self, refund: RefundRequest, time_left: float) -> Sent:
        """Ask the channel to send the money back, under `channel_refund_no`.

        It may know that number already. `time_left` are the seconds until somebody else may take
        the refund over: at least `timeout`; more may be used to try again.
        """

    def query(self, refund: RefundRequest, time_left: float) -> Asked:
        """Ask the channel what became of `channel_refund_no`; sends nothing.

        Called first when the refund was claimed before, and so may have been sent. `send` follows
        only upon `Unknown`.
        """
