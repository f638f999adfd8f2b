package db

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/proofback/proofback"
)

// DeliveryKey names a delivery in a way that finds it at once: its id alone does not
// say in whose deliveries to look.
type DeliveryKey struct {
	ID            uuid.UUID
	DestinationID uuid.UUID
}

// deliveryKeys is the query for the keys of deliveries of which the ids alone are known: a
// uuid[] as SQL has it. Attempts tell whose a delivery is. One that was never attempted
// is looked for among those of each destination; the LIMIT keeps others from that.
func deliveryKeys(ids string) string {
	return `
		SELECT named.id, found.destination_id
		FROM unnest(` + ids + `::uuid[]) AS named (id)
		CROSS JOIN LATERAL (
		  SELECT k.destination_id
		  FROM (SELECT affiliate_id FROM attempts WHERE delivery_id = named.id LIMIT 1) AS a
		  JOIN destinations AS t ON t.affiliate_id = a.affiliate_id
		  CROSS JOIN LATERAL (SELECT destination_id FROM deliveries WHERE destination_id = t.id AND id = named.id LIMIT 1) AS k
		  UNION ALL
		  SELECT k.destination_id
		  FROM destinations AS t
		  CROSS JOIN LATERAL (SELECT destination_id FROM deliveries WHERE destination_id = t.id AND id = named.id LIMIT 1) AS k
		  LIMIT 1
		) AS found`
}

// DeliveryKeys gives the keys of those of ids that are there, for what was written
// down before deliveries had keys.
func (s *Store) DeliveryKeys(ctx context.Context, actor proofback.Actor, ids []uuid.UUID) ([]DeliveryKey, error) {
	if actor.Role != proofback.RoleSystem {
		return nil, errSystemOnly
	}
	rows, err := s.pool.Query(ctx, deliveryKeys(`$1`), ids)
	if err != nil {
		return nil, domainError(err)
	}
	keys, err := pgx.CollectRows(rows, pgx.RowToStructByPos[DeliveryKey])
	return keys, domainError(err)
}

// idsOf and destinationsOf take keys apart, for unnest.
func idsOf(keys []DeliveryKey) []uuid.UUID {
	return column(keys, func(k DeliveryKey) uuid.UUID { return k.ID })
}

func destinationsOf(keys []DeliveryKey) []uuid.UUID {
	return column(keys, func(k DeliveryKey) uuid.UUID { return k.DestinationID })
}
