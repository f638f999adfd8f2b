-- What the diagnostic pixel reported. It is a sign beside the click and counts
-- for nothing, so nothing else refers to it.
CREATE TABLE pixel_signals (
  id         uuid NOT NULL,
  at         timestamptz NOT NULL,
  click_id   uuid,
  event_type text,
  txid       text,
  parameters jsonb NOT NULL,
  CONSTRAINT pixel_signals_id PRIMARY KEY (id)
);
CREATE INDEX pixel_signals_click ON pixel_signals (click_id, id) WHERE click_id IS NOT NULL;
