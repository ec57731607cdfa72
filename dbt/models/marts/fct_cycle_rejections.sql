with rejections as (
    select * from {{ ref('stg_lake__cycle_rejections') }}
),

closed_hours as (
    select * from {{ ref('int_closed_hours') }}
),

hourly as (
    select
        closed_hours.hour_at,
        closed_hours.report_date,
        rejections.worker,
        rejections.venue,
        rejections.cycle,
        rejections.reason,
        cast(sum(rejections.evaluations) as bigint) as evaluations,
        max(rejections.best_net_usd) as best_net_usd
    from rejections
    inner join closed_hours using (hour_ns, worker)
    group by all
)

select * from hourly
