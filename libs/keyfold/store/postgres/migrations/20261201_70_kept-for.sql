-- Number the kept answers of each tenant and login
-- depends: 20261201_50_runs

-- migrate: apply

-- Whose an answer is, as digests, and its number among those of its tenant and of its login. The newest number less the
-- oldest tells how many there are without counting them. The registry of the version before leaves all four empty, and
-- its answers are gone after a day.
alter table ledger.kept_answers
add column tenant bytea check (octet_length(tenant) = 32),
add column tenant_number bigint,
add column login bytea check (octet_length(login) = 32),
add column login_number bigint;

create index kept_answers_tenant on ledger.kept_answers (tenant, tenant_number) where tenant is not null;
create index kept_answers_login on ledger.kept_answers (login, login_number) where login is not null;

grant update (tenant, tenant_number, login, login_number) on ledger.kept_answers to keyfold_registry;

-- migrate: rollback
