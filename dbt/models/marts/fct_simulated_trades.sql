with outcomes as (
    select * from {{ ref('stg_lake__trade_outcomes') }}
),

judged as (
    select
        worker,
        run_id,
        trade_id,
        opportunity_id,
        hour_at,
        cast(hour_at as date) as report_date,
        instrument,
        pool,
        direction,
        latency_ns,
        is_primary,
        decided_at,
        decided_ns,
        completed_at,
        completed_ns,
        size,
        notional_usd,
        outcome,
        cex_status,
        pool_status,
        is_unwound,
        legs,
        legs_cash_usd,
        legs_fee_usd,
        {{ stack_columns('predicted') }},
        {{ stack_columns('realised') }},
        {{ share_bps('realised_net_usd', 'notional_usd') }} as realised_net_bps
    from outcomes
)

select * from judged
