-- PostgreSQL takes 2,704 bytes in a row of an index, and a name of 255 characters may have 1,020. What names a row is indexed as a
-- digest where it may be longer. src/store/migration-steps.ts moves the rows over in the same transaction. The columns are new, so
-- that a gateway of an earlier version that still runs adds no row without them.
drop index stream_users_by_name;

alter table stream_users rename to stream_users_before;

create table stream_users (
  account bigint not null references accounts (account),
  id bigint not null,
  app text not null,
  stream text not null,
  publisher text not null,
  publisher_digest text not null,
  pass text,
  settings text not null,
  created_at bigint not null,
  primary key (account, id)
);

create unique index stream_users_by_name on stream_users (account, app, stream, publisher_digest);

drop index samples_kept_from;

alter table samples rename to samples_before;

create table samples (
  account bigint not null references accounts (account),
  server text not null,
  time bigint not null,
  -- Of application, stream and id.
  source_digest text not null,
  app text not null,
  stream text not null,
  -- Tells the samples of one stream at one moment apart; empty where there is one.
  id text not null,
  connections bigint not null,
  bytes_in bigint not null,
  bytes_out bigint not null,
  -- Ids of viewers, as JSON; null where none were told.
  viewers text,
  kept_from bigint not null,
  primary key (account, server, time, source_digest)
);

create index samples_kept_from on samples (account, kept_from);
