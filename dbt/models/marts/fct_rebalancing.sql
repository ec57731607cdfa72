with recommendations as (
    select * from {{ ref('stg_lake__rebalancing_recommendations') }}
),

closed_hours as (
    select * from {{ ref('int_closed_hours') }}
),

dated as (
    select
        recommendations.worker,
        recommendations.run_id,
        recommendations.seq,
        recommendations.recommended_at,
        recommendations.received_ns as recommended_ns,
        closed_hours.hour_at,
        closed_hours.report_date,
        recommendations.assets,
        recommendations.transfers,
        recommendations.proposal,
        recommendations.fee,
        recommendations.uncovered,
        recommendations.duration_ns,
        recommendations.cost_usd,
        recommendations.cost_of_waiting_usd
    from recommendations
    inner join closed_hours using (hour_ns, worker)
)

select * from dated
