-- All of somebody's activity at once, as text that PostgreSQL itself makes: COPY takes the bare text of these.
-- Newest first, off the index that a page is read from, so that the first row goes out without gathering the others.
-- Names come as a parameter, by id: a join with the read model would keep a replaced generation from being dropped for
-- as long as somebody reads.

-- name: ids(own_account_id, own_key_id, own_vendor_id, unattributed, since, until, key_id, vendor_id, category, access, reason, denied)
-- The vendors and keys among the counts of the days that are asked for.
select distinct vendor_id, key_id
from access_log.daily_counts
where day > :since::timestamptz - interval '1 day' and day < :until
  and {counted};

-- name: csv(own_account_id, own_key_id, own_vendor_id, unattributed, since, until, key_id, vendor_id, category, access, reason, denied, decision_id, vendor_names, key_names)
-- A cell that a spreadsheet would take for a formula gets an apostrophe in front: one that begins with = + - @, with a
-- tab or a line end, or with the wide form of one of the first four.
select
    event_id,
    to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at,
    case when ascii(account_id) in {formula} then '''' else '' end || account_id as account_id,
    case when ascii(key_id) in {formula} then '''' else '' end || key_id as key_id,
    case when ascii(vendor_id) in {formula} then '''' else '' end || vendor_id as vendor_id,
    case when ascii(vendor_key_id) in {formula} then '''' else '' end || vendor_key_id as vendor_key_id,
    category,
    access,
    case when ascii(method) in {formula} then '''' else '' end || method as method,
    case when ascii(path) in {formula} then '''' else '' end || path as path,
    case when reason is null then 'allow' else 'deny' end as decision,
    reason,
    position,
    case when ascii(gateway) in {formula} then '''' else '' end || gateway as gateway,
    client_ip,
    coalesce(requests, 1) as requests,
    case when ascii(:vendor_names::jsonb ->> vendor_id) in {formula} then '''' else '' end 
        || (:vendor_names::jsonb ->> vendor_id) as vendor_name,
    case when ascii(:key_names::jsonb ->> key_id) in {formula} then '''' else '' end 
        || (:key_names::jsonb ->> key_id) as key_name
from access_log.events
where at >= :since and at < :until
  and {conditions}
order by access_log.events.at desc, event_id desc;

-- name: ndjson(own_account_id, own_key_id, own_vendor_id, unattributed, since, until, key_id, vendor_id, category, access, reason, denied, decision_id, vendor_names, key_names)
-- The members of a page's items in their order; keyfold.store.access_log.ndjson makes JSON of them, for PostgreSQL took
-- twice as long to build it here.
select
    event_id,
    to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at,
    account_id,
    key_id,
    vendor_id,
    vendor_key_id,
    category,
    access,
    method,
    path,
    case when reason is null then 'allow' else 'deny' end as decision,
    reason,
    position,
    gateway,
    client_ip,
    coalesce(requests, 1) as requests,
    :vendor_names::jsonb ->> vendor_id as vendor_name,
    :key_names::jsonb ->> key_id as key_name
from access_log.events
where at >= :since and at < :until
  and {conditions}
order by access_log.events.at desc, event_id desc;
