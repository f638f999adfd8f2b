-- What diagnostics are made of.

-- Whose click a signal was about; NULL where none is stored, and the affiliate for
-- a test click, which has none.
ALTER TABLE pixel_signals
  ADD COLUMN advertiser_id uuid,
  ADD COLUMN offer_id      uuid,
  ADD COLUMN affiliate_id  uuid;
