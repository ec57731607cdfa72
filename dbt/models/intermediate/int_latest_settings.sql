with replayed as (
    select * from {{ ref('stg_lake__replay_runs') }}
),

latest as (
    select
        worker,
        arg_max(cast(settings as json), hour_ns) as settings
    from replayed
    group by worker
)

select * from latest
