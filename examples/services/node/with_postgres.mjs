// A service on postgres.js, which is a pool by itself.
import postgres from "postgres";

// Host, user and database are those of PGHOST, PGUSER, PGDATABASE …. A bigint comes as a string, because a number is
// exact up to 2^53 only. Amounts go up to 10^15, so they fit; for sums of many, parse with BigInt instead.
const sql = postgres({
  max: 4,
  username: process.env.PGUSER,
  types: { bigint: { to: 20, from: [20], serialize: String, parse: Number } },
});

const MAY_PASS = new Set(["40001", "40P01", "0A000", "25P02"]);

/**
 * 40001, 40P01: somebody else was faster. 0A000: the database was upgraded; 25P02 if
 * postgres.js has repeated a statement by itself then. No SQLSTATE, or class 08 or 57P: nobody knows what
 * became of it.
 */
function mayPass(error) {
  const code = error.code ?? "";
  return MAY_PASS.has(code) || !/^[0-9A-Z]{5}$/.test(code) || /^(08|57P)/.test(code);
}

/** One call, one transaction; the same again when it may pass. */
async function transaction(work, tries = 5) {
  for (;;) {
    try {
      return await sql.begin(async (sql) => (await work(sql))[0]);
    } catch (error) {
      if (!mayPass(error) || --tries === 0) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

const refund = (orderNo, refundNo, amount) =>
  transaction((sql) => sql`select * from mixpay.refund_order('mall', ${orderNo}, ${refundNo}, ${amount})`);

/** What the channel posts to us. Twice is harmless. The moment goes on as a text: a Date knows
 * milliseconds only, and postgres.js would make one of any text that it knows to be for a timestamptz. */
function callback(news) {
  const said = JSON.parse(news);
  const { payment_no, channel_txn_no, paid_at, amount } = said;
  return transaction((sql) => sql`
    select * from mixpay.succeed_payment('mall', ${payment_no}, ${channel_txn_no}, ${paid_at}::text::timestamptz, ${amount})
  `);
}

async function main() {
  await transaction((sql) => sql`select * from mixpay.register_merchant('mall', ${"The mall"})`);
  const orders = [
    { order_no: "A", amount: 10000, currency: "CNY" },
    { order_no: "B", amount: 5000, currency: "CNY" },
  ];
  // sql.json, not JSON.stringify: a text for a jsonb is encoded once more, and refused as JSON inside JSON (MX903).
  let trade = await transaction((sql) => sql`select * from mixpay.merge_orders('mall', ${sql.json(orders)}, 'T-1')`);
  console.log(`merged T-1: ${trade.state}, ${trade.amount}`);
  let payment = await transaction((sql) => sql`
    select * from mixpay.start_payment('mall', 'T-1', 'P-1', ${6000}, 'card')
  `);
  console.log(`started P-1: ${payment.state}`);
  const news = `{"payment_no": "P-1", "channel_txn_no": "X-1", "amount": 6000,
    "paid_at": "2026-03-01T10:00:00.123+08:00"}`;
  payment = await callback(news);
  console.log(`paid P-1: ${payment.state}, ${payment.amount} at ${payment.paid_at.toISOString()}`);
  payment = await callback(news);
  console.log(`again P-1: ${payment.state}, ${payment.amount}`);
  payment = await transaction((sql) => sql`
    select * from mixpay.record_payment('mall', 'T-1', 'P-2', 'wallet', ${9000})
  `);
  console.log(`paid P-2: ${payment.state}, ${payment.amount}`);
  [trade] = await sql`select * from mixpay.trade_balances where merchant_id = 'mall' and trade_no = ${"T-1"}`;
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
  made = await transaction(async (sql) => {
    tries += 1;
    if (tries === 1) await sql`do $$ begin raise 'too late' using errcode = '40001'; end $$`.simple();
    return sql`select * from mixpay.refund_order('mall', 'B', 'R-3', 500)`;
  });
  console.log(`try ${tries} R-3: ${made.state}, ${made.amount}`);
  const same = await Promise.all(Array.from({ length: 8 }, () => refund("A", "R-4", 1000)));
  const amounts = new Map(same.map((one) => [one.created_at.getTime(), one.amount]));
  const sum = [...amounts.values()].reduce((a, b) => a + b);
  console.log(`8 at once R-4: ${amounts.size} refund of ${sum}`);
  const [order] = await sql`select * from mixpay.order_balances where merchant_id = 'mall' and order_no = ${"A"}`;
  console.log(`order A: ${order.paid} paid, ${order.refunded} refunded, ${order.refundable} refundable`);
}

await main().finally(() => sql.end());
