with hourly as (
    select * from {{ ref('stg_lake__pnl_hourly') }}
),

daily as (
    select
        cast(hour_at as date) as report_date,
        worker,
        instrument,
        pool,
        direction,
        latency_ns,
        bool_or(is_primary) as is_primary,
        count(distinct hour_ns) as hours_with_trades,
        cast(sum(trades) as bigint) as trades,
        cast(sum(winning_trades) as bigint) as winning_trades,
        cast(sum(unwound_trades) as bigint) as unwound_trades,
        cast(sum(notional_usd) as decimal(28, 8)) as notional_usd,
        {{ stack_sums('predicted') }},
        {{ stack_sums('realised') }},
        {{ as_percent('min(completeness_millionths)') }} as worst_hour_completeness_pct
    from hourly
    group by all
)

select * from daily
