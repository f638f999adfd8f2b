-- Rows are read and written meanwhile.
ALTER TABLE conversions VALIDATE CONSTRAINT conversions_status_check;
ALTER TABLE transitions VALIDATE CONSTRAINT transitions_by_kind_check;
ALTER TABLE deliveries VALIDATE CONSTRAINT deliveries_status_check;
