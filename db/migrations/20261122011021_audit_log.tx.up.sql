-- Who did what through the API: an entry in the transaction of each mutation, never
-- changed. It outlives whom and what it tells of, so it refers to nothing.
CREATE TABLE audit_log (
  id            uuid PRIMARY KEY,
  at            timestamptz NOT NULL,
  operation     text NOT NULL,
  role          text NOT NULL,
  user_id       uuid,
  api_key_id    uuid,
  affiliate_id  uuid,
  advertiser_id uuid,
  request_id    text NOT NULL,
  objects       uuid[] NOT NULL,
  changes       jsonb NOT NULL
);
CREATE INDEX audit_log_objects ON audit_log USING gin (objects);
CREATE INDEX audit_log_user ON audit_log (user_id, id);
CREATE INDEX audit_log_api_key ON audit_log (api_key_id, id);
CREATE INDEX audit_log_request ON audit_log (request_id);
CREATE TRIGGER audit_log_kept BEFORE UPDATE OR DELETE ON audit_log FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_log_not_emptied BEFORE TRUNCATE ON audit_log FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
