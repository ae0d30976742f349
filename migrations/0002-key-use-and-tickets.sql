-- When a key was last used, and from where: written now and then, not with every request.
create table key_use (
  key_id text not null primary key,
  last_used_at bigint not null,
  last_address text not null
);

create index keys_of_creator on keys (account, created_by);

create table tickets (
  account bigint not null references accounts (account),
  ticket text not null,
  app text not null,
  video text not null,
  ip text not null,
  uses bigint not null,
  used bigint not null,
  active integer not null,
  created_at bigint not null,
  used_at bigint not null,
  expire_at bigint not null,
  primary key (account, ticket)
);

-- Refusals after the MAC that one captured message could repeat: counted, not listed.
create table refusals (
  key_id text not null,
  code integer not null,
  minute bigint not null,
  account bigint not null,
  count bigint not null,
  primary key (minute, key_id, code)
);

create index audit_of_account on audit (account, seq);
