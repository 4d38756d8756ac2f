-- Know each gatekeeper's run and its policies, and let nobody who files own the log
-- depends: 20261201_01_seals

-- migrate: apply

-- Every run that a gatekeeper reported itself, with its own login: so a run that somebody only wrote to Kafka is not here.
-- The key is null for a run that began before runs had keys. A row is never changed and never deleted.
create table ledger.gatekeeper_runs (
    id text collate "C" primary key,
    public_key bytea check (octet_length(public_key) = 32),
    registered_at timestamptz not null default clock_timestamp()
);

insert into ledger.gatekeeper_runs (id) select id from ledger.gatekeepers;
insert into ledger.gatekeeper_runs (id) select gatekeeper from access_log.runs on conflict do nothing;
insert into ledger.gatekeeper_runs (id) select distinct gatekeeper from access_log.filed_numbers on conflict do nothing;

-- A gatekeeper of the version before takes a lease and registers no key.
create function ledger.note_run_of_lease() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
    insert into ledger.gatekeeper_runs (id) values (new.id) on conflict do nothing;
    return null;
end
$$;
revoke all on function ledger.note_run_of_lease() from public;
create trigger note_run after insert on ledger.gatekeepers
for each row execute function ledger.note_run_of_lease();

grant insert (id, public_key) on ledger.gatekeeper_runs to keyfold_gatekeeper;
grant select on ledger.gatekeeper_runs to keyfold_audit;

-- Which of the policies that its run announced decided, and what this version does not know of the event.
alter table access_log.events add column policy integer check (policy > 0), add column more text;

-- What a run says of itself: its opening, its policies, its end. Records of types that are not known yet are here too.
create table access_log.run_records (
    gatekeeper text collate "C" not null,
    event_id text collate "C" not null,
    seq bigint check (seq >= 0),
    type text not null,
    at timestamptz not null,
    statement bytea not null,
    policy_digest bytea,
    filed_at timestamptz not null default clock_timestamp(),
    primary key (gatekeeper, event_id)
);

create index run_records_at on access_log.run_records (at);

-- Each content once, by its SHA-256.
create table access_log.policies (
    digest bytea primary key check (octet_length(digest) = 32),
    content text not null,
    filed_at timestamptz not null default clock_timestamp()
);

-- Keyed hashes of the rows with these numbers, added up and sealed with a secret that is not in this database. Null of
-- numbers that were filed before there were any.
alter table access_log.filed_numbers add column sealed bytea;
grant update (sealed) on access_log.filed_numbers to keyfold_audit;

grant select, insert on access_log.run_records, access_log.policies to keyfold_audit;

-- Whoever owns a partition may change it, detach it and give itself every right again. So the log belongs to whoever
-- migrates, and the audit service makes and drops days by these functions alone.
revoke create on schema access_log from keyfold_audit;

do $$
declare
    each regclass;
begin
    for each in
        select oid from pg_catalog.pg_class
        where relnamespace = 'access_log'::pg_catalog.regnamespace
          and relkind in ('r', 'p') and relname ~ '^events(_[0-9]{8})?$'
    loop
        execute format('alter table %s owner to %I', each, current_user);
        execute format('revoke all on %s from keyfold_audit', each);
    end loop;
end
$$;
grant select, insert on access_log.events to keyfold_audit;

-- The name of a table has no place for an era, so only days of this one have tables, and none far ahead.
create function access_log.make_day(day date) returns boolean
language plpgsql security definer set search_path = pg_catalog, pg_temp set timezone = 'UTC' as $$
declare
    partition text := 'events_' || to_char(day, 'YYYYMMDD');
begin
    if (day between '2000-01-01' and (clock_timestamp() at time zone 'UTC')::date + 366) is not true then
        raise insufficient_privilege using message = 'the log has no such day';
    end if;
    if to_regclass(format('access_log.%I', partition)) is not null then
        return false;
    end if;
    execute format('create table access_log.%I (like access_log.events including all)', partition);
    execute format(
        'alter table access_log.events attach partition access_log.%I for values from (%L) to (%L)',
        partition, day::timestamptz, (day + 1)::timestamptz
    );
    return true;
end
$$;

-- Drops one day that is older than the log keeps. Waits a moment for those who read, because others wait behind it.
create function access_log.drop_day(day date) returns void
language plpgsql security definer
set search_path = pg_catalog, pg_temp set timezone = 'UTC' set lock_timeout = '250ms' as $$
begin
    if (day >= '2000-01-01' and day < (clock_timestamp() at time zone 'UTC')::date - 90) is not true then
        raise insufficient_privilege using message = 'the log keeps this day yet, or has no such day';
    end if;
    execute format('drop table if exists access_log.%I', 'events_' || to_char(day, 'YYYYMMDD'));
end
$$;

-- Forgets what runs of which no number is kept said before that day.
create function access_log.forget_run_records(oldest date) returns void
language plpgsql security definer set search_path = pg_catalog, pg_temp set timezone = 'UTC' as $$
begin
    delete from access_log.run_records as said
    where said.at < least(oldest, (clock_timestamp() at time zone 'UTC')::date - 90)::timestamptz
      and not exists (select from access_log.filed_numbers as filed where filed.gatekeeper = said.gatekeeper);
    delete from access_log.policies as known
    where known.filed_at < clock_timestamp() - interval '1 day'
      and not exists (select from access_log.run_records as said where said.policy_digest = known.digest);
end
$$;

revoke all on function access_log.make_day(date), access_log.drop_day(date), access_log.forget_run_records(date)
    from public;
grant execute on function access_log.make_day(date), access_log.drop_day(date), access_log.forget_run_records(date)
    to keyfold_audit;

-- migrate: rollback
