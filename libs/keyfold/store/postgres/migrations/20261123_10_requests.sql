-- Let a row of the access log stand for many requests
-- depends: 20261123_09_filed-numbers

-- migrate: apply

-- Of how many requests the row is the record. Null where it is one, as nearly all are: so it takes no room.
alter table access_log.events add column requests bigint check (requests > 1);

-- migrate: rollback
