-- One decision, by its id.

-- name: decision(event_id, since, until)^
-- One event, found in a range of the primary key.
select at, event_id, account_id, key_id, vendor_id, vendor_key_id, category, access, method, path, reason,
       position, gateway, client_ip, gatekeeper, seq, traceparent, policy, more, requests
from access_log.events
where at >= :since and at < :until and event_id = :event_id::uuid
order by at
limit 1;
