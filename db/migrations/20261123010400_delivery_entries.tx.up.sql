-- Two index entries for each delivery, where there were four: one for its place among
-- those of its destination, one for its conversion. Destinations are never deleted
-- and never change hands, so an affiliate's deliveries, and all of them, are those of
-- destinations put together (db/deliveryspans.go).
DROP INDEX deliveries_affiliate;
DROP INDEX deliveries_destination;
ALTER TABLE deliveries DROP CONSTRAINT deliveries_id;
ALTER TABLE deliveries ADD CONSTRAINT deliveries_id PRIMARY KEY (destination_id, id);
