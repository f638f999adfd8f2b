-- Which set-up holds: what postbacks are priced by, counted for and told to. Whoever has
-- read it with this version need not ask for it again as long as that is the version.
CREATE TABLE setup_version (
  one     boolean NOT NULL DEFAULT true CHECK (one),
  version uuid NOT NULL,
  CONSTRAINT setup_version_one PRIMARY KEY (one)
);
INSERT INTO setup_version (version) VALUES (gen_random_uuid());

-- A new version comes in the transaction that changes the set-up, and just before its
-- commit: those that change it wait for each other no longer than that takes. Partners
-- change it too, and have no right to the table.
CREATE FUNCTION renew_setup_version() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  UPDATE setup_version SET version = gen_random_uuid();
  PERFORM pg_notify('proofback_setup', TG_TABLE_NAME);
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION renew_setup_version() FROM PUBLIC;

CREATE CONSTRAINT TRIGGER payout_overrides_renew AFTER INSERT ON payout_overrides
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION renew_setup_version();

CREATE CONSTRAINT TRIGGER destinations_renew AFTER INSERT OR DELETE ON destinations
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION renew_setup_version();
-- How a destination does and when it may next be called is no matter of the set-up.
CREATE CONSTRAINT TRIGGER destinations_renewed AFTER UPDATE ON destinations
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN ((OLD.id, OLD.affiliate_id, OLD.offer_id, OLD.event_type, OLD.statuses, OLD.enabled OR OLD.health_state = 'PAUSED')
    IS DISTINCT FROM (NEW.id, NEW.affiliate_id, NEW.offer_id, NEW.event_type, NEW.statuses, NEW.enabled OR NEW.health_state = 'PAUSED'))
  EXECUTE FUNCTION renew_setup_version();
CREATE TRIGGER destinations_emptied AFTER TRUNCATE ON destinations FOR EACH STATEMENT EXECUTE FUNCTION renew_setup_version();

-- Counters of conversions are made for terms with such caps, and for no others.
CREATE CONSTRAINT TRIGGER terms_renew AFTER INSERT ON terms
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.body @> '{"caps": [{"metric": "CONVERSIONS"}]}' OR NEW.body @> '{"caps": [{"metric": "PAYOUT"}]}')
  EXECUTE FUNCTION renew_setup_version();
