-- Whether no amount was sent and the revenue stood in for it: an affiliate is not
-- to see it then.
ALTER TABLE conversions ADD COLUMN amount_is_revenue boolean NOT NULL DEFAULT false;
