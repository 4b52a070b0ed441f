"""What the functions refuse: a class for each SQLSTATE of class MX.

psycopg itself raises these, on every connection of a process that has imported this module.
"""

import psycopg


class MixpayError(psycopg.DatabaseError):
    """The database refused, and nothing was written."""

    @property
    def message(self) -> str | None:
        """What is the matter."""
        return self.diag.message_primary

    @property
    def detail(self) -> str | None:
        """The numbers."""
        return self.diag.message_detail

    @property
    def hint(self) -> str | None:
        """The way out."""
        return self.diag.message_hint


# Merchants, orders, trades.


class MerchantUnknown(MixpayError, code="MX101"):
    """There is no such merchant."""


class PayeeUnknown(MixpayError, code="MX102"):
    """There is no such payee."""


class OrderUnknown(MixpayError, code="MX103"):
    """There is no such order."""


class TradeUnknown(MixpayError, code="MX104"):
    """There is no such trade."""


class OrderChanged(MixpayError, code="MX105"):
    """A known order came with another amount, currency or payee."""


class TradeNoUsed(MixpayError, code="MX106"):
    """The trade number was used for something else."""


class TradeBusy(MixpayError, code="MX107"):
    """An order is in an open trade that money was paid into or that has a pending attempt."""


class ShareTooLarge(MixpayError, code="MX108"):
    """An order has less left to pay than its share in the merge."""


class CurrenciesDiffer(MixpayError, code="MX109"):
    """The orders of one trade have different currencies."""


class CurrencyUnknown(MixpayError, code="MX110"):
    """There is no such currency."""


class OrderNotInTrade(MixpayError, code="MX111"):
    """The order is not in this trade."""


class TradePaid(MixpayError, code="MX112"):
    """The trade is paid, so it cannot be closed."""


class TradeNotKept(MixpayError, code="MX113"):
    """The trade was closed without keep_paid, so it cannot keep what was paid now."""


class OrderCannotCostSoLittle(MixpayError, code="MX114"):
    """The new amount is below what the order is paid elsewhere, or what is refunded of it."""


class RepriceNoUsed(MixpayError, code="MX115"):
    """The reprice number was used for something else."""


class NothingToAnnotate(MixpayError, code="MX116"):
    """There is nothing of this kind and number."""


# Payments.


class PaymentUnknown(MixpayError, code="MX201"):
    """There is no such payment."""


class PaymentNoUsed(MixpayError, code="MX202"):
    """The payment number was used for something else."""


class ChannelUnknown(MixpayError, code="MX203"):
    """There is no such channel."""


class TradeNotOpen(MixpayError, code="MX204"):
    """The trade is not open: no payment can be started for it, no order taken out of it."""


class TradeExpired(MixpayError, code="MX205"):
    """An attempt to pay was started after the trade expired."""


class PaymentTooLarge(MixpayError, code="MX206"):
    """An attempt to pay was started for more than the trade lacks."""


class ChannelTxnNoUsed(MixpayError, code="MX207"):
    """The channel transaction is another payment's."""


class PaymentSucceeded(MixpayError, code="MX208"):
    """The payment has succeeded, and the news contradicts that."""


class NoRoute(MixpayError, code="MX210"):
    """No channel is named and no route leads from the method to one."""


class AuthorizedOtherwise(MixpayError, code="MX211"):
    """The payment was authorized otherwise, or was recorded and never started."""


class NothingToCapture(MixpayError, code="MX212"):
    """The payment has no authorization that could be captured here."""


class ReturnNoUsed(MixpayError, code="MX221"):
    """The return number was used for something else."""


class PaymentReturned(MixpayError, code="MX222"):
    """Earlier returns took all that arrived by the payment."""


class ChargebackNoUsed(MixpayError, code="MX223"):
    """The chargeback number was used for something else."""


class ChargebackUnknown(MixpayError, code="MX224"):
    """There is no such chargeback."""


class ReversalTooLarge(MixpayError, code="MX225"):
    """The chargeback took less than what is said to have come back of it."""


class PaymentNotSucceeded(MixpayError, code="MX226"):
    """Nothing arrived by the payment that could be taken back."""


# Refunds, channel refunds.


class RefundTooLarge(MixpayError, code="MX301"):
    """More was asked than is left."""


class RefundNoUsed(MixpayError, code="MX302"):
    """The refund number was used for something else."""


class ChannelRefundUnknown(MixpayError, code="MX303"):
    """There is no such channel refund."""


class ChannelRefundContradicted(MixpayError, code="MX304"):
    """The news contradicts what is on record of the channel refund."""


class LeaseLost(MixpayError, code="MX305"):
    """Another worker has claimed the channel refund since."""


class NamedPaymentsTooSmall(MixpayError, code="MX306"):
    """The named payments have too little money of the order."""


class AlreadyRedirected(MixpayError, code="MX307"):
    """The channel refund was redirected to another channel."""


class AnomalyOpen(MixpayError, code="MX308"):
    """The channel refund is an anomaly that nobody has resolved."""


class ChannelCannotRefund(MixpayError, code="MX309"):
    """By its rules the channel cannot send this refund."""


class NoAnomaly(MixpayError, code="MX310"):
    """The channel refund is no anomaly."""


class AnomalyResolved(MixpayError, code="MX311"):
    """The anomaly was resolved otherwise."""


class ChannelNotOffline(MixpayError, code="MX312"):
    """Money is paid out by hand through offline channels only."""


class VoucherIsNoMoney(MixpayError, code="MX313"):
    """What was paid with vouchers does not go back as money."""


