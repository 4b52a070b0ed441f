# A service on pg. In Rails the connection is ActiveRecord's: connection.raw_connection is one of these.
require "json"
require "pg"
require "time"

# Text becomes numbers, moments and booleans; without this, all of it is text.
def connect
  # Host, user and database are those of PGHOST, PGUSER, PGDATABASE ….
  conn = PG.connect
  conn.type_map_for_results = PG::BasicTypeMapForResults.new(conn)
  conn
end

# A pool of four; the gem connection_pool does the same.
POOL = Queue.new
4.times { POOL << connect }

# Somebody else was faster (40001, 40P01), the database was upgraded (0A000), or nobody knows what became of it.
MAY_PASS = [
  PG::TRSerializationFailure, PG::TRDeadlockDetected, PG::FeatureNotSupported, PG::ConnectionBad, PG::UnableToSend
].freeze

# One call, one transaction; the same again when it may pass.
def transaction(tries = 5, &work)
  conn = POOL.pop
  begin
    conn.transaction(&work)
  rescue *MAY_PASS
    raise if (tries -= 1).zero?

    sleep 0.1
    conn.reset if conn.status != PG::CONNECTION_OK
    retry
  ensure
    POOL << conn
  end
end

def call(query, *parameters)
  transaction { |conn| conn.exec_params(query, parameters).first }
end

def refund(order_no, refund_no, amount)
  call("select * from mixpay.refund_order($1, $2, $3, $4)", "mall", order_no, refund_no, amount)
end

# What the channel posts to us. Twice is harmless. The moment goes on as it came; Time#to_s would drop the fraction.
def callback(news)
  said = JSON.parse(news)
  query = "select * from mixpay.succeed_payment($1, $2, $3, $4, $5)"
  call(query, "mall", said["payment_no"], said["channel_txn_no"], said["paid_at"], said["amount"])
end

# Which SQLSTATE it was, and the numbers.
def state(error) = error.result.error_field(PG::PG_DIAG_SQLSTATE)
def detail(error) = error.result.error_field(PG::PG_DIAG_MESSAGE_DETAIL)

call("select * from mixpay.register_merchant($1, $2)", "mall", "The mall")
orders = [
  { order_no: "A", amount: 10_000, currency: "CNY" },
  { order_no: "B", amount: 5000, currency: "CNY" }
]
trade = call("select * from mixpay.merge_orders($1, $2, $3)", "mall", orders.to_json, "T-1")
puts "merged T-1: #{trade['state']}, #{trade['amount']}"
payment = call("select * from mixpay.start_payment($1, $2, $3, $4, $5)", "mall", "T-1", "P-1", 6000, "card")
puts "started P-1: #{payment['state']}"
news = '{"payment_no": "P-1", "channel_txn_no": "X-1", "amount": 6000, "paid_at": "2026-03-01T10:00:00.123+08:00"}'
payment = callback(news)
paid_at = payment["paid_at"].utc.iso8601(3)
puts "paid P-1: #{payment['state']}, #{payment['amount']} at #{paid_at}"
payment = callback(news)
puts "again P-1: #{payment['state']}, #{payment['amount']}"
payment = call("select * from mixpay.record_payment($1, $2, $3, $4, $5)", "mall", "T-1", "P-2", "wallet", 9000)
puts "paid P-2: #{payment['state']}, #{payment['amount']}"
trade = call("select * from mixpay.trade_balances where merchant_id = $1 and trade_no = $2", "mall", "T-1")
puts "trade T-1: #{trade['state']}, #{trade['paid']} of #{trade['amount']}"

made = refund("B", "R-1", 4500)
puts "refund R-1: #{made['state']}, #{made['amount']}"
begin
  refund("B", "R-2", 501)
rescue PG::Error => e
  puts "refused R-2: #{state(e)}: #{detail(e)}"
end
made = refund("B", "R-1", 4500)
puts "again R-1: #{made['state']}, #{made['amount']}"
begin
  refund("B", "R-1", 300)
rescue PG::Error => e
  puts "refused R-1: #{state(e)}"
end

tries = 0
made = transaction do |conn|
  tries += 1
  conn.exec("do $$ begin raise 'too late' using errcode = '40001'; end $$") if tries == 1
  conn.exec("select * from mixpay.refund_order('mall', 'B', 'R-3', 500)").first
end
puts "try #{tries} R-3: #{made['state']}, #{made['amount']}"
same = Array.new(8) { Thread.new { refund("A", "R-4", 1000) } }.map(&:value)
amounts = same.to_h { |one| [one["created_at"], one["amount"]] }
puts "8 at once R-4: #{amounts.size} refund of #{amounts.values.sum}"
order = call("select * from mixpay.order_balances where merchant_id = $1 and order_no = $2", "mall", "A")
puts "order A: #{order['paid']} paid, #{order['refunded']} refunded, #{order['refundable']} refundable"
