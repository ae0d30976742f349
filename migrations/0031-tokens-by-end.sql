-- Tokens that have ended are found without reading the others.
create index access_tokens_by_end on access_tokens (expires_at);
