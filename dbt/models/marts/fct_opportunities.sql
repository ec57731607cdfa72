with opportunities as (
    select * from {{ ref('stg_lake__opportunities') }}
),

reconciled as (
    select hour_ns, hour_at, worker, run_id, identity as opportunity_id, status
    from {{ ref('stg_lake__reconciliation') }}
    where output_table = 'opportunities' and live_seq is not null
),

joined as (
    select
        opportunities.worker,
        opportunities.run_id,
        opportunities.opportunity_id,
        reconciled.hour_at,
        cast(reconciled.hour_at as date) as report_date,
        opportunities.instrument,
        opportunities.pool,
        opportunities.direction,
        opportunities.opened_at,
        opportunities.opened_ns,
        opportunities.peaked_at,
        opportunities.peaked_ns,
        opportunities.closed_at,
        opportunities.closed_ns,
        opportunities.duration_ns,
        opportunities.close_reason,
        opportunities.opened_slot,
        opportunities.updates,
        opportunities.opening_size,
        opportunities.opening_notional_usd,
        {%- for line in stack_lines() %}
        opportunities.opening_{{ line }}_usd,
        {%- endfor %}
        opportunities.opening_net_edge_bps,
        opportunities.peak_size,
        opportunities.peak_notional_usd,
        {%- for line in stack_lines() %}
        opportunities.peak_{{ line }}_usd,
        {%- endfor %}
        opportunities.peak_net_edge_bps,
        opportunities.cex_age_ns,
        opportunities.pool_age_ns,
        reconciled.status as reconciliation_status
    from opportunities
    inner join reconciled using (worker, run_id, opportunity_id)
)

select * from joined
