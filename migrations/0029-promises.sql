-- What processes on this database have promised for how long: a value of a setting, and when a process last used it. The
-- largest value holds until it has run out after its last use. Moments are Unix seconds.
create table promises (
  name text not null,
  value bigint not null,
  used_at bigint not null,
  primary key (name, value)
);
