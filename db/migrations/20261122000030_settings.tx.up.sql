-- What is true of this database for as long as it lives, one word each: which
-- currency its amounts are normalised in, what was done to it once.
CREATE TABLE settings (
  name  text PRIMARY KEY,
  value text NOT NULL
);
