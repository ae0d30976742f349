-- API access of panel users (vendor: WMSPanel): the one key of each that it may look after itself.
create table api_access (
  account bigint not null references accounts (account),
  user_id text not null,
  key_id text not null,
  created_at bigint not null,
  primary key (account, user_id)
);
