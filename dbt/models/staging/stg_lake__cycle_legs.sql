with source as (
    select * from {{ source('lake', 'cycle_legs') }}
),

renamed as (
    select
        worker,
        run_id,
        seq,
        trade_id,
        leg,
        instrument,
        is_buy,
        status,
        due_ns,
        {{ at('due_ns') }} as due_at,
        filled_ns,
        {{ at('filled_ns') }} as filled_at,
        {{ from_e8('size_e8') }} as size,
        {{ from_e8('notional_e8') }} as notional,
        {{ from_e8('fee_e8') }} as fee,
        fee_asset,
        {{ from_e8('paid_e8') }} as paid,
        {{ from_e8('received_e8') }} as received,
        {{ from_e8('dust_e8') }} as dust,
        {{ from_e8('dust_value_e8') }} as dust_value_usd,
        received_ns
    from source
)

select * from renamed
