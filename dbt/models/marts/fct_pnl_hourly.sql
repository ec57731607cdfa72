with hourly as (
    select * from {{ ref('stg_lake__pnl_hourly') }}
),

judged as (
    select
        hour_at,
        hour_ns,
        cast(hour_at as date) as report_date,
        worker,
        instrument,
        pool,
        direction,
        latency_ns,
        is_primary,
        trades,
        winning_trades,
        unwound_trades,
        notional_usd,
        {{ stack_columns('predicted') }},
        {{ stack_columns('realised') }},
        {{ as_percent('completeness_millionths') }} as completeness_pct,
        case when completeness_millionths >= {{ complete_millionths() }} then 'complete' else 'incomplete' end as data_verdict
    from hourly
)

select * from judged
