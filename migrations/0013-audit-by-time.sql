-- The rows of an account are listed by their time: each node that shares the database numbers its own.
create index audit_of_account_by_time on audit (account, at_ms, node, seq);

drop index audit_of_account;

-- Wrong passwords by what they are counted for (a hash of it), until the minute is over. Moments are Unix milliseconds.
create table password_failures (
  name text not null primary key,
  failed bigint not null,
  until_ms bigint not null
);

create index password_failures_by_end on password_failures (until_ms);
