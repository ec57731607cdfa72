with trades as (
    select * from {{ ref('int_agreed_cycle_trades') }}
),

judged as (
    select
        worker,
        run_id,
        trade_id,
        opportunity_id,
        hour_at,
        report_date,
        cycle,
        venue,
        home_asset,
        latency_ns,
        is_primary,
        decided_at,
        decided_ns,
        completed_at,
        completed_ns,
        outcome,
        legs,
        predicted_spent_usd,
        predicted_returned_usd,
        predicted_dust_value_usd,
        predicted_gross_usd,
        predicted_fee_usd,
        predicted_slippage_usd,
        predicted_net_usd,
        predicted_net_edge_bps,
        predicted_legs,
        realised_spent_usd,
        realised_returned_usd,
        realised_dust_value_usd,
        realised_net_usd,
        {{ share_bps('realised_net_usd', 'realised_spent_usd') }} as realised_net_bps
    from trades
)

select * from judged
