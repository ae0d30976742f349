-- The same text runs on SQLite and PostgreSQL. Moments are Unix seconds unless a name ends in _ms.

create table meta (
  name text not null primary key,
  value text not null
);

create table accounts (
  account bigint not null primary key,
  name text not null,
  enable integer not null,
  version bigint not null,
  created_at bigint not null
);

-- Whoever may act but is no panel user: owners (later subowners and media servers).
create table principals (
  account bigint not null references accounts (account),
  kind text not null,
  id text not null,
  permissions text not null,
  enable integer not null,
  created_at bigint not null,
  primary key (account, kind, id)
);

create table keys (
  key_id text not null primary key,
  account bigint not null references accounts (account),
  principal_kind text not null,
  principal_id text not null,
  lineage text not null,
  permissions text not null,
  addresses text not null,
  secret text not null,
  old_secret text,
  old_until bigint,
  enable integer not null,
  expires_at bigint,
  revoked_at bigint,
  created_by text not null,
  comment text not null,
  created_at bigint not null
);

create index keys_of_principal on keys (account, principal_kind, principal_id);

create table users (
  account bigint not null references accounts (account),
  id text not null,
  enable integer not null,
  type integer not null,
  password text,
  comment text not null,
  token text,
  ip text not null,
  expire bigint not null,
  conlimit bigint not null,
  created_at bigint not null,
  updated_at bigint not null,
  primary key (account, id)
);

create table stream_users (
  account bigint not null references accounts (account),
  id bigint not null,
  app text not null,
  stream text not null,
  publisher text not null,
  pass text,
  settings text not null,
  created_at bigint not null,
  primary key (account, id)
);

create unique index stream_users_by_name on stream_users (account, app, stream, publisher);

-- Numbers that are given out once, per account.
create table counters (
  account bigint not null,
  name text not null,
  value bigint not null,
  primary key (account, name)
);

-- What an operator's own commands keep: JSON by kind and id.
create table records (
  account bigint not null references accounts (account),
  kind text not null,
  id text not null,
  value text not null,
  primary key (account, kind, id)
);

-- Identities of messages that were used, each with its outcome. request_id begins with the time, so the table is in the order of its making.
create table claims (
  request_id text not null primary key,
  identity text not null unique,
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

create table audit (
  node text not null,
  seq bigint not null,
  at_ms bigint not null,
  account bigint not null,
  principal text not null,
  key_id text,
  address text not null,
  dialect text not null,
  command text not null,
  target text,
  code integer not null,
  dry_run integer not null,
  request_id text not null,
  detail text,
  hash text not null,
  primary key (node, seq)
);
