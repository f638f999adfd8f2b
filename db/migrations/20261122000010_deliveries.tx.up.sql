-- Deliveries are made by a join, so their keys are made here as well.

-- A UUIDv7 of a moment (RFC 9562, section 5.7): 48 bits of milliseconds, 12 bits
-- that tell the fraction of the millisecond (section 6.2, method 3), and the last
-- 64 bits of a version 4 UUID, whose variant is in the same place.
CREATE FUNCTION uuid_v7(at timestamptz) RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
  SELECT (lpad(to_hex(us / 1000), 12, '0')
       || '7' || lpad(to_hex(us % 1000 * 4096 / 1000), 3, '0')
       || right(gen_random_uuid()::text, 17))::uuid
  FROM (SELECT (extract(epoch FROM at) * 1000000)::bigint AS us) AS t
$$;

-- How many attempts there had been when somebody last asked for a retry: the
-- schedule begins anew after them.
ALTER TABLE deliveries ADD COLUMN attempts_before integer NOT NULL DEFAULT 0;
