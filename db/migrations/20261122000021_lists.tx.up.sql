-- Indexes for lists that people page through.

-- The log as an affiliate sees it: requests about its own clicks.
CREATE INDEX postbacks_affiliate ON postbacks (affiliate_id, id) WHERE affiliate_id IS NOT NULL;

-- Conversions in the order in which they came in.
CREATE INDEX conversions_received_at ON conversions (received_at, id);
