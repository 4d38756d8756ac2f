-- Keep the registry's seals beside what they seal
-- depends: 20261130_05_sign-in

-- migrate: apply

-- The registry's signature of the head as this row left it. The last row of each batch has one.
alter table ledger.events add column seal bytea check (octet_length(seal) = 64);

-- The seal of the head, made with the key in force, which makes the next one too. Who appends without a seal leaves
-- sealed_position behind: once there are seals, the registry of the version before cannot append any more.
alter table ledger.head
add column seal bytea check (octet_length(seal) = 64),
add column seal_key bytea check (octet_length(seal_key) = 32),
add column sealed_position bigint,
add constraint head_is_sealed check (sealed_position is null or sealed_position = position);

grant update (seal, seal_key, sealed_position) on ledger.head to keyfold_registry;

-- migrate: rollback
