-- Digests are in no order: among millions, each claim changed a page of their index that nothing else changes soon. The index is
-- kept in partitions by the time of the making, so that new claims land on few pages (src/store/partitions.ts). The column has a new
-- name, so that a gateway of an earlier version that still runs cannot add to a partition that is closed.
alter table claims rename column digest to identity_digest;

alter table claims add column part bigint not null default 0;

create unique index claims_by_part on claims (part, identity_digest);

drop index claims_by_digest;
