with legs as (
    select * from {{ ref('stg_lake__cycle_legs') }}
),

trades as (
    select worker, run_id, trade_id, hour_at, report_date, cycle, latency_ns, is_primary
    from {{ ref('int_agreed_cycle_trades') }}
),

joined as (
    select
        legs.worker,
        legs.run_id,
        legs.trade_id,
        legs.leg,
        trades.hour_at,
        trades.report_date,
        trades.cycle,
        trades.latency_ns,
        trades.is_primary,
        legs.instrument,
        legs.is_buy,
        legs.status,
        legs.due_at,
        legs.due_ns,
        legs.filled_at,
        legs.filled_ns,
        legs.size,
        legs.notional,
        legs.fee,
        legs.fee_asset,
        legs.paid,
        legs.received,
        legs.dust,
        legs.dust_value_usd
    from legs
    inner join trades using (worker, run_id, trade_id)
)

select * from joined
