"""A payment channel's callbacks. They come late, twice and in any order; each is booked once.

200: booked, now or before. 400: says nothing that we know. 401: not from the channel. 409:
contradicts what is on record: somebody has to look. 503: send it again later; the answer was lost,
or the payment is not there yet, because the news overtook whoever started it.

Signed as Standard Webhooks says. The path is not in the signature: whose news it is stands in the
body. Nobody has to remember the id of a message, for what is repeated changes nothing.
"""

from datetime import datetime

import psycopg
from flask import Flask, Response, request

import mixpay_db as mixpay
from mixpay_db.signing import is_webhook


def make_app(url: str, secret: bytes) -> Flask:
    app = Flask(__name__)

    @app.post("/callbacks")
    def callback() -> Response:
        if not is_webhook(secret, request.headers, request.get_data()):
            return Response("not signed by the channel\n", 401)
        news = request.get_json()
        merchant, number = news["merchant_id"], news["payment_no"]
        try:
            with psycopg.connect(url) as conn:
                if news["state"] == "succeeded":
                    # What arrived counts, and when it arrived, not what was asked for.
                    paid_at = datetime.fromisoformat(news["paid_at"])
                    mixpay.succeed_payment(
                        conn, merchant, number, news["channel_txn_no"], paid_at, news["amount"]
                    )
                elif news["state"] == "failed":
                    mixpay.fail_payment(conn, merchant, number, news["reason"])
                else:
                    return Response("no news of ours\n", 400)
        except (mixpay.PaymentUnknown, psycopg.OperationalError):
            return Response("try again\n", 503)
        except mixpay.MixpayError as error:
            app.logger.error("callback about payment %r refused: %s", number, error)
            return Response(f"{error.sqlstate}: {error.message}\n", 409)
        return Response("booked\n", 200)

    return app
