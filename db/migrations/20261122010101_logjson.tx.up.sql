-- What a postback said and how it was checked are written with every request, and
-- only ever read as a whole: kept as the text that they are, they need not be
-- taken apart first.
ALTER TABLE postbacks
  ALTER COLUMN parameters TYPE json,
  ALTER COLUMN checks TYPE json;
