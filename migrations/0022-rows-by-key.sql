-- Rows that are looked up one by one, in no order, lie in the index of their key where the engine can do that: each costs one page
-- that is read and one that is written, not two.
create table users_by_key (
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
  scope text,
  primary key (account, id)
) /*by key*/;

insert into users_by_key (account, id, enable, type, password, comment, token, ip, expire, conlimit, created_at, updated_at, scope)
  select account, id, enable, type, password, comment, token, ip, expire, conlimit, created_at, updated_at, scope from users
  order by account, id;

drop table users;

alter table users_by_key rename to users;

create index users_by_login on users (id);

create table key_use_by_key (
  key_id text not null primary key,
  last_used_at bigint not null,
  last_address text not null
) /*by key*/;

insert into key_use_by_key (key_id, last_used_at, last_address)
  select key_id, last_used_at, last_address from key_use order by key_id;

drop table key_use;

alter table key_use_by_key rename to key_use;
