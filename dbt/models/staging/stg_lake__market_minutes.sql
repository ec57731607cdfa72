with source as (
    select * from {{ source('lake', 'market_minutes') }}
),

renamed as (
    select
        hour_ns,
        {{ at('hour_ns') }} as hour_at,
        worker,
        market,
        minute_ns,
        {{ at('minute_ns') }} as minute_at,
        trusted_seconds,
        {{ from_centibps('volatility_centibps') }} as volatility_bps,
        {{ from_centibps('spread_centibps') }} as spread_bps,
        {{ from_e8('volume_e8') }} as volume
    from source
)

select * from renamed
