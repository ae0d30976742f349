-- MACs over what the rights of a row rest on, under a key derived from the master key. A start that has that key fills them in.
alter table users add column tag text;
alter table principals add column tag text;
alter table access_tokens add column tag text;
