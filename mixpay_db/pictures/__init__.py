"""Pictures of the money: pages that `mixpay web` serves and `mixpay report --html` writes.

books asks the views, flow and stretches lay out, charts draws, words has the texts, pages puts it
together.
"""
