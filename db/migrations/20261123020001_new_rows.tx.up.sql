-- The rows that a batch of postbacks leaves in a table, when they are few, come as one
-- parameter: an array of these (db/hotrows.go). Whoever writes other columns makes another
-- type: processes of the version before go on with theirs meanwhile.

CREATE TYPE new_conversions AS (
	id uuid, advertiser_id uuid, offer_id uuid, goal_id uuid, affiliate_id uuid, click_id uuid, terms_id uuid, postback_id uuid,
	event_type text, txid text, status text, began text, reason text, event_at timestamptz, received_at timestamptz, click_at timestamptz,
	amount numeric, amount_currency text, payout numeric, payout_currency text, revenue numeric, revenue_currency text,
	normal_payout numeric, normal_revenue numeric, normal_currency text, rate_date date, rate_source text,
	subs jsonb, claims tstzrange, test boolean, amount_is_revenue boolean, settled_status text
);

CREATE TYPE new_transitions AS (
	id uuid, conversion_id uuid, advertiser_id uuid, affiliate_id uuid,
	from_status text, to_status text, at timestamptz, by_kind text, by_user uuid, reason text, postback_id uuid, xact bigint
);

CREATE TYPE new_ledger AS (
	id uuid, kind text, at timestamptz, canonical bytea, salt bytea, xact bigint
);

CREATE TYPE new_deliveries AS (
	id uuid, conversion_id uuid, transition_id uuid, click_id uuid, affiliate_id uuid, destination_id uuid,
	event text, status text, created_at timestamptz, next_attempt_at timestamptz
);

CREATE TYPE new_postbacks AS (
	id uuid, received_at timestamptz, method text, url text, remote_ip text, parameters json,
	advertiser_id uuid, offer_id uuid, affiliate_id uuid, click_id uuid, txid text, event_type text,
	result text, reason text, message text, checks json, response_status smallint, response_body text, duration interval,
	conversion_id uuid, replay_of uuid
);
