"""A payment channel's callbacks. They come late, twice and in any order; each is booked once.

200: booked, now or before. 400: says nothing that we know. 401: not from the channel. 409:
contradicts what is on record: somebody has to look. 503: send it again later; the answer was lost,
or the payment is not there yet, because the news overtook whoever started it.
"""

from datetime import datetime

import psycopg
from flask import Flask, Response, request

import mixpay_db as mixpay
from mixpay_db.signing import SIGNATURE_HEADER, TIMESTAMP_HEADER, verify


def make_app(url: str, secret: bytes) -> Flask:
    app = Flask(__name__)

    @app.post("/callbacks/<merchant>")
    def callback(merchant: str) -> Response:
        timestamp, signature = map(request.headers.get, (TIMESTAMP_HEADER, SIGNATURE_HEADER))
        path = request.full_path.removesuffix("?")
        if not verify(secret, timestamp, signature, request.method, path, request.get_data()):
            return Response("not signed by the channel\n", 401)
        news = request.get_json()
        number = news["payment_no"]
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
