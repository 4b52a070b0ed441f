// A service on JDBC (pgJDBC) and a pool (HikariCP).
// Run: java -cp postgresql.jar:HikariCP.jar:slf4j-api.jar:slf4j-nop.jar Service.java
import com.zaxxer.hikari.HikariConfig;
import com.zaxxer.hikari.HikariDataSource;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.postgresql.util.PSQLException;

public class Service {
    interface Work {
        Map<String, Object> in(Connection conn) throws SQLException;
    }

    static String env(String name) {
        return System.getenv(name);
    }

    /** JDBC knows no PGHOST; a Unix socket it cannot use at all. */
    static final String URL = "jdbc:postgresql://" + env("PGHOST") + ":" + env("PGPORT") + "/" + env("PGDATABASE");

    static final HikariDataSource POOL = pool();

    static HikariDataSource pool() {
        var config = new HikariConfig();
        config.setJdbcUrl(URL);
        config.setUsername(env("PGUSER"));
        config.setPassword(env("PGPASSWORD"));
        config.setMaximumPoolSize(4);
        // What is not committed is rolled back when the connection goes back to the pool.
        config.setAutoCommit(false);
        return new HikariDataSource(config);
    }

    /** 40001, 40P01: somebody else was faster. 0A000: an upgrade. Class 08 or 57P: nobody knows what became of it. */
    static boolean mayPass(SQLException error) {
        String state = error.getSQLState() == null ? "08" : error.getSQLState();
        return state.matches("40001|40P01|0A000|08.*|57P.*");
    }

    /** One call, one transaction; the same again when it may pass. */
    static Map<String, Object> transaction(Work work) throws Exception {
        for (int tries = 5; ; Thread.sleep(100)) {
            try (Connection conn = POOL.getConnection()) {
                Map<String, Object> row = work.in(conn);
                conn.commit();
                return row;
            } catch (SQLException error) {
                if (!mayPass(error) || --tries == 0) throw error;
            }
        }
    }

    static Map<String, Object> query(Connection conn, String query, Object... parameters) throws SQLException {
        try (PreparedStatement statement = conn.prepareStatement(query)) {
            for (int i = 0; i < parameters.length; i++) {
                // setLong for every amount, as the parameters are bigint. A moment is an OffsetDateTime, no Timestamp.
                if (parameters[i] instanceof Long amount) statement.setLong(i + 1, amount);
                else if (parameters[i] instanceof String text) statement.setString(i + 1, text);
                else statement.setObject(i + 1, parameters[i]);
            }
            try (ResultSet found = statement.executeQuery()) {
                found.next();
                Map<String, Object> row = new HashMap<>();
                for (int i = 1; i <= found.getMetaData().getColumnCount(); i++) {
                    boolean isMoment = found.getMetaData().getColumnTypeName(i).equals("timestamptz");
                    Object value = isMoment ? found.getObject(i, OffsetDateTime.class) : found.getObject(i);
                    row.put(found.getMetaData().getColumnName(i), value);
                }
                return row;
            }
        }
    }

    static Map<String, Object> call(String query, Object... parameters) throws Exception {
        return transaction(conn -> query(conn, query, parameters));
    }

    static Map<String, Object> refund(String orderNo, String refundNo, long amount) throws Exception {
        return call("select * from mixpay.refund_order(?, ?, ?, ?)", "mall", orderNo, refundNo, amount);
    }

    /** What the channel posts to us, parsed. Twice is harmless. */
    static Map<String, Object> callback(String paymentNo, String txnNo, String paidAt, long amount) throws Exception {
        String query = "select * from mixpay.succeed_payment(?, ?, ?, ?, ?)";
        return call(query, "mall", paymentNo, txnNo, OffsetDateTime.parse(paidAt), amount);
    }

    static int tries = 0;

    public static void main(String[] arguments) throws Exception {
        call("select * from mixpay.register_merchant(?, ?)", "mall", "The mall");
        String orders = """
            [{"order_no": "A", "amount": 10000, "currency": "CNY"}, {"order_no": "B", "amount": 5000, "currency": "CNY"}]
            """;
        // ?::jsonb, because setString says varchar, and no function takes that.
        var trade = call("select * from mixpay.merge_orders(?, ?::jsonb, ?)", "mall", orders, "T-1");
        System.out.println("merged T-1: " + trade.get("state") + ", " + trade.get("amount"));
        var payment = call("select * from mixpay.start_payment(?, ?, ?, ?, ?)", "mall", "T-1", "P-1", 6000L, "card");
        System.out.println("started P-1: " + payment.get("state"));
        payment = callback("P-1", "X-1", "2026-03-01T10:00:00.123+08:00", 6000);
        var paidAt = ((OffsetDateTime) payment.get("paid_at")).withOffsetSameInstant(ZoneOffset.UTC);
        System.out.println("paid P-1: " + payment.get("state") + ", " + payment.get("amount") + " at " + paidAt);
        payment = callback("P-1", "X-1", "2026-03-01T10:00:00.123+08:00", 6000);
        System.out.println("again P-1: " + payment.get("state") + ", " + payment.get("amount"));
        payment = call("select * from mixpay.record_payment(?, ?, ?, ?, ?)", "mall", "T-1", "P-2", "wallet", 9000L);
        System.out.println("paid P-2: " + payment.get("state") + ", " + payment.get("amount"));
        trade = call("select * from mixpay.trade_balances where merchant_id = ? and trade_no = ?", "mall", "T-1");
        System.out.println("trade T-1: " + trade.get("state") + ", " + trade.get("paid") + " of " + trade.get("amount"));

        var made = refund("B", "R-1", 4500);
        System.out.println("refund R-1: " + made.get("state") + ", " + made.get("amount"));
        try {
            refund("B", "R-2", 501);
        } catch (PSQLException refused) {
            String detail = refused.getServerErrorMessage().getDetail();
            System.out.println("refused R-2: " + refused.getSQLState() + ": " + detail);
        }
        made = refund("B", "R-1", 4500);
        System.out.println("again R-1: " + made.get("state") + ", " + made.get("amount"));
        try {
            refund("B", "R-1", 300);
        } catch (PSQLException refused) {
            System.out.println("refused R-1: " + refused.getSQLState());
        }

        made = transaction(conn -> {
            if (++tries == 1) {
                conn.createStatement().execute("do $$ begin raise 'too late' using errcode = '40001'; end $$");
            }
            return query(conn, "select * from mixpay.refund_order('mall', 'B', 'R-3', 500)");
        });
        System.out.println("try " + tries + " R-3: " + made.get("state") + ", " + made.get("amount"));
        var threads = Executors.newFixedThreadPool(8);
        Callable<Map<String, Object>> again = () -> refund("A", "R-4", 1000);
        List<Future<Map<String, Object>>> same = new ArrayList<>();
        for (int i = 0; i < 8; i++) same.add(threads.submit(again));
        Map<Object, Long> amounts = new HashMap<>();
        for (var one : same) amounts.put(one.get().get("created_at"), (Long) one.get().get("amount"));
        threads.shutdown();
        long sum = amounts.values().stream().mapToLong(Long::longValue).sum();
        System.out.println("8 at once R-4: " + amounts.size() + " refund of " + sum);
        var order = call("select * from mixpay.order_balances where merchant_id = ? and order_no = ?", "mall", "A");
        System.out.println("order A: " + order.get("paid") + " paid, " + order.get("refunded") + " refunded, "
            + order.get("refundable") + " refundable");
        POOL.close();
    }
}
