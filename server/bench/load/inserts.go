package load

import (
	"context"
	"encoding/binary"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/proofback/proofback"
)

// InsertTraffic stores one row a transaction, prepared, on each connection: what
// a database can do at best for clients that know nothing of each other.
type InsertTraffic struct {
	URL string
}

// InsertTable is what the rows go into: the least that is worth keeping of an event.
const InsertTable = `
	CREATE TABLE IF NOT EXISTS bench_inserts (
		id          uuid PRIMARY KEY,
		click_id    uuid NOT NULL,
		event_type  text NOT NULL,
		txid        text NOT NULL,
		amount      numeric NOT NULL,
		currency    text NOT NULL,
		received_at timestamptz NOT NULL DEFAULT now()
	)`

const insertRow = `INSERT INTO bench_inserts (id, click_id, event_type, txid, amount, currency) VALUES ($1, $2, 'sale', $3, $4, 'EUR')`

type insertConn struct {
	conn   *pgconn.PgConn
	params [4][]byte
}

func (t *InsertTraffic) dial(ctx context.Context, deadline time.Time) (sender, error) {
	conn, err := pgconn.Connect(ctx, t.URL)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Prepare(ctx, "row", insertRow, nil); err != nil {
		return nil, err
	}
	return &insertConn{conn: conn}, conn.Conn().SetDeadline(deadline)
}

func (c *insertConn) close() { _ = c.conn.Close(context.Background()) }

var (
	inserted = []byte("inserted")
	binaries = []int16{1, 1, 0, 0} // ids are sent as their bytes, the rest as text
)

func (c *insertConn) send(n uint64) ([]byte, error) {
	id := proofback.UUIDFloor(time.Now())
	binary.BigEndian.PutUint64(id[8:], mix(n)&^(3<<62)|2<<62)
	click := id
	binary.BigEndian.PutUint64(click[:], mix(n))
	c.params[0] = append(c.params[0][:0], id[:]...)
	c.params[1] = append(c.params[1][:0], click[:]...)
	c.params[2] = strconv.AppendUint(c.params[2][:0], n, 10)
	c.params[3] = append(strconv.AppendUint(c.params[3][:0], 10+mix(n)%90, 10), ".90"...)
	_, err := c.conn.ExecPrepared(context.Background(), "row", c.params[:], binaries, nil).Close()
	return inserted, err
}
