with opportunities as (
    select * from {{ ref('stg_lake__cycle_opportunities') }}
),

reconciled as (
    select hour_at, worker, run_id, identity as opportunity_id, status
    from {{ ref('stg_lake__reconciliation') }}
    where output_table = 'cycle_opportunities' and live_seq is not null
),

joined as (
    select
        opportunities.worker,
        opportunities.run_id,
        opportunities.opportunity_id,
        reconciled.hour_at,
        cast(reconciled.hour_at as date) as report_date,
        opportunities.cycle,
        opportunities.venue,
        opportunities.home_asset,
        opportunities.opened_at,
        opportunities.opened_ns,
        opportunities.peaked_at,
        opportunities.peaked_ns,
        opportunities.closed_at,
        opportunities.closed_ns,
        opportunities.duration_ns,
        opportunities.close_reason,
        opportunities.updates,
        opportunities.opening_spent_usd,
        opportunities.opening_returned_usd,
        opportunities.opening_dust_value_usd,
        opportunities.opening_gross_usd,
        opportunities.opening_fee_usd,
        opportunities.opening_slippage_usd,
        opportunities.opening_net_usd,
        opportunities.opening_net_edge_bps,
        opportunities.opening_legs,
        opportunities.peak_spent_usd,
        opportunities.peak_returned_usd,
        opportunities.peak_dust_value_usd,
        opportunities.peak_gross_usd,
        opportunities.peak_fee_usd,
        opportunities.peak_slippage_usd,
        opportunities.peak_net_usd,
        opportunities.peak_net_edge_bps,
        opportunities.peak_legs,
        reconciled.status as reconciliation_status
    from opportunities
    inner join reconciled using (worker, run_id, opportunity_id)
)

select * from joined
