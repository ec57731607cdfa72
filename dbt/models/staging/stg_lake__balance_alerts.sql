with source as (
    select * from {{ source('lake', 'balance_alerts') }}
),

renamed as (
    select
        worker,
        run_id,
        seq,
        received_ns,
        {{ at('received_ns') }} as raised_at,
        received_ns // 3600000000000 * 3600000000000 as hour_ns,
        kind,
        venue,
        asset,
        {{ from_e8('total_e8') }} as total,
        {{ from_e8('low_e8') }} as low
    from source
)

select * from renamed
