-- Affiliates' monthly statements, made when a month is closed, and never changed.

-- The least that is paid to an affiliate, in the currency of its statements; NULL is
-- the network's default. That is a setting, in the network's currency.
ALTER TABLE affiliates ADD COLUMN minimum_payout numeric CHECK (minimum_payout >= 0);

CREATE TABLE statements (
  id           uuid PRIMARY KEY,
  period_id    uuid NOT NULL REFERENCES periods,
  affiliate_id uuid NOT NULL,
  currency     text NOT NULL,
  opening      numeric NOT NULL, -- carried from the statement before
  earned       numeric NOT NULL, -- the month's approved conversions
  adjusted     numeric NOT NULL, -- what was booked about earlier months, and corrections
  payable      numeric NOT NULL CHECK (payable >= 0),
  carried      numeric NOT NULL, -- to the next one
  minimum      numeric NOT NULL,
  lines        integer NOT NULL,
  digest       text NOT NULL,    -- SHA-256 of the lines
  made_at      timestamptz NOT NULL,
  CONSTRAINT statements_once UNIQUE (affiliate_id, period_id),
  CONSTRAINT statements_add_up CHECK (opening + earned + adjusted = payable + carried),
  CONSTRAINT statements_one_way CHECK (payable = 0 OR carried = 0)
);
CREATE INDEX statements_period ON statements (period_id, id);
CREATE TRIGGER statements_kept BEFORE UPDATE OR DELETE ON statements FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER statements_not_emptied BEFORE TRUNCATE ON statements FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE statement_lines (
  statement_id  uuid NOT NULL,
  number        integer NOT NULL,
  affiliate_id  uuid NOT NULL,
  kind          text NOT NULL CHECK (kind IN ('CONVERSION', 'LATE', 'APPROVAL', 'REVERSAL', 'CORRECTION')),
  conversion_id uuid NOT NULL,
  adjustment_id uuid,
  at            timestamptz NOT NULL, -- of the event, or when it was booked
  sent          numeric NOT NULL,     -- the payout in the currency that it was agreed in
  sent_currency text NOT NULL,
  amount        numeric NOT NULL,     -- the same in the statement's currency
  CONSTRAINT statement_lines_place PRIMARY KEY (statement_id, number)
);
CREATE INDEX statement_lines_conversion ON statement_lines (conversion_id);
CREATE TRIGGER statement_lines_kept BEFORE UPDATE OR DELETE ON statement_lines FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER statement_lines_not_emptied BEFORE TRUNCATE ON statement_lines FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A statement is the sum of its lines.
CREATE FUNCTION add_up_statement(of_statement uuid) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  IF NOT EXISTS (
    SELECT
    FROM statements AS s
    CROSS JOIN LATERAL (
      SELECT count(*) AS n,
        coalesce(sum(amount) FILTER (WHERE kind = 'CONVERSION'), 0) AS earned,
        coalesce(sum(amount) FILTER (WHERE kind <> 'CONVERSION'), 0) AS adjusted
      FROM statement_lines
      WHERE statement_id = s.id
    ) AS l
    WHERE s.id = of_statement
    AND (s.lines, s.earned, s.adjusted) = (l.n, l.earned, l.adjusted))
  THEN
    RAISE EXCEPTION 'statement % is not the sum of its lines', of_statement
      USING ERRCODE = 'check_violation', CONSTRAINT = 'statements_sum';
  END IF;
END $$;

CREATE FUNCTION statement_adds_up() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM add_up_statement(NEW.id);
  RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER statements_sum AFTER INSERT ON statements
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION statement_adds_up();

CREATE FUNCTION statement_lines_add_up() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM add_up_statement(statement_id) FROM (SELECT DISTINCT statement_id FROM made) AS m;
  RETURN NULL;
END $$;
CREATE TRIGGER statement_lines_sum AFTER INSERT ON statement_lines
  REFERENCING NEW TABLE AS made FOR EACH STATEMENT EXECUTE FUNCTION statement_lines_add_up();

-- Whose statements of a month have all been made.
CREATE TABLE statement_runs (
  period_id uuid PRIMARY KEY REFERENCES periods,
  done_at   timestamptz NOT NULL
);

ALTER TABLE statements ENABLE ROW LEVEL SECURITY;
CREATE POLICY affiliate ON statements TO proofback_affiliate
USING (affiliate_id = current_setting('proofback.affiliate_id')::uuid);
CREATE POLICY advertiser ON statements TO proofback_advertiser USING (false);
GRANT SELECT ON statements TO proofback_affiliate, proofback_advertiser;

ALTER TABLE statement_lines ENABLE ROW LEVEL SECURITY;
CREATE POLICY affiliate ON statement_lines TO proofback_affiliate
USING (affiliate_id = current_setting('proofback.affiliate_id')::uuid);
CREATE POLICY advertiser ON statement_lines TO proofback_advertiser USING (false);
GRANT SELECT ON statement_lines TO proofback_affiliate, proofback_advertiser;

ALTER TABLE statement_runs ENABLE ROW LEVEL SECURITY;
CREATE POLICY affiliate ON statement_runs TO proofback_affiliate USING (true);
CREATE POLICY advertiser ON statement_runs TO proofback_advertiser USING (true);
GRANT SELECT ON statement_runs TO proofback_affiliate, proofback_advertiser;
