-- What the maker of a secret or of a password held when it was made. They never allow more.
alter table keys add column ceiling text not null default '[]';
alter table keys add column old_ceiling text;
-- Null for a user without a password.
alter table users add column ceiling text;

-- What earlier makers held was not recorded. What their principals hold now becomes the ceiling: everything works on as it does.
update keys set ceiling = coalesce(
  (select p.permissions from principals p
   where p.account = keys.account and p.kind = keys.principal_kind and p.id = keys.principal_id),
  (select case when u.type = 1 then '["*"]' when u.type = 2 then '["*:read"]'
               when u.scope is not null then '["stats:read","slices:read","servers:read"]' else '[]' end
   from users u where keys.principal_kind = 'user' and u.account = keys.account and u.id = keys.principal_id),
  '[]');
update keys set old_ceiling = ceiling where old_secret is not null;
update users set ceiling = case when type = 1 then '["*"]' when type = 2 then '["*:read"]' else '[]' end
  where password is not null;

-- Keys that were removed with their principal, while something that they made is left.
create table ended_keys (
  account bigint not null references accounts (account),
  key_id text not null,
  created_by text not null,
  primary key (account, key_id)
);


-- Secrets that are to end, and then to be removed.
create index keys_by_old_until on keys (old_until) where old_until is not null;
