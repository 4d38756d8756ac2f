-- What vendors and keys are called today, as the serving generation of the read model says.

-- name: read_names(vendor_ids, account_ids, key_ids)
-- Of vendors the names, and of these accounts' subscriber keys the names and the account; of what is not there, nothing.
select null as account_id, vendor_id as id, name
from {schema}.vendors
where vendor_id = any(:vendor_ids::text[])
union all
select key.account_id, key.key_id, key.name
from unnest(:account_ids::text[], :key_ids::text[]) as asked (account_id, key_id)
join {schema}.keys as key on key.key_id = asked.key_id and key.account_id = asked.account_id;
