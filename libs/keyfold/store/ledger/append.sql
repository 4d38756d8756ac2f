-- name: lock_head()^
-- The last position, its hash and its time; nobody else appends until this transaction ends.
select position, hash, recorded_at, seal, seal_key from ledger.head for update;

-- name: append_at(position, hash, recorded_at, end_position, end_hash, positions, streams, versions, event_ids, types, schema_versions, data, actor_roles, actor_subjects, request_ids, traceparents, hashes, seals, seal, seal_key)$
-- Insert the rows and move the head to the last of them if it still is the one that is given, and return where it is
-- then; else do nothing and return null. One statement, which commits by itself. The update waits for whoever holds
-- the head and compares what they leave: if it is as it was, nothing has been appended since it was read, so whatever
-- was looked at together with it is still so too. Listeners hear it at the commit.
with moved as (
    update ledger.head
    set position = :end_position, hash = :end_hash, recorded_at = :recorded_at::timestamptz,
        seal = :seal, seal_key = :seal_key, sealed_position = :end_position
    where position = :position and hash = :hash and recorded_at <= :recorded_at::timestamptz
    returning position
),
appended as (
    {inserted}
    where exists (select from moved)
)
select position, pg_notify('keyfold_ledger', position::text) from moved;

-- name: append(expected_streams, expected_versions, accounts, created_positions, applicants, applied_positions, spoken_for, speakers, speaking_roles, recorded_at, positions, streams, versions, event_ids, types, schema_versions, data, actor_roles, actor_subjects, request_ids, traceparents, hashes, seals, seal, seal_key)$
-- Insert the rows and move the head to the last of them, or do nothing and return what has moved on: streams whose
-- version is not the expected one, accounts that made a key after that position, applicants that applied after
-- that position, speakers that have spoken for the vendor by now. The head must be locked by an earlier statement of the transaction: only then does this one's
-- snapshot hold every event there is, and the comparison mean something. Listeners hear it at the commit.
with moved_on as (
    select stream as name
    from unnest(:expected_streams::text[], :expected_versions::bigint[]) as expected (stream, version)
    where version <> coalesce(
        (select max(events.version) from ledger.events where events.stream = expected.stream), 0
    )
    union all
    select 'keys of ' || account_id
    from unnest(:accounts::text[], :created_positions::bigint[]) as expected (account_id, position)
    where position <> coalesce(
        (
            select max(events.position) from ledger.events
            where events.account_id = expected.account_id and type = 'keyfold.subscriber_key.created'
        ), 0
    )
    union all
    select 'applications of ' || applicant
    from unnest(:applicants::text[], :applied_positions::bigint[]) as expected (applicant, position)
    where position <> coalesce(
        (
            select max(events.position) from ledger.events
            where events.data ->> 'applicant' = expected.applicant
            and type in ('keyfold.vendor.applied', 'keyfold.vendor.reapplied')
        ), 0
    )
    union all
    select 'speakers of ' || vendor_id
    from unnest(:spoken_for::text[], :speakers::text[]) as expected (vendor_id, subject)
    cross join lateral (
        select from ledger.events
        where events.vendor_id = expected.vendor_id and actor_subject = expected.subject
        and (actor_role = any (:speaking_roles::text[]) or type = 'keyfold.invitation.made')
        having count(*) > 0
    ) as acts
),
stale as (
    select array_agg(name) as names from moved_on
),
appended as (
    {inserted}
    where (select names from stale) is null
    returning position, hash
),
last as (
    select position, hash from appended order by position desc limit 1
),
moved as (
    update ledger.head
    set position = last.position, hash = last.hash, recorded_at = :recorded_at::timestamptz,
        seal = :seal, seal_key = :seal_key, sealed_position = last.position
    from last
    returning head.position
)
select stale.names, pg_notify('keyfold_ledger', moved.position::text)
from stale left join moved on true;

