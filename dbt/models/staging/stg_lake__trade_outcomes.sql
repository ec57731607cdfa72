with source as (
    select * from {{ source('lake', 'trade_outcomes') }}
),

renamed as (
    select
        hour_ns,
        {{ at('hour_ns') }} as hour_at,
        worker,
        run_id,
        seq,
        trade_id,
        opportunity_id,
        instrument,
        pool,
        direction,
        latency_ns,
        is_primary,
        decided_ns,
        {{ at('decided_ns') }} as decided_at,
        completed_ns,
        {{ at('completed_ns') }} as completed_at,
        {{ from_e8('size_e8') }} as size,
        {{ from_e8('notional_usd_e8') }} as notional_usd,
        outcome,
        cex_status,
        pool_status,
        is_unwound,
        legs,
        {{ from_e8('legs_cash_usd_e8') }} as legs_cash_usd,
        {{ from_e8('legs_fee_usd_e8') }} as legs_fee_usd,
        {{ stack_as_money('predicted') }},
        {{ stack_as_money('realised') }}
    from source
)

select * from renamed
