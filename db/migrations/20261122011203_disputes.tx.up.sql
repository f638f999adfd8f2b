-- What affiliates ask about, and what they are answered. The question with the trace as
-- it was then, and each word of both sides, are kept as they were written.
CREATE TABLE disputes (
  id             uuid PRIMARY KEY,
  affiliate_id   uuid NOT NULL REFERENCES affiliates,
  click_id       uuid,
  txid           text,
  conversion_id  uuid,
  request_id     uuid,
  status         text NOT NULL CHECK (status IN ('OPEN', 'ACCEPTED', 'REJECTED')),
  trace          jsonb NOT NULL,
  opened_at      timestamptz NOT NULL,
  decided_at     timestamptz,
  CONSTRAINT disputes_decided CHECK ((status = 'OPEN') = (decided_at IS NULL))
);
CREATE INDEX disputes_affiliate ON disputes (affiliate_id, id);
CREATE INDEX disputes_open ON disputes (id) WHERE status = 'OPEN';

CREATE FUNCTION keep_dispute() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.status <> 'OPEN' OR to_jsonb(NEW) - '{status,decided_at}'::text[] <> to_jsonb(OLD) - '{status,decided_at}'::text[] THEN
    RAISE EXCEPTION 'a dispute is decided once, and kept as it was opened' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER disputes_changed BEFORE UPDATE ON disputes FOR EACH ROW EXECUTE FUNCTION keep_dispute();
CREATE TRIGGER disputes_kept BEFORE DELETE ON disputes FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER disputes_not_emptied BEFORE TRUNCATE ON disputes FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE TABLE dispute_entries (
  id           uuid PRIMARY KEY,
  dispute_id   uuid NOT NULL REFERENCES disputes,
  affiliate_id uuid NOT NULL,
  at           timestamptz NOT NULL,
  by_staff     boolean NOT NULL,
  by_user      uuid,
  text         text NOT NULL,
  evidence_url text,
  decision     text CHECK (decision IN ('ACCEPTED', 'REJECTED')),
  CONSTRAINT dispute_entries_decisions CHECK (decision IS NULL OR by_staff)
);
CREATE INDEX dispute_entries_of ON dispute_entries (dispute_id, id);
CREATE TRIGGER dispute_entries_kept BEFORE UPDATE OR DELETE ON dispute_entries FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER dispute_entries_not_emptied BEFORE TRUNCATE ON dispute_entries FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

ALTER TABLE notices ADD COLUMN dispute_id uuid;

-- They are between the network and the affiliate.
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['disputes', 'dispute_entries'] LOOP
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('CREATE POLICY affiliate ON %I TO proofback_affiliate USING (affiliate_id = current_setting(''proofback.affiliate_id'')::uuid)', name);
    EXECUTE format('CREATE POLICY advertiser ON %I TO proofback_advertiser USING (false)', name);
    EXECUTE format('GRANT SELECT ON %I TO proofback_affiliate, proofback_advertiser', name);
    EXECUTE format('GRANT INSERT ON %I TO proofback_affiliate', name);
  END LOOP;
END $$;