-- name: look(streams, accounts, whole_accounts, applicants, spoken_for, speakers, speaking_roles, answer_ids, kept_after, tenants, logins)^
-- All that decisions look at, as of one moment: the head, the events of these streams in order, how many keys of these
-- accounts are not revoked and where the last one was made, what these applicants applied for, which of these speakers
-- have spoken for that vendor or invited somebody to, these answers if they were kept later than that, and how many answers are kept for these
-- tenants and logins: their numbers have no gaps but where an answer outlived its time and made room for another one. The
-- live keys of whole accounts, and what was applied for, come with their events.
with account_keys as (
    select
        account_id,
        count(*) filter (where type = 'keyfold.subscriber_key.created')
        - count(*) filter (where type = 'keyfold.subscriber_key.revoked') as live,
        max(position) filter (where type = 'keyfold.subscriber_key.created') as created_position
    from ledger.events
    where account_id = any (:accounts::text[])
    and type in ('keyfold.subscriber_key.created', 'keyfold.subscriber_key.revoked')
    group by account_id
),
live as (
    select stream
    from ledger.events
    where account_id = any (:whole_accounts::text[]) and type = 'keyfold.subscriber_key.created'
    except
    select stream
    from ledger.events
    where account_id = any (:whole_accounts::text[]) and type = 'keyfold.subscriber_key.revoked'
),
applications as (
    select data ->> 'applicant' as applicant, vendor_id, stream, position
    from ledger.events
    where data ->> 'applicant' = any (:applicants::text[])
    and type in ('keyfold.vendor.applied', 'keyfold.vendor.reapplied')
),
spoken as (
    select asked.vendor_id, asked.subject
    from unnest(:spoken_for::text[], :speakers::text[]) as asked (vendor_id, subject)
    -- Looked up vendor by vendor, as the streams below.
    cross join lateral (
        select from ledger.events
        where events.vendor_id = asked.vendor_id and actor_subject = asked.subject
        and (actor_role = any (:speaking_roles::text[]) or type = 'keyfold.invitation.made')
        having count(*) > 0
    ) as acts
),
wanted as (
    select unnest(:streams::text[]) as stream
    union
    select stream from live
    union
    select stream from applications
)
select
    head.position,
    head.hash,
    head.recorded_at,
    head.seal,
    head.seal_key,
    array(
        select row (events.*)
        -- Looked up stream by stream: a plan that reads the whole ledger must not even be possible.
        from wanted cross join lateral (
            select stream, version, type, schema_version, data::text
            from ledger.events
            where events.stream = wanted.stream
            order by version
        ) as events
    ) as events,
    array(select row (account_id, live, created_position) from account_keys) as account_keys,
    array(select row (applicant, vendor_id, position) from applications) as applications,
    array(select row (vendor_id, subject) from spoken) as speakers,
    array(
        select row (id, fingerprint, sealed, position)
        from ledger.kept_answers
        where id = any (:answer_ids::bytea[]) and kept_at > :kept_after
    ) as answers,
    array(
        -- Two rows of an index: min and max of many would read them all.
        select row (tenant, newest.number - oldest.number + 1)
        from unnest(:tenants::bytea[]) as asked (tenant)
        cross join lateral (
            select tenant_number as number
            from ledger.kept_answers
            where kept_answers.tenant = asked.tenant
            order by tenant_number desc limit 1
        ) as newest
        cross join lateral (
            select tenant_number as number
            from ledger.kept_answers
            where kept_answers.tenant = asked.tenant
            order by tenant_number limit 1
        ) as oldest
        union all
        select row (login, newest.number - oldest.number + 1)
        from unnest(:logins::bytea[]) as asked (login)
        cross join lateral (
            select login_number as number
            from ledger.kept_answers
            where kept_answers.login = asked.login
            order by login_number desc limit 1
        ) as newest
        cross join lateral (
            select login_number as number
            from ledger.kept_answers
            where kept_answers.login = asked.login
            order by login_number limit 1
        ) as oldest
    ) as kept
from ledger.head;
