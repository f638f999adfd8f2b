-- Examples of what went wrong, newest first. What went well, the most of the log,
-- is not in it.
CREATE INDEX postbacks_trouble ON postbacks (reason, advertiser_id, id) WHERE result NOT IN ('accepted', 'updated');
