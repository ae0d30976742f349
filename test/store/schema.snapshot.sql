-- Generated from the migrations. Refresh it with: UPDATE_SNAPSHOTS=1 node scripts/test.mjs store/schema

CREATE TABLE access_tokens (
  token_id text not null primary key,
  token_hash text not null unique,
  account bigint not null references accounts (account),
  principal_kind text not null,
  principal_id text not null,
  permissions text not null,
  addresses text not null,
  expires_at bigint not null,
  created_by text not null,
  created_at bigint not null
, tag text);

CREATE TABLE accounts (
  account bigint not null primary key,
  name text not null,
  enable integer not null,
  version bigint not null,
  created_at bigint not null
, time_zone text not null default 'UTC');

CREATE TABLE api_access (
  account bigint not null references accounts (account),
  user_id text not null,
  key_id text not null,
  created_at bigint not null,
  primary key (account, user_id)
);

CREATE TABLE assigned (
  account bigint not null references accounts (account),
  -- slices or servers.
  what text not null,
  id text not null,
  user_id text not null,
  primary key (account, what, id, user_id)
) without rowid;

CREATE TABLE audit (
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

CREATE TABLE claims (
  request_id text not null primary key,
  identity_digest text not null,
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
, part bigint not null default 0);

CREATE TABLE counters (
  account bigint not null,
  name text not null,
  value bigint not null,
  primary key (account, name)
);

CREATE TABLE device_passwords (
  user_name text not null primary key,
  account bigint not null references accounts (account),
  position bigint not null,
  device_name text not null,
  password text not null,
  created_at bigint not null,
  valid_from bigint not null,
  valid_until bigint
);

CREATE TABLE ended_keys (
  account bigint not null references accounts (account),
  key_id text not null,
  created_by text not null,
  primary key (account, key_id)
);

CREATE TABLE "key_use" (
  key_id text not null primary key,
  last_used_at bigint not null,
  last_address text not null
) without rowid;

CREATE TABLE keys (
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
, ceiling text not null default '[]', old_ceiling text);

CREATE TABLE meta (
  name text not null primary key,
  value text not null
);

CREATE TABLE migrations (id text not null primary key, applied_at bigint not null);

CREATE TABLE password_failures (
  name text not null primary key,
  failed bigint not null,
  until_ms bigint not null
);

CREATE TABLE principals (
  account bigint not null references accounts (account),
  kind text not null,
  id text not null,
  permissions text not null,
  enable integer not null,
  created_at bigint not null, tag text,
  primary key (account, kind, id)
);

CREATE TABLE promises (
  name text not null,
  value bigint not null,
  used_at bigint not null,
  primary key (name, value)
);

CREATE TABLE records (
  account bigint not null references accounts (account),
  kind text not null,
  id text not null,
  value text not null,
  primary key (account, kind, id)
);

CREATE TABLE refusals (
  key_id text not null,
  code integer not null,
  minute bigint not null,
  account bigint not null,
  count bigint not null,
  primary key (minute, key_id, code)
);

CREATE TABLE samples (
  account bigint not null references accounts (account),
  server text not null,
  time bigint not null,
  -- Of application, stream and id.
  source_digest text not null,
  app text not null,
  stream text not null,
  -- Tells the samples of one stream at one moment apart; empty where there is one.
  id text not null,
  connections bigint not null,
  bytes_in bigint not null,
  bytes_out bigint not null,
  -- Ids of viewers, as JSON; null where none were told.
  viewers text,
  kept_from bigint not null,
  primary key (account, server, time, source_digest)
);

CREATE TABLE servers (
  account bigint not null references accounts (account),
  id text not null,
  name text not null,
  host text not null,
  created_at bigint not null,
  primary key (account, id)
);

CREATE TABLE slices (
  account bigint not null references accounts (account),
  id text not null,
  name text not null,
  -- Globs, as JSON: {"servers": [], "apps": [], "streams": []}.
  matches text not null,
  created_at bigint not null,
  primary key (account, id)
);

CREATE TABLE stats_days (
  account bigint not null,
  day bigint not null,
  series bigint not null,
  connections bigint not null,
  bytes_in bigint not null,
  bytes_out bigint not null,
  view_seconds bigint not null,
  peak bigint not null,
  -- A sketch of who watched, as text; empty where nobody was told.
  sketch text not null,
  primary key (account, day, series)
);

CREATE TABLE stats_hours (
  account bigint not null,
  hour bigint not null,
  series bigint not null,
  connections bigint not null,
  bytes_in bigint not null,
  bytes_out bigint not null,
  view_seconds bigint not null,
  peak bigint not null,
  viewers bigint not null,
  -- Connections of each of its minutes, as JSON, so that the peak of several series together can be told.
  minutes text not null,
  primary key (account, hour, series)
);

CREATE TABLE stats_minutes (
  account bigint not null,
  minute bigint not null,
  series bigint not null,
  id text not null,
  samples bigint not null,
  -- The most connections of a sample, and those of all samples added up.
  most bigint not null,
  total bigint not null,
  bytes_in bigint not null,
  bytes_out bigint not null,
  -- Names of viewers, as JSON; null where none were told.
  viewers text,
  primary key (account, minute, series, id)
);

CREATE TABLE stats_series (
  account bigint not null references accounts (account),
  kind text not null,
  server text not null,
  app text not null,
  stream text not null,
  series bigint not null,
  primary key (account, kind, server, app, stream)
);

CREATE TABLE stats_viewers (
  account bigint not null,
  hour bigint not null,
  viewer text not null,
  series bigint not null,
  primary key (account, hour, viewer, series)
);

CREATE TABLE stream_users (
  account bigint not null references accounts (account),
  id bigint not null,
  app text not null,
  stream text not null,
  publisher text not null,
  publisher_digest text not null,
  pass text,
  settings text not null,
  created_at bigint not null,
  primary key (account, id)
);

CREATE TABLE subowners (
  account bigint not null references accounts (account),
  id text not null,
  username text not null,
  password text not null,
  permissions text not null,
  -- The key whose secret is the subowner's api_key now; earlier ones have its lineage.
  key_id text not null,
  created_at bigint not null,
  updated_at bigint not null,
  primary key (account, id)
);

CREATE TABLE tickets (
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

CREATE TABLE "users" (
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
  scope text, ceiling text, tag text, password_until bigint,
  primary key (account, id)
) without rowid;

CREATE INDEX access_tokens_by_end on access_tokens (expires_at);

CREATE INDEX access_tokens_in_order on access_tokens (account, created_at, token_id);

CREATE INDEX access_tokens_of_account on access_tokens (account, principal_kind, principal_id);

CREATE INDEX access_tokens_of_creator on access_tokens (account, created_by, token_id);

CREATE INDEX assigned_to_user on assigned (account, user_id);

CREATE INDEX audit_of_account_by_time on audit (account, at_ms, node, seq);

CREATE UNIQUE INDEX claims_by_part on claims (part, identity_digest);

CREATE UNIQUE INDEX device_passwords_in_order on device_passwords (account, position);

CREATE INDEX ended_keys_of_creator on ended_keys (account, created_by, key_id);

CREATE INDEX keys_by_old_until on keys (old_until) where old_until is not null;

CREATE INDEX keys_in_order on keys (account, created_at, key_id);

CREATE INDEX keys_of_creator on keys (account, created_by, key_id);

CREATE INDEX keys_of_principal on keys (account, principal_kind, principal_id, created_at, key_id);

CREATE INDEX password_failures_by_end on password_failures (until_ms);

CREATE INDEX principals_by_id on principals (id);

CREATE INDEX samples_kept_from on samples (account, kept_from);

CREATE INDEX stats_days_of_series on stats_days (account, series, day);

CREATE INDEX stats_hours_of_series on stats_hours (account, series, hour);

CREATE UNIQUE INDEX stats_series_by_number on stats_series (account, series);

CREATE INDEX stats_viewers_of_series on stats_viewers (account, series, hour, viewer);

CREATE UNIQUE INDEX stream_users_by_name on stream_users (account, app, stream, publisher_digest);

CREATE UNIQUE INDEX subowners_by_username on subowners (account, username);

CREATE INDEX subowners_in_order on subowners (account, created_at, username);
