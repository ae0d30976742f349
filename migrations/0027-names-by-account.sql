-- A login is looked for in its account alone, so the index over all of them is not needed. The moment of the newest user tells
-- later which of them were there before (src/store/bare-names.ts).
insert into meta (name, value)
  select 'names_by_account', cast(max(created_at) as text) from users having count(*) > 0;

drop index users_by_login;
