with alerts as (
    select * from {{ ref('stg_lake__balance_alerts') }}
),

closed_hours as (
    select * from {{ ref('int_closed_hours') }}
),

dated as (
    select
        alerts.worker,
        alerts.run_id,
        alerts.raised_at,
        alerts.received_ns as raised_ns,
        closed_hours.hour_at,
        closed_hours.report_date,
        alerts.kind,
        alerts.venue,
        alerts.asset,
        alerts.total,
        alerts.low
    from alerts
    inner join closed_hours using (hour_ns, worker)
)

select * from dated
