-- A postback asks of its click when it was made, for whom and under which terms. That
-- stands beside the key now: one page of an index is read for it rather than one of the
-- index and one of the table, which holds twice as many bytes and is read by nobody else
-- once the click's day is over. It is made anew here for all clicks there are: some
-- ten seconds for ten millions.
ALTER TABLE clicks DROP CONSTRAINT clicks_id;
ALTER TABLE clicks ADD CONSTRAINT clicks_id PRIMARY KEY (id) INCLUDE (at, affiliate_id, terms_id, outcome, flags);
