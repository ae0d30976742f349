-- expand since 0033
-- When a password ends by itself, in Unix seconds. A caller with an end gives none that lasts longer. Null: it lasts as long as its user.
alter table users add column password_until bigint;
