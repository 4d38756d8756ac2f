-- Sums of whole days' counts, with fewer columns kept apart.

-- name: hold_days(numbers)
-- Keep these days from being added up until the transaction ends, for its counts would be left out. `numbers` counts
-- days since 1970.
select pg_advisory_xact_lock_shared(hashtext('keyfold.access_log.sums'), number)
from unnest(:numbers::integer[]) as number;

-- name: hold_day_alone(number)$
-- Wait for all transactions that count in a day, and keep others from it until this one ends.
select pg_advisory_xact_lock(hashtext('keyfold.access_log.sums'), :number::integer);

-- name: days_to_sum(first, last)
-- The days from `first` to `last`, both included, that have counts and are not added up; the newest first.
select each.day
from generate_series(:first::timestamptz, :last::timestamptz, interval '1 day') as each (day)
where not exists (select from access_log.summed_days as summed where summed.day = each.day and summed.owner = '')
  and exists (select from access_log.daily_counts as counts where counts.day = each.day)
order by each.day desc;

-- name: forget_day(day)!
-- Deletes the sums of a day, from before more was filed into it.
delete from access_log.daily_sums where day = :day;

-- name: note_summed(day, counts_min)!
-- Notes who has enough counts that adding them up is worth it; the owner '' notes that the day is done for everyone.
insert into access_log.summed_days (day, owner)
select :day::timestamptz, ''
union all
select :day, 'account/' || account_id
from access_log.daily_counts
where day = :day and account_id <> ''
group by account_id
having count(*) >= :counts_min
union all
select :day, 'vendor/' || vendor_id
from access_log.daily_counts
where day = :day and vendor_id <> ''
group by vendor_id
having count(*) >= :counts_min;

-- name: sum_accounts(day)!
-- For each account and each of its keys: sums that can be asked by any one or two columns; a key's also by the key.
insert into access_log.daily_sums (owner, kind, day, vendor_id, key_id, category, access, reason, requests)
select
    case when grouping(vendor_id, key_id, category, access, reason) in (16, 3, 5, 6)
        then 'key/' || account_id || '/' || key_id else 'account/' || account_id end,
    grouping(vendor_id, key_id, category, access, reason),
    :day::timestamptz,
    coalesce(vendor_id, ''),
    coalesce(key_id, ''),
    coalesce(category, ''),
    coalesce(access, ''),
    coalesce(reason, ''),
    sum(requests)
from access_log.daily_counts
where day = :day
  and account_id <> ''
  and 'account/' || account_id in (select owner from access_log.summed_days where day = :day)
group by account_id, grouping sets (
    (category, access, reason),
    (vendor_id, category), (vendor_id, access), (vendor_id, reason),
    (key_id, category), (key_id, access), (key_id, reason),
    (vendor_id, key_id),
    (key_id, category, access, reason),
    (vendor_id, key_id, category), (vendor_id, key_id, access), (vendor_id, key_id, reason)
);

-- name: sum_vendors(day)!
-- For each vendor: the sums by every column but keys, for it uses thousands; and its denials by key and reason.
insert into access_log.daily_sums (owner, kind, day, vendor_id, key_id, category, access, reason, requests)
select 'vendor/' || vendor_id, 8, :day::timestamptz, vendor_id, '', category, access, reason, sum(requests)
from access_log.daily_counts
where day = :day
  and vendor_id <> ''
  and 'vendor/' || vendor_id in (select owner from access_log.summed_days where day = :day)
group by vendor_id, category, access, reason
union all
select 'vendor/' || vendor_id, 38, :day, vendor_id, key_id, '', '', reason, sum(requests)
from access_log.daily_counts
where day = :day
  and vendor_id <> ''
  and reason <> ''
  and 'vendor/' || vendor_id in (select owner from access_log.summed_days where day = :day)
group by vendor_id, key_id, reason;

-- name: summed_days(owner, first, last)
-- The days from `first`, included, to `last`, excluded, whose sums of one owner are up to date with the counts.
select day from access_log.summed_days where owner = :owner and day >= :first and day < :last;

-- name: delete_oldest_sums(oldest)!
delete from access_log.daily_sums where day < :oldest;

-- name: delete_oldest_summed_days(oldest)!
delete from access_log.summed_days where day < :oldest;
