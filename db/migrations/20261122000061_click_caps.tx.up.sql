-- The offers whose clicks are counted: those that have, or ever had, a cap on them.
CREATE INDEX terms_count_clicks ON terms (offer_id) WHERE body @> '{"caps": [{"metric": "CLICKS"}]}';
