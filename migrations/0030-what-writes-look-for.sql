-- What a key made is found without reading the other keys and tokens of its account.
drop index keys_of_creator;
create index keys_of_creator on keys (account, created_by, key_id);
create index ended_keys_of_creator on ended_keys (account, created_by, key_id);
create index access_tokens_of_creator on access_tokens (account, created_by, token_id);

-- Who was assigned a slice or a server: the same as users.scope, to be asked by what was assigned.
create table assigned (
  account bigint not null references accounts (account),
  -- slices or servers.
  what text not null,
  id text not null,
  user_id text not null,
  primary key (account, what, id, user_id)
) /*by key*/;

create index assigned_to_user on assigned (account, user_id);
