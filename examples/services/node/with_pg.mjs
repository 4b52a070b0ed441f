// A service on node-postgres (pg) and its pool.
import pg from "pg";

// Host, user and database are those of PGHOST, PGUSER, PGDATABASE …. A bigint comes as a string, because a number is
// exact up to 2^53 only. Amounts go up to 10^15, so they fit; for sums of many, parse with BigInt instead.
pg.types.setTypeParser(pg.types.builtins.INT8, Number);
const pool = new pg.Pool({ max: 4 });

const MAY_PASS = new Set(["40001", "40P01", "0A000"]);

/**
 * 40001, 40P01: somebody else was faster. 0A000: the database was upgraded. No SQLSTATE, or class 08 or 57P: nobody knows
 * what became of it.
 */
function mayPass(error) {
  const code = error.code ?? "";
  return MAY_PASS.has(code) || !/^[0-9A-Z]{5}$/.test(code) || /^(08|57P)/.test(code);
}

/** One call, one transaction; the same again when it may pass. */
async function transaction(work, tries = 5) {
  for (;;) {
    let client;
    let broken = false;
    try {
      client = await pool.connect();
      await client.query("begin");
      const row = await work(client);
      await client.query("commit");
      return row;
    } catch (error) {
      broken = !(await client?.query("rollback").then(() => true, () => false));
      if (!mayPass(error) || --tries === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    } finally {
      client?.release(broken);
    }
  }
}

async function call(query, ...parameters) {
  return transaction(async (client) => (await client.query(query, parameters)).rows[0]);
}

const refund = (orderNo, refundNo, amount) =>
  call("select * from mixpay.refund_order($1, $2, $3, $4)", "mall", orderNo, refundNo, amount);

/** What the channel posts to us. Twice is harmless. The moment goes on as a text: a Date knows milliseconds only. */
function callback(news) {
  const said = JSON.parse(news);
  const query = "select * from mixpay.succeed_payment($1, $2, $3, $4, $5)";
  return call(query, "mall", said.payment_no, said.channel_txn_no, said.paid_at, said.amount);
}

async function main() {
  await call("select * from mixpay.register_merchant($1, $2)", "mall", "The mall");
  const orders = [
    { order_no: "A", amount: 10000, currency: "CNY" },
    { order_no: "B", amount: 5000, currency: "CNY" },
  ];
  // An array would become PostgreSQL's own array, so JSON is made here.
  const merge = "select * from mixpay.merge_orders($1, $2, $3)";
  let trade = await call(merge, "mall", JSON.stringify(orders), "T-1");
  console.log(`merged T-1: ${trade.state}, ${trade.amount}`);
  const start = "select * from mixpay.start_payment($1, $2, $3, $4, $5)";
  let payment = await call(start, "mall", "T-1", "P-1", 6000, "card");
  console.log(`started P-1: ${payment.state}`);
  const news = `{"payment_no": "P-1", "channel_txn_no": "X-1", "amount": 6000,
    "paid_at": "2026-03-01T10:00:00.123+08:00"}`;
  payment = await callback(news);
  console.log(`paid P-1: ${payment.state}, ${payment.amount} at ${payment.paid_at.toISOString()}`);
  payment = await callback(news);
  console.log(`again P-1: ${payment.state}, ${payment.amount}`);
  const record = "select * from mixpay.record_payment($1, $2, $3, $4, $5)";
  payment = await call(record, "mall", "T-1", "P-2", "wallet", 9000);
  console.log(`paid P-2: ${payment.state}, ${payment.amount}`);
  trade = await call("select * from mixpay.trade_balances where merchant_id = $1 and trade_no = $2", "mall", "T-1");
  console.log(`trade T-1: ${trade.state}, ${trade.paid} of ${trade.amount}`);

  let made = await refund("B", "R-1", 4500);
  console.log(`refund R-1: ${made.state}, ${made.amount}`);
  await refund("B", "R-2", 501).catch((refused) => {
    console.log(`refused R-2: ${refused.code}: ${refused.detail}`);
  });
  made = await refund("B", "R-1", 4500);
  console.log(`again R-1: ${made.state}, ${made.amount}`);
  await refund("B", "R-1", 300).catch((refused) => console.log(`refused R-1: ${refused.code}`));

  let tries = 0;
  made = await transaction(async (client) => {
    tries += 1;
    if (tries === 1) await client.query("do $$ begin raise 'too late' using errcode = '40001'; end $$");
    return (await client.query("select * from mixpay.refund_order('mall', 'B', 'R-3', 500)")).rows[0];
  });
  console.log(`try ${tries} R-3: ${made.state}, ${made.amount}`);
  const same = await Promise.all(Array.from({ length: 8 }, () => refund("A", "R-4", 1000)));
  const amounts = new Map(same.map((one) => [one.created_at.getTime(), one.amount]));
  const sum = [...amounts.values()].reduce((a, b) => a + b);
  console.log(`8 at once R-4: ${amounts.size} refund of ${sum}`);
  const order = await call(
    "select * from mixpay.order_balances where merchant_id = $1 and order_no = $2", "mall", "A",
  );
  console.log(`order A: ${order.paid} paid, ${order.refunded} refunded, ${order.refundable} refundable`);
}

await main().finally(() => pool.end());
