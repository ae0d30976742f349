-- What media servers reported, sample by sample, for as long as a repeat of one is recognised.
create table samples (
  account bigint not null references accounts (account),
  server text not null,
  time bigint not null,
  app text not null,
  stream text not null,
  -- Tells the samples of one stream at one moment apart; empty where there is one.
  id text not null,
  connections bigint not null,
  bytes_in bigint not null,
  bytes_out bigint not null,
  -- Ids of viewers, as JSON; null where none were told.
  viewers text,
  primary key (account, server, time, app, stream, id)
);

create index samples_by_time on samples (account, time);

create index samples_to_forget on samples (time);
