with replayed as (
    select * from {{ ref('stg_lake__replay_runs') }}
),

quality as (
    select * from {{ ref('stg_lake__feed_quality') }}
),

hours as (
    select
        hour_ns,
        worker,
        any_value(hour_at) as hour_at,
        cast(any_value(hour_at) as date) as report_date,
        max(primary_latency_ns) as primary_latency_ns
    from replayed
    group by hour_ns, worker
),

worst_market as (
    select
        hour_ns,
        worker,
        min(completeness_millionths) as completeness_millionths,
        max(downtime_ns) as downtime_ns
    from quality
    where market is not null
    group by hour_ns, worker
),

joined as (
    select
        hours.*,
        coalesce(worst_market.completeness_millionths, 0) as completeness_millionths,
        coalesce(worst_market.downtime_ns, 0) as downtime_ns
    from hours
    left join worst_market using (hour_ns, worker)
)

select * from joined
