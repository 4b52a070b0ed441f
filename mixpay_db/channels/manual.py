"""The adapter `manual`: a person sends the money."""

from dataclasses import dataclass

from mixpay_db.channels import Asked, Deferred, RefundRequest, Sent, Unknown


@dataclass(frozen=True, slots=True)
class ManualChannel:
    """Leaves every refund to a person, who finds it in mixpay.manual_list."""

    @property
    def timeout(self) -> float:
        """It calls nobody."""
        return 0.0

    def send(self, refund: RefundRequest, time_left: float) -> Sent:  # noqa: ARG002
        if refund.attempts > 1:
            # By a crash it is this adapter that had it before, by a changed configuration another.
            return Deferred("manual: claimed before, so look whether it was sent")
        return Deferred("manual")

    def query(self, refund: RefundRequest, time_left: float) -> Asked:  # noqa: ARG002
        return Unknown()
