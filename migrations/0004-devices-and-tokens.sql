-- Logins of devices that broadcast. A user_name is one in the whole instance: a streaming server that is given one knows no account.
create table device_passwords (
  user_name text not null primary key,
  account bigint not null references accounts (account),
  position bigint not null,
  device_name text not null,
  password text not null,
  created_at bigint not null,
  valid_from bigint not null,
  valid_until bigint
);

create unique index device_passwords_in_order on device_passwords (account, position);

-- Bearer tokens: a hash of each, never the token.
create table access_tokens (
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
);

create index access_tokens_of_account on access_tokens (account, principal_kind, principal_id);

-- A login without its account is looked for in all of them.
create index users_by_login on users (id);
