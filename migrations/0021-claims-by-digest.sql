-- The identity of a message is kept as a digest. src/store/migration-steps.ts moves the claims over in the same transaction. The
-- column has a new name, so that a gateway of an earlier version that still runs does not take an old claim for missing.
alter table claims rename to claims_before;

create table claims (
  request_id text not null primary key,
  digest text not null,
  account bigint not null,
  principal text not null,
  command text not null,
  timestamp bigint not null,
  mac text not null,
  params_mac text not null,
  code integer not null,
  outcome text,
  sealed integer not null,
  created_at bigint not null
);

create unique index claims_by_digest on claims (digest);
