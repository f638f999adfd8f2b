-- As a text that is shorter to read (20261123020100).
ALTER TABLE transitions
  DROP CONSTRAINT transitions_by_kind_check,
  ADD CONSTRAINT transitions_by_kind_check CHECK (by_kind = ANY ('{POSTBACK,RULE,USER,SYSTEM}')) NOT VALID;
