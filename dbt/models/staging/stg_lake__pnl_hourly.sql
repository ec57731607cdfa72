with source as (
    select * from {{ source('lake', 'pnl_hourly') }}
),

renamed as (
    select
        hour_ns,
        {{ at('hour_ns') }} as hour_at,
        worker,
        instrument,
        pool,
        direction,
        latency_ns,
        is_primary,
        trades,
        winning_trades,
        unwound_trades,
        {{ from_e8('notional_usd_e8') }} as notional_usd,
        {{ stack_as_money('predicted') }},
        {{ stack_as_money('realised') }},
        completeness_millionths
    from source
)

select * from renamed
