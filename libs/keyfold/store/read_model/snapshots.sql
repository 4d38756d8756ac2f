-- name: sealed_progress()^
-- How far the generation has come, and the digest of its rows there.
select position, head, next_offset, shape, seal_key, state_digest from {schema}.progress;

-- name: count_keys()$
-- How many keys of either kind there are.
select count(*) from {schema}.keys;

-- name: all_accounts()
-- Every account, in no order.
select account_id, name, integrations_enabled, created_position, version from {schema}.accounts;

-- name: all_vendors()
-- Every vendor, in no order. The columns of a row are read by name, so `*` stands for all that the shape has.
select * from {schema}.vendors;

-- name: all_keys()
-- Every key of either kind, packed, in no order: what is hashed of it, and no more.
select key_id, int4send(version) || int8send(created_position) as place, packed from {schema}.keys;

-- name: all_key_copies()
-- Every key of either kind with the columns that keys are found, listed and named by.
select * from {schema}.keys;
