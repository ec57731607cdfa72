with replayed as (
    select * from {{ ref('stg_lake__replay_runs') }}
),

-- A line of the fee schedule that a run had in force, for one pair or (symbol is null) for all pairs of its venue.
lines as (
    select
        hour_ns,
        worker,
        run_id,
        unnest(from_json(cast(settings as json) -> '$.taker_fees', '["JSON"]')) as line
    from replayed
),

named as (
    select
        hour_ns,
        worker,
        run_id,
        line ->> '$.venue' as venue,
        line ->> '$.symbol' as symbol,
        cast(line ->> '$.millionths' as bigint) as taker_millionths,
        coalesce(cast(line ->> '$.valid_from_ns' as bigint), 0) as valid_from_ns
    from lines
)

select * from named
