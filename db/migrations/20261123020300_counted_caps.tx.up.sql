-- A counter of conversions is told of before it is counted, so that nobody who makes or
-- moves a conversion meanwhile passes it by. Until it is counted it holds what has come
-- since it was told of.
ALTER TABLE cap_usage ADD COLUMN counted boolean NOT NULL DEFAULT true;
