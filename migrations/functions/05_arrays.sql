-- Small helpers for arrays and for the bits of a batch.

-- Returns an array with a value for each job, repeating a value that was given once for all. PT400 for more
-- values than jobs.
create or replace function jobs._for_each(i_values anyarray, i_jobs integer) returns anyarray
language plpgsql immutable strict parallel safe set search_path = pg_catalog, pg_temp as $$
begin
  if cardinality(i_values) > greatest(i_jobs, 1) then
    raise sqlstate 'PT400' using message = format('there are %s values for %s jobs', cardinality(i_values), i_jobs),
      hint = 'give one value for each, or one for all';
  end if;
  return case when cardinality(i_values) = 1 and i_jobs > 1 then array_fill(i_values[array_lower(i_values, 1)], array[i_jobs]) else i_values end;
end $$;

-- A mask of 64 bits with the lowest i_number set.
create or replace function jobs._lowest_bits(i_number bigint) returns bigint
language sql immutable parallel safe
return case when i_number >= 64 then -1 when i_number <= 0 then 0 else ~(-1::bigint << i_number::integer) end;

-- The bits of a batch: of run i_run (a batch_index, or its position in the batch); how many are set; the
-- batch of a run within its lease.
create or replace function jobs._bit(i_run bigint) returns bigint
language sql immutable parallel safe
return 1::bigint << (i_run & 63)::integer;

create or replace function jobs._count(i_bits bigint) returns integer
language sql immutable parallel safe
return pg_catalog.bit_count(i_bits::bit(64))::integer;

create or replace function jobs._part(i_run integer) returns integer
language sql immutable parallel safe
return i_run >> 6;
