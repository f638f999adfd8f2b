-- Which rates there are. Whoever has looked one up under this version, or found none, need not
-- look again as long as that is the version. It is no column of setup_version: who stores
-- rates by hand and is long about committing holds up others who do, and no change of the set-up.
CREATE TABLE rates_version (
  one     boolean NOT NULL DEFAULT true CHECK (one),
  version uuid NOT NULL,
  CONSTRAINT rates_version_one PRIMARY KEY (one)
);
INSERT INTO rates_version (version) VALUES (gen_random_uuid());

-- A new version comes in the transaction that stores rates, once for each statement. Whoever
-- may store rates need have no right to the table.
CREATE FUNCTION renew_rates_version() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
  UPDATE rates_version SET version = gen_random_uuid();
  RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION renew_rates_version() FROM PUBLIC;

-- Changes are refused (rates_kept). An owner who has that switched off is noticed as well.
CREATE TRIGGER rates_renew AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON rates
  FOR EACH STATEMENT EXECUTE FUNCTION renew_rates_version();
