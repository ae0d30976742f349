-- Media servers, and named parts of the streams on them (vendor: WMSPanel's data slices).
create table servers (
  account bigint not null references accounts (account),
  id text not null,
  name text not null,
  host text not null,
  created_at bigint not null,
  primary key (account, id)
);

create table slices (
  account bigint not null references accounts (account),
  id text not null,
  name text not null,
  -- Globs, as JSON: {"servers": [], "apps": [], "streams": []}.
  matches text not null,
  created_at bigint not null,
  primary key (account, id)
);

-- What a panel user was given of them, as JSON: {"slices": [], "servers": []}; null is nothing.
alter table users add column scope text;
