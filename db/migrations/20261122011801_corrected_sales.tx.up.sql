-- What a sale turned out to be, beside what a conversion is worth by it: an adjustment of
-- kind AMOUNT also tells by how much the sale is more or less.
ALTER TABLE adjustments
  ADD COLUMN amount            numeric,
  ADD COLUMN amount_currency   text,
  ADD COLUMN amount_is_revenue boolean NOT NULL DEFAULT false, -- it tells the revenue
  ADD COLUMN reconciliation_id uuid,                           -- with item: what it was made for
  ADD COLUMN item              bigint,
  ADD CONSTRAINT adjustments_sales CHECK (kind = 'AMOUNT' OR amount IS NULL AND reconciliation_id IS NULL),
  ADD CONSTRAINT adjustments_items CHECK ((reconciliation_id IS NULL) = (item IS NULL));

-- An item of a reconciliation is adjusted once, however often it is asked for.
CREATE UNIQUE INDEX adjustments_item_once ON adjustments (advertiser_id, reconciliation_id, item)
  WHERE reconciliation_id IS NOT NULL;
