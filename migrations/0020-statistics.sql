-- Statistics are rolled up as samples arrive: minutes by source, hours and days by series.

-- Where days and hours begin.
alter table accounts add column time_zone text not null default 'UTC';

-- What is counted together: a stream on a server (kind cell), or all of a server, an application, a stream or the account. A name
-- that does not matter to its kind is empty.
create table stats_series (
  account bigint not null references accounts (account),
  kind text not null,
  server text not null,
  app text not null,
  stream text not null,
  series bigint not null,
  primary key (account, kind, server, app, stream)
);

create unique index stats_series_by_number on stats_series (account, series);

-- A source, which is a cell with the id of its samples, in a minute.
create table stats_minutes (
  account bigint not null,
  minute bigint not null,
  series bigint not null,
  id text not null,
  samples bigint not null,
  -- The most connections of a sample, and those of all samples added up.
  most bigint not null,
  total bigint not null,
  bytes_in bigint not null,
  bytes_out bigint not null,
  -- Names of viewers, as JSON; null where none were told.
  viewers text,
  primary key (account, minute, series, id)
);

create table stats_hours (
  account bigint not null,
  hour bigint not null,
  series bigint not null,
  connections bigint not null,
  bytes_in bigint not null,
  bytes_out bigint not null,
  view_seconds bigint not null,
  peak bigint not null,
  viewers bigint not null,
  -- Connections of each of its minutes, as JSON, so that the peak of several series together can be told.
  minutes text not null,
  primary key (account, hour, series)
);

create index stats_hours_of_series on stats_hours (account, series, hour);

-- Who watched a cell in an hour.
create table stats_viewers (
  account bigint not null,
  hour bigint not null,
  viewer text not null,
  series bigint not null,
  primary key (account, hour, viewer, series)
);

create index stats_viewers_of_series on stats_viewers (account, series, hour, viewer);

create table stats_days (
  account bigint not null,
  day bigint not null,
  series bigint not null,
  connections bigint not null,
  bytes_in bigint not null,
  bytes_out bigint not null,
  view_seconds bigint not null,
  peak bigint not null,
  -- A sketch of who watched, as text; empty where nobody was told.
  sketch text not null,
  primary key (account, day, series)
);

create index stats_days_of_series on stats_days (account, series, day);

-- The moment from which a sample is kept for as long as repeats are recognised: its own, or when it came if it is of older history.
alter table samples add column kept_from bigint not null default 0;

update samples set kept_from = time;

drop index samples_to_forget;

drop index samples_by_time;

create index samples_kept_from on samples (account, kept_from);
