-- Making a partition locks the default one for a moment. While a long query reads
-- that, whoever reads it next waits behind the lock: so not for long. What could not
-- be made is tried again, days before it is needed.
ALTER FUNCTION make_partitions(date, date) SET lock_timeout = '500ms';