class AnomalyNotNamed(MixpayError, code="MX314"):
    """Several transfers of the channel refund were anomalies: say which one is meant."""


class ChannelTookIt(MixpayError, code="MX321"):
    """The channel refund is what a return or a chargeback took, so there is no news of it."""


# Journal, settlement.


class AccountUnknown(MixpayError, code="MX401"):
    """There is no account of such a name, or none that this call is about."""


class SettlementNoUsed(MixpayError, code="MX402"):
    """The settlement number was used for something else."""


class AlreadySettled(MixpayError, code="MX403"):
    """The account is settled until a later moment."""


class CurrencyNotNamed(MixpayError, code="MX404"):
    """The account has several currencies or none, and the call names none."""


class SettlementUnknown(MixpayError, code="MX405"):
    """There is no such settlement."""


class NothingPaidOut(MixpayError, code="MX406"):
    """The settlement paid nothing out."""


class ReceiverUnknown(MixpayError, code="MX407"):
    """No split names the receiver."""


class PeriodNotOver(MixpayError, code="MX408"):
    """Transactions still run that may write into the period."""


class PeriodClosed(MixpayError, code="MX409"):
    """A later period is closed already."""


class RepaymentNoUsed(MixpayError, code="MX410"):
    """The repayment number was used for something else."""


class EpochNotRaised(MixpayError, code="MX411"):
    """The database was restored from a backup, and its epoch was not raised."""


class AdjustmentNoUsed(MixpayError, code="MX412"):
    """The adjustment number was used for something else."""


class ChannelFeeNoUsed(MixpayError, code="MX413"):
    """The channel fee's number was used for something else."""


class ChannelPayoutNoUsed(MixpayError, code="MX414"):
    """The channel payout's number was used for something else."""


class NeverReversed(MixpayError, code="MX415"):
    """The settlement was never reversed, or not that often."""


class FeeInAnotherCurrency(MixpayError, code="MX416"):
    """The fee is not in the currency of its payment."""


class NotFinal(MixpayError, code="MX417"):
    """Something written until p_min_horizon would be left out: older transactions run."""


class ReversedOtherwise(MixpayError, code="MX418"):
    """The settlement was reversed at another moment."""


class StatementUnknown(MixpayError, code="MX420"):
    """There is no such statement."""


class StatementNoUsed(MixpayError, code="MX421"):
    """The statement number was used for something else."""


class LineDiffers(MixpayError, code="MX422"):
    """The line is there with other content."""


class StatementSealed(MixpayError, code="MX423"):
    """The statement is sealed, so it takes no further line."""


class StatementIncomplete(MixpayError, code="MX424"):
    """The statement has more or fewer lines, or sums to something else."""


class StatementNotSealed(MixpayError, code="MX425"):
    """The statement is not sealed yet, so it cannot be compared."""


class NothingToResolve(MixpayError, code="MX426"):
    """There is no such line, or nothing of ours by this number that has no line."""


class ResolutionNoUsed(MixpayError, code="MX427"):
    """The resolution number was used for something else."""


class NothingOpen(MixpayError, code="MX428"):
    """There is nothing to resolve: both sides agree, or a resolution stands."""


class AboveTheLimit(MixpayError, code="MX429"):
    """The difference is above the limit, or zero, or one of currencies."""


class CannotBeBooked(MixpayError, code="MX430"):
    """The line cannot be booked like this."""


class ResolutionUnknown(MixpayError, code="MX431"):
    """There is no such resolution."""


class CannotBeTakenBack(MixpayError, code="MX432"):
    """The resolution does not stand, or what was booked has no opposite."""


class StatementWithdrawn(MixpayError, code="MX433"):
    """The statement was withdrawn."""


class ResolutionsStand(MixpayError, code="MX434"):
    """Resolutions of the statement stand, and have to be taken back first."""


class ResolutionTakenBack(MixpayError, code="MX435"):
    """The resolution was taken back, so its number is not used again."""


# Escrow, split.


class HeldTooLittle(MixpayError, code="MX501"):
    """Nothing of the order is in escrow, or less than is asked."""


class ReleaseNoUsed(MixpayError, code="MX502"):
    """The release number was used for something else."""


class DisputeOpen(MixpayError, code="MX503"):
    """A dispute of the order is open."""


class NobodyToReleaseTo(MixpayError, code="MX504"):
    """The order has neither payee nor split."""


class DisputeUnknown(MixpayError, code="MX505"):
    """There is no such dispute."""


class DisputeNoUsed(MixpayError, code="MX506"):
    """The dispute number was used for another order."""


class DisputeDecided(MixpayError, code="MX507"):
    """The dispute was decided otherwise."""


class AlreadySplit(MixpayError, code="MX508"):
    """The order is split already."""


class SplitNoUsed(MixpayError, code="MX509"):
    """The split number was used for something else."""


class SharesDoNotDivide(MixpayError, code="MX510"):
    """The shares are more than the order, or nobody takes the remainder."""


# Input.


class BadNumber(MixpayError, code="MX901"):
    """A number or name is not 1 to 64 printable ASCII characters without spaces."""


class BadAmount(MixpayError, code="MX902"):
    """An amount is missing, or not from 1 to 10^15 smallest units."""


class BadJson(MixpayError, code="MX903"):
    """JSON of the wrong shape: an unknown key, or a value of another type than its key's."""


class BadCount(MixpayError, code="MX904"):
    """Too few or too many of something, or one of them twice."""


class BadValue(MixpayError, code="MX905"):
    """A text, choice, moment or interval is out of its bounds."""


CLASSES: dict[str, type[MixpayError]] = {
    str(error.sqlstate): error for error in MixpayError.__subclasses__()
}
