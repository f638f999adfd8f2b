-- What reports are made of.

-- An amount in another currency, by the units of both for one euro, rounded once
-- to as many digits, ties to even. It is exact: quotient and rest are told apart,
-- nothing is divided out. NULL where a rate is missing. Amounts are not negative.
CREATE FUNCTION convert_amount(amount numeric, of_rate numeric, into_rate numeric, digits integer) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT round(
    ( div(2 * amount * into_rate * 10::numeric ^ digits + of_rate, 2 * of_rate)
    - CASE
        WHEN mod(2 * amount * into_rate * 10::numeric ^ digits + of_rate, 2 * of_rate) = 0
         AND mod(div(2 * amount * into_rate * 10::numeric ^ digits + of_rate, 2 * of_rate), 2) = 1
        THEN 1
        ELSE 0
      END
    ) * 10::numeric ^ (-digits), digits)
$$;

-- Cohorts: conversions by the time of their clicks.
CREATE INDEX conversions_click_at ON conversions (click_at, id);
