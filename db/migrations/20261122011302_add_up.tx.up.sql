-- Sums of counts and of money in minor units that stay whole numbers of 64 bits: those of
-- Postgres become numeric, which costs reports more than all else. Nothing is rounded,
-- and what is too large is an error. Without values the sum is 0.
CREATE AGGREGATE add_up(bigint) (SFUNC = int8pl, STYPE = bigint, INITCOND = '0', COMBINEFUNC = int8pl, PARALLEL = SAFE);
CREATE AGGREGATE add_up(integer) (SFUNC = int84pl, STYPE = bigint, INITCOND = '0', COMBINEFUNC = int8pl, PARALLEL = SAFE);
