with source as (
    select * from {{ source('lake', 'transfers') }}
),

renamed as (
    select
        worker,
        run_id,
        seq,
        received_ns,
        {{ at('received_ns') }} as noted_at,
        received_ns // 3600000000000 * 3600000000000 as hour_ns,
        status,
        transfer_id,
        source as source_venue,
        destination as destination_venue,
        asset,
        received_asset,
        {{ from_e8('amount_e8') }} as amount,
        {{ from_e8('fee_e8') }} as fee,
        departed_ns,
        arrives_ns,
        terms
    from source
)

select * from renamed
