-- As a text that is shorter to read (20261123020100).
ALTER TABLE deliveries
  DROP CONSTRAINT deliveries_status_check,
  ADD CONSTRAINT deliveries_status_check CHECK (status = ANY ('{PENDING,DELIVERED,FAILED,CANCELLED}')) NOT VALID;
