-- Limited logins of an account (vendor: Uplynk): what a row of principals does not have.
create table subowners (
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

create unique index subowners_by_username on subowners (account, username);

-- A message may name its principal without the account.
create index principals_by_id on principals (id);
