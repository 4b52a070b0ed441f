<?php
// A service on PDO (pdo_pgsql). PHP's pool is persistent connections, or PgBouncer.
declare(strict_types=1);

function connect(): PDO
{
    $where = sprintf('pgsql:host=%s;port=%s;dbname=%s', getenv('PGHOST'), getenv('PGPORT'), getenv('PGDATABASE'));
    return new PDO($where, getenv('PGUSER'), getenv('PGPASSWORD') ?: null, [
        PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
        PDO::ATTR_DEFAULT_FETCH_MODE => PDO::FETCH_ASSOC,
        PDO::ATTR_PERSISTENT => true,
    ]);
}

/** The SQLSTATE; getCode() is a number where connecting fails. */
function state(PDOException $error): string
{
    return $error->errorInfo[0] ?? (string) $error->getCode();
}

/** The detail: PDO has it in the text of the message only. */
function detail(PDOException $error): string
{
    return preg_match('/^DETAIL:  (.*)$/m', $error->errorInfo[2] ?? '', $found) ? $found[1] : '';
}

/** 40001, 40P01: somebody else was faster. 0A000: an upgrade. HY000, class 08 or 57P: nobody knows what became of it. */
function may_pass(PDOException $error): bool
{
    return preg_match('/^(40001|40P01|0A000|HY000|08...|57P..)$/', state($error)) === 1;
}

/** One call, one transaction; the same again when it may pass. */
function transaction(callable $work, int $tries = 5): array
{
    while (true) {
        $conn = null;
        try {
            $conn = connect();
            $conn->beginTransaction();
            $row = $work($conn);
            $conn->commit();
            return $row;
        } catch (PDOException $error) {
            if ($conn?->inTransaction()) {
                $conn->rollBack();
            }
            if (!may_pass($error) || --$tries === 0) {
                throw $error;
            }
            usleep(100_000);
        }
    }
}

function one(PDO $conn, string $query, array $parameters = []): array
{
    $statement = $conn->prepare($query);
    foreach (array_values($parameters) as $i => $value) {
        // A boolean must say so: as a text, false is '', which PostgreSQL refuses.
        $type = match (true) {
            is_bool($value) => PDO::PARAM_BOOL,
            is_int($value) => PDO::PARAM_INT,
            $value === null => PDO::PARAM_NULL,
            default => PDO::PARAM_STR,
        };
        $statement->bindValue($i + 1, $value, $type);
    }
    $statement->execute();
    return $statement->fetch();
}

function call(string $query, mixed ...$parameters): array
{
    return transaction(fn (PDO $conn) => one($conn, $query, $parameters));
}

function refund(string $order_no, string $refund_no, int $amount): array
{
    return call('select * from mixpay.refund_order(?, ?, ?, ?)', 'mall', $order_no, $refund_no, $amount);
}

/** What the channel posts to us. Twice is harmless. */
function callback(string $news): array
{
    $said = json_decode($news, true, flags: JSON_THROW_ON_ERROR);
    $query = 'select * from mixpay.succeed_payment(?, ?, ?, ?, ?)';
    return call($query, 'mall', $said['payment_no'], $said['channel_txn_no'], $said['paid_at'], $said['amount']);
}

call('select * from mixpay.register_merchant(?, ?)', 'mall', 'The mall');
$orders = json_encode([
    ['order_no' => 'A', 'amount' => 10000, 'currency' => 'CNY'],
    ['order_no' => 'B', 'amount' => 5000, 'currency' => 'CNY'],
], JSON_THROW_ON_ERROR);
$trade = call('select * from mixpay.merge_orders(?, ?, ?)', 'mall', $orders, 'T-1');
echo "merged T-1: {$trade['state']}, {$trade['amount']}\n";
$payment = call('select * from mixpay.start_payment(?, ?, ?, ?, ?)', 'mall', 'T-1', 'P-1', 6000, 'card');
echo "started P-1: {$payment['state']}\n";
$news = '{"payment_no": "P-1", "channel_txn_no": "X-1", "amount": 6000, "paid_at": "2026-03-01T10:00:00.123+08:00"}';
$payment = callback($news);
$paid_at = (new DateTimeImmutable($payment['paid_at']))->setTimezone(new DateTimeZone('UTC'));
echo "paid P-1: {$payment['state']}, {$payment['amount']} at {$paid_at->format('Y-m-d\TH:i:s.vp')}\n";
$payment = callback($news);
echo "again P-1: {$payment['state']}, {$payment['amount']}\n";
$payment = call('select * from mixpay.record_payment(?, ?, ?, ?, ?)', 'mall', 'T-1', 'P-2', 'wallet', 9000);
echo "paid P-2: {$payment['state']}, {$payment['amount']}\n";
$trade = call('select * from mixpay.trade_balances where merchant_id = ? and trade_no = ?', 'mall', 'T-1');
echo "trade T-1: {$trade['state']}, {$trade['paid']} of {$trade['amount']}\n";

$made = refund('B', 'R-1', 4500);
echo "refund R-1: {$made['state']}, {$made['amount']}\n";
try {
    refund('B', 'R-2', 501);
} catch (PDOException $refused) {
    echo 'refused R-2: ', state($refused), ': ', detail($refused), "\n";
}
$made = refund('B', 'R-1', 4500);
echo "again R-1: {$made['state']}, {$made['amount']}\n";
try {
    refund('B', 'R-1', 300);
} catch (PDOException $refused) {
    echo 'refused R-1: ', state($refused), "\n";
}

$tries = 0;
$made = transaction(function (PDO $conn) use (&$tries): array {
    if (++$tries === 1) {
        $conn->exec('do $$ begin raise \'too late\' using errcode = \'40001\'; end $$');
    }
    return one($conn, "select * from mixpay.refund_order('mall', 'B', 'R-3', 500)");
});
echo "try $tries R-3: {$made['state']}, {$made['amount']}\n";
// PHP has no threads, so here one after the other; other processes, at once, get the same.
$amounts = [];
for ($i = 0; $i < 8; $i++) {
    $made = refund('A', 'R-4', 1000);
    $amounts[$made['created_at']] = $made['amount'];
}
echo '8 at once R-4: ', count($amounts), ' refund of ', array_sum($amounts), "\n";
$order = call('select * from mixpay.order_balances where merchant_id = ? and order_no = ?', 'mall', 'A');
echo "order A: {$order['paid']} paid, {$order['refunded']} refunded, {$order['refundable']} refundable\n";
