-- The files of saved reports can be sent to their users by mail.
ALTER TABLE saved_reports ADD COLUMN mail boolean NOT NULL DEFAULT false;
GRANT UPDATE (mail) ON saved_reports TO proofback_affiliate, proofback_advertiser;
ALTER TABLE report_runs
  ADD COLUMN mailed_at timestamptz,
  ADD COLUMN mail_error text NOT NULL DEFAULT '';
