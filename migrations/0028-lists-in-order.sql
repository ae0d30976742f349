-- Pages of these lists are read in the order of an index, however many rows an account has.
create index keys_in_order on keys (account, created_at, key_id);
create index subowners_in_order on subowners (account, created_at, username);
create index access_tokens_in_order on access_tokens (account, created_at, token_id);
drop index keys_of_principal;
create index keys_of_principal on keys (account, principal_kind, principal_id, created_at, key_id);
