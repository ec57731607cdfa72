with source as (
    select * from {{ source('lake', 'inventory_snapshots') }}
),

renamed as (
    select
        worker,
        run_id,
        seq,
        received_ns,
        {{ at('received_ns') }} as snapshot_at,
        received_ns // 3600000000000 * 3600000000000 as hour_ns,
        venue,
        asset,
        {{ from_e8('total_e8') }} as total,
        {{ from_e8('reserved_e8') }} as reserved,
        {{ from_e8('target_e8') }} as target,
        {{ from_e8('drift_e8') }} as drift,
        {{ from_e8('arriving_e8') }} as arriving,
        {{ from_e8('price_usd_e8') }} as price_usd
    from source
)

select * from renamed
