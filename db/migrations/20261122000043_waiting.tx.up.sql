-- Conversions whose amounts wait for a reference rate.
CREATE INDEX conversions_waiting ON conversions (id) WHERE rate_date IS NULL;
