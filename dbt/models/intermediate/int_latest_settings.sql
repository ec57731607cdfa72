with replayed as (
    select * from {{ ref('stg_lake__replay_runs') }}
),

latest as (
    select
        worker,
        -- A worker may have been started again within the hour.
        arg_max(cast(settings as json), row(hour_ns, run_id)) as settings
    from replayed
    group by worker
)

select * from latest
