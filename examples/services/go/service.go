// A service on pgx 4 and its pool.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"regexp"
	"sync"
	"time"

	"github.com/jackc/pgconn"
	"github.com/jackc/pgx/v4"
	"github.com/jackc/pgx/v4/pgxpool"
)

var pool *pgxpool.Pool

// Why PostgreSQL or mixpay refused, if it did: the SQLSTATE, the numbers, the way out.
func refused(err error) *pgconn.PgError {
	var refusal *pgconn.PgError
	errors.As(err, &refusal)
	return refusal
}

var mayPassCodes = regexp.MustCompile(`^(40001|40P01|0A000|08...|57P..)$`)

// 40001, 40P01: somebody else was faster. 0A000: the database was upgraded. Without an answer nobody knows what became of it.
func mayPass(err error) bool {
	if refusal := refused(err); refusal != nil {
		return mayPassCodes.MatchString(refusal.Code)
	}
	var scan pgx.ScanArgError
	return !errors.As(err, &scan) && !errors.Is(err, pgx.ErrNoRows)
}

// One call, one transaction; the same again when it may pass.
func transaction(work func(pgx.Tx) error) error {
	for tries := 5; ; tries-- {
		// BeginFunc commits when the function returns nil, and rolls back when it returns an error.
		err := pool.BeginFunc(context.Background(), work)
		if err == nil || !mayPass(err) || tries == 1 {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

type args = []interface{}

// Columns are named, so that one that an upgrade appends changes nothing here.
func call(query string, arguments args, into ...interface{}) error {
	return transaction(func(tx pgx.Tx) error {
		return tx.QueryRow(context.Background(), query, arguments...).Scan(into...)
	})
}

type refund struct {
	state     string
	amount    int64
	createdAt time.Time
}

func refundOrder(orderNo, refundNo string, amount int64) (made refund, err error) {
	query := "select state, amount, created_at from mixpay.refund_order($1, $2, $3, $4)"
	err = call(query, args{"mall", orderNo, refundNo, amount}, &made.state, &made.amount, &made.createdAt)
	return
}

type payment struct {
	state  string
	amount int64
	paidAt time.Time
}

// What the channel posts to us. Twice is harmless.
func callback(news string) (paid payment, err error) {
	var said struct {
		PaymentNo    string    `json:"payment_no"`
		ChannelTxnNo string    `json:"channel_txn_no"`
		Amount       int64     `json:"amount"`
		PaidAt       time.Time `json:"paid_at"`
	}
	if err = json.Unmarshal([]byte(news), &said); err != nil {
		return
	}
	query := "select state, amount, paid_at from mixpay.succeed_payment($1, $2, $3, $4, $5)"
	arguments := args{"mall", said.PaymentNo, said.ChannelTxnNo, said.PaidAt, said.Amount}
	err = call(query, arguments, &paid.state, &paid.amount, &paid.paidAt)
	return
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

type order struct {
	OrderNo  string `json:"order_no"`
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

func main() {
	var err error
	// Host, user and database are those of PGHOST, PGUSER, PGDATABASE ….
	pool, err = pgxpool.Connect(context.Background(), "pool_max_conns=4")
	must(err)
	defer pool.Close()
	var state string
	var amount, paid, sent, refundable int64

	must(call("select merchant_id from mixpay.register_merchant($1, $2)", args{"mall", "The mall"}, &state))
	// pgx makes JSON of a value that is for a jsonb. A slice that is nil becomes null, an empty one [].
	orders := []order{{"A", 10000, "CNY"}, {"B", 5000, "CNY"}}
	merge := "select state, amount from mixpay.merge_orders($1, $2, $3)"
	must(call(merge, args{"mall", orders, "T-1"}, &state, &amount))
	fmt.Printf("merged T-1: %s, %d\n", state, amount)
	start := "select state from mixpay.start_payment($1, $2, $3, $4, $5)"
	must(call(start, args{"mall", "T-1", "P-1", 6000, "card"}, &state))
	fmt.Printf("started P-1: %s\n", state)
	news := `{"payment_no": "P-1", "channel_txn_no": "X-1", "amount": 6000, "paid_at": "2026-03-01T10:00:00.123+08:00"}`
	booked, err := callback(news)
	must(err)
	at := booked.paidAt.UTC().Format("2006-01-02T15:04:05.000Z")
	fmt.Printf("paid P-1: %s, %d at %s\n", booked.state, booked.amount, at)
	booked, err = callback(news)
	must(err)
	fmt.Printf("again P-1: %s, %d\n", booked.state, booked.amount)
	record := "select state, amount from mixpay.record_payment($1, $2, $3, $4, $5)"
	must(call(record, args{"mall", "T-1", "P-2", "wallet", 9000}, &state, &amount))
	fmt.Printf("paid P-2: %s, %d\n", state, amount)
	trade := "select state, paid, amount from mixpay.trade_balances where merchant_id = $1 and trade_no = $2"
	must(call(trade, args{"mall", "T-1"}, &state, &paid, &amount))
	fmt.Printf("trade T-1: %s, %d of %d\n", state, paid, amount)

	made, err := refundOrder("B", "R-1", 4500)
	must(err)
	fmt.Printf("refund R-1: %s, %d\n", made.state, made.amount)
	if _, err = refundOrder("B", "R-2", 501); refused(err) != nil {
		fmt.Printf("refused R-2: %s: %s\n", refused(err).Code, refused(err).Detail)
	}
	made, err = refundOrder("B", "R-1", 4500)
	must(err)
	fmt.Printf("again R-1: %s, %d\n", made.state, made.amount)
	if _, err = refundOrder("B", "R-1", 300); refused(err) != nil {
		fmt.Printf("refused R-1: %s\n", refused(err).Code)
	}

	tries := 0
	must(transaction(func(tx pgx.Tx) error {
		tries++
		if tries == 1 {
			_, err := tx.Exec(context.Background(), "do $$ begin raise 'too late' using errcode = '40001'; end $$")
			return err
		}
		query := "select state, amount from mixpay.refund_order('mall', 'B', 'R-3', 500)"
		return tx.QueryRow(context.Background(), query).Scan(&state, &amount)
	}))
	fmt.Printf("try %d R-3: %s, %d\n", tries, state, amount)
	var all sync.WaitGroup
	var each sync.Mutex
	amounts := map[time.Time]int64{}
	for i := 0; i < 8; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			made, err := refundOrder("A", "R-4", 1000)
			must(err)
			each.Lock()
			defer each.Unlock()
			amounts[made.createdAt.UTC()] = made.amount
		}()
	}
	all.Wait()
	amount = 0
	for _, one := range amounts {
		amount += one
	}
	fmt.Printf("8 at once R-4: %d refund of %d\n", len(amounts), amount)
	balances := "select paid, refunded, refundable from mixpay.order_balances where merchant_id = $1 and order_no = $2"
	must(call(balances, args{"mall", "A"}, &paid, &sent, &refundable))
	fmt.Printf("order A: %d paid, %d refunded, %d refundable\n", paid, sent, refundable)
}
